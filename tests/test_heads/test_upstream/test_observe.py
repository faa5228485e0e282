import copy
import pickle
import types

import pytest

from mmkd_logit.heads.upstream.observe import is_a, observe, upstream_class


class Head:
    def loss(self, feats, samples=None, scale=1):
        return feats * scale


def of_toolbox(name, *parents, toolbox='mmdet'):
    module = f'{toolbox}.models'
    return types.new_class(
        name, parents, exec_body=lambda ns: ns.update(__module__=module)
    )


def test_arguments_have_their_names_however_they_were_passed():
    head, notes = Head(), []
    with observe(head, 'loss', lambda *call: notes.append(call)):
        assert head.loss(3, scale=2) == 6
        assert head.loss(4, None, 5) == 20
    assert notes == [
        (dict(feats=3, scale=2), 6),
        (dict(feats=4, samples=None, scale=5), 20),
    ]


def test_nothing_is_left_after_the_block_nor_after_an_error():
    head, notes = Head(), []
    with pytest.raises(TypeError, match='feats'):
        with observe(head, 'loss', lambda *call: notes.append(call)):
            head.loss()
    assert vars(head) == {} and notes == []
    copied = pickle.loads(pickle.dumps(copy.deepcopy(head)))
    assert copied.loss(2) == 2


def test_a_method_of_the_object_itself_comes_back():
    head = Head()
    own = head.loss = lambda feats: -feats
    notes = []
    with observe(head, 'loss', lambda *call: notes.append(call)):
        assert head.loss(1) == -1
    assert head.loss is own and notes == [(dict(feats=1), -1)]


def test_a_missing_method_is_named():
    with pytest.raises(AttributeError, match="Head has no method 'predict'"):
        with observe(Head(), 'predict', print):
            pass


def test_classes_are_known_by_toolbox_and_name():
    Retina = of_toolbox('RetinaHead')
    PAA = of_toolbox('PAAHead', Retina)
    own = of_toolbox('MyHead', Retina, toolbox='users_package')
    assert is_a(own(), 'mmdet', 'RetinaHead')
    assert not is_a(own(), 'mmseg', 'RetinaHead')
    assert not is_a(own(), 'mmdet', 'MyHead') and not is_a(None, 'mmdet', 'A')
    assert upstream_class(own()) == 'RetinaHead'
    assert upstream_class(PAA()) == 'PAAHead'
    assert upstream_class(Head()) == ''
