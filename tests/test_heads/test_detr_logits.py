"""Rows of detection transformers: queries, encoder tokens, noised boxes."""

from contextlib import ExitStack

import pytest
import torch

pytest.importorskip('mmdet')

from mmkd_logit.distillers.match_classes import match_classes
from mmkd_logit.heads import DETRLogits, find_reader
from mmkd_logit.heads.upstream.observe import observe
from mmkd_logit.losses import KDLoss
from mmkd_logit.structures.class_columns import ClassColumns
from tests.toy_detectors import BATCHES, detection_batch, detector, read_all
from tests.toy_detrs import DETRS, build_detr, detr, detr_cfg

FAMILIES = sorted(DETRS)
TWO_STAGE = ['ddq', 'deformable_two', 'dino']
BOXES = ['boxes', 'four_sizes', 'no_boxes']
ALL = ('queries', 'encoder', 'denoising')


def watched(reader, name, teacher, batch, seed=0):
    """Pairs, and each call of the student's class loss."""
    student = detr(name)
    inputs, samples = detection_batch(student, **BATCHES[batch], seed=seed)
    calls = []
    with ExitStack() as stack:
        stack.enter_context(
            observe(
                student.bbox_head.loss_cls,
                'forward',
                lambda args, _: calls.append(list(args.values())[:2]),
            )
        )
        _, pairs = read_all(reader, student, teacher, inputs, samples)
    return pairs, calls


def in_order(logits, labels):
    """Rows with their label, in an order of their own."""
    rows = torch.cat([logits.detach(), labels[:, None].float()], 1)
    return rows[rows[:, 0].argsort()]


def objects(logits, labels):
    keep = labels < 3
    return in_order(logits[keep], labels[keep])


@pytest.mark.parametrize('name', FAMILIES)
def test_default_reader_is_found_and_a_users_subclass_counts(name):
    student = detr(name)
    assert type(find_reader(student)) is DETRLogits
    parent = type(student.bbox_head)
    student.bbox_head.__class__ = type('MyHead', (parent,), {})
    try:
        assert DETRLogits.fits(student)
    finally:
        student.bbox_head.__class__ = parent
    assert not DETRLogits.fits(detector('fcos'))


@pytest.mark.parametrize('batch', BOXES)
@pytest.mark.parametrize('name', FAMILIES)
def test_query_rows_are_the_objects_of_the_stock_loss(name, batch):
    pairs, calls = watched(
        DETRLogits('queries'), name, detr(name, seed=1), batch
    )
    assert list(pairs) == ['', 'd0.']
    number = sum(BATCHES[batch]['boxes_per_image'])
    for prefix, (logits, labels) in zip(['d0.', ''], calls):
        pair = pairs[prefix]
        assert len(pair.labels) == number
        torch.testing.assert_close(
            in_order(pair.student_logits, pair.labels), objects(logits, labels)
        )
        assert float(pair.avg_factor) == max(number, 1)


@pytest.mark.parametrize('name', ['detr', 'ddq', 'dino'])
def test_teacher_rows_are_what_its_own_training_would_match(name):
    # a seed by which DDQ drops queries between its layers
    student, teacher = detr(name), detr(name, seed=11)
    as_student = class_loss_in_training(teacher)
    inputs, samples = detection_batch(student, **BATCHES['four_sizes'])
    _, pairs = read_all(
        DETRLogits('queries'), student, teacher, inputs, samples
    )
    for prefix, (logits, labels) in zip(['d0.', ''], as_student):
        pair = pairs[prefix]
        torch.testing.assert_close(
            in_order(pair.teacher_logits, pair.labels),
            objects(logits, labels),
            atol=1e-5,
            rtol=1e-5,
        )


def class_loss_in_training(teacher):
    """What a teacher's own class loss would receive in training."""
    inputs, samples = detection_batch(teacher, **BATCHES['four_sizes'])
    calls = []
    with observe(
        teacher.bbox_head.loss_cls,
        'forward',
        lambda args, _: calls.append(list(args.values())[:2]),
    ):
        teacher.train()
        teacher(inputs, samples, mode='loss')
    return calls


def test_rows_pair_the_queries_of_one_object():
    # with the labels 0, 1, 2 the object of a row is known
    student, teacher = detr('dab'), detr('dab', seed=1)
    inputs, samples = detection_batch(student, [3])
    samples[0].gt_instances.labels = torch.arange(3)
    reader, seen = DETRLogits(layers='last'), []
    with observe(
        teacher.bbox_head.assigner,
        'assign',
        lambda args, result: seen.append(
            (args['pred_instances'].scores, result.gt_inds)
        ),
    ):
        _, pairs = read_all(reader, student, teacher, inputs, samples)
    assert list(pairs) == [''] and len(seen) == 1
    scores, owners = seen[0]
    assert pairs[''].labels.tolist() == [0, 1, 2]
    for label, row in enumerate(pairs[''].teacher_logits):
        torch.testing.assert_close(row, scores[owners == label + 1][0])


@pytest.mark.parametrize('batch', BOXES)
@pytest.mark.parametrize('name', TWO_STAGE)
def test_encoder_rows_are_the_tokens_inside_the_images(name, batch):
    pairs, calls = watched(
        DETRLogits('encoder', divisor='student'),
        name,
        detr(name, seed=1),
        batch,
    )
    assert list(pairs) == ['enc_']
    pair = pairs['enc_']
    logits, labels = calls[2]  # after two decoder layers
    # 128 x 128: 8x8 + 4x4 tokens; 96 x 128: 6x8 + 3x4; 128 x 64: 8x4 + 4x2
    tokens = dict(boxes=80, four_sizes=60 + 40 + 20 + 80, no_boxes=160)
    assert len(pair.labels) == tokens[batch]
    number = sum(BATCHES[batch]['boxes_per_image'])
    assert float(pair.avg_factor) == max(number, 1)
    padded = 'sizes' in BATCHES[batch]
    if name == 'deformable_two':
        # the stock loss sees all tokens, with the label 0 for any object
        logits, labels = logits[:, :1], labels.clamp(max=1)
        found = pair.labels == 0
        ours = in_order(pair.student_logits[found], pair.labels[found])
        stock = in_order(logits[labels == 0], labels[labels == 0])
        if not padded:
            torch.testing.assert_close(pair.student_logits, logits)
            assert torch.equal(pair.labels, labels)
    else:
        ours = objects(pair.student_logits, pair.labels)
        # tokens of the padding are all alike, and may be matched as well
        stock = objects(logits, labels)
        same = torch.isclose(stock[:, :3], padding_token(detr(name))).all(1)
        assert padded or not same.any()
        stock, number = stock[~same], number - same.sum()
    torch.testing.assert_close(ours, stock)
    assert len(ours) == number


def padding_token(model):
    """What the encoder's classifier says of tokens that are set to 0."""
    with torch.no_grad():
        nothing = torch.zeros(1, model.embed_dims)
        token = model.memory_trans_norm(model.memory_trans_fc(nothing))
        return model.bbox_head.cls_branches[2](token)


@pytest.mark.parametrize('batch', BOXES)
def test_denoising_rows_are_the_noised_boxes_of_the_stock_loss(batch):
    pairs, calls = watched(
        DETRLogits('denoising', divisor='student'),
        'dino',
        detr('dino', seed=1),
        batch,
    )
    assert list(pairs) == ['dn_', 'd0.dn_']
    counts = BATCHES[batch]['boxes_per_image']
    # 10 queries are 3 groups of at most 3 objects, each noised twice
    groups = 10 // max(counts) if max(counts) else 0
    number = sum(counts) * groups
    for prefix, (logits, labels) in zip(['d0.dn_', 'dn_'], calls[3:]):
        pair = pairs[prefix]
        assert len(pair.labels) == 2 * number
        assert (pair.labels == 3).sum() == number
        assert float(pair.avg_factor) == max(number, 1)
        torch.testing.assert_close(
            objects(pair.student_logits, pair.labels), objects(logits, labels)
        )
    assert bool(calls[3:]) == (number > 0)


@pytest.mark.parametrize('batch', BOXES)
@pytest.mark.parametrize('name', FAMILIES)
def test_teacher_with_the_students_weights_gives_no_loss(name, batch):
    rows = dict(dino=ALL, deformable_two='encoder').get(name)
    loss = KDLoss(use_sigmoid=name != 'detr')
    for reader in (DETRLogits(), DETRLogits(rows)):
        pairs, _ = watched(reader, name, detr(name), batch)
        total = 0
        for pair in pairs.values():
            assert not pair.teacher_logits.requires_grad
            value = loss(*pair)
            assert abs(value.item()) < 1e-4
            total = total + value
        total.backward()
        pairs, _ = watched(reader, name, detr(name, seed=1), batch)
        for pair in pairs.values():
            assert (loss(*pair).item() > 1e-3) == (len(pair.labels) > 0)


def test_default_rows_of_each_head():
    queries = ['', 'd0.']
    for name in FAMILIES:
        pairs, _ = watched(DETRLogits(), name, detr(name, seed=1), 'boxes')
        tokens = name in ('ddq', 'dino')
        assert list(pairs) == queries + ['enc_'] * tokens


def test_teacher_of_another_family_depth_and_number_of_queries():
    student = detr('deformable')
    teacher = build_detr(
        detr_cfg('dino', num_queries=20, layers=3, levels=3), seed=3
    )
    reader = DETRLogits()
    with pytest.raises(ValueError, match="2 layers, the teacher's 3.*last"):
        reader.check(student, teacher)
    reader = DETRLogits(layers='last')
    reader.check(student, teacher)
    inputs, samples = detection_batch(student, [2, 3])
    _, pairs = read_all(reader, student, teacher, inputs, samples)
    assert list(pairs) == ['']
    assert pairs[''].teacher_logits.shape == (5, 3)
    with torch.no_grad():
        feats = teacher.extract_feat(inputs)
        logits, _ = teacher.bbox_head(
            **teacher.forward_transformer(feats, samples)
        )
    same = pairs[''].teacher_logits[:, None] == logits[-1].flatten(0, 1)
    assert same.all(-1).any(1).all()


def test_tokens_share_the_divisor_of_other_detectors():
    student, teacher = detr('dino'), detr('dino', seed=1)
    inputs, samples = detection_batch(student, [2, 1])
    _, pairs = read_all(
        DETRLogits(('encoder', 'denoising')), student, teacher, inputs, samples
    )
    for prefix in ('enc_', 'dn_'):
        pair = pairs[prefix]
        expected = pair.teacher_logits.sigmoid().amax(1).sum()
        number = (pair.labels < 3).sum()
        torch.testing.assert_close(
            pair.avg_factor, torch.maximum(expected, number.float())
        )


def test_objects_without_a_query_are_left_out():
    student = detr('conditional', num_queries=2)
    inputs, samples = detection_batch(student, [5, 1])
    _, pairs = read_all(
        DETRLogits(), student, detr('conditional'), inputs, samples
    )
    assert len(pairs[''].labels) == 3
    assert float(pairs[''].avg_factor) == 3


@pytest.mark.parametrize('name', ['ddq', 'deformable_two', 'dino'])
def test_teachers_classes_are_mapped_before_they_are_matched(name):
    student = detr(name)
    inputs, samples = detection_batch(student, [3, 2])
    of_student = [2, 4, 1]
    # a teacher that knows more classes and has them in another order
    teacher = build_detr(detr_cfg(name, num_classes=5), seed=9)
    state, ours = teacher.state_dict(), student.state_dict()
    for key in state:
        value = ours[key]
        if state[key].shape == value.shape:
            state[key] = value
            continue
        state[key][:] = -20.0 if value.dim() == 1 else 0.0
        if name == 'deformable_two' and 'cls_branches.2' in key:
            state[key][0] = value[0]  # object or not
        else:
            state[key][of_student] = value
    teacher.load_state_dict(state)
    reader = DETRLogits(dict(dino=ALL).get(name))
    columns = ClassColumns(of_student, 5)
    _, pairs = read_all(
        reader, student, teacher, inputs, samples, class_map=columns
    )
    assert len(pairs) == dict(dino=5, ddq=3, deformable_two=2)[name]
    for pair in pairs.values():
        torch.testing.assert_close(
            pair.student_logits, pair.teacher_logits, atol=1e-5, rtol=1e-5
        )


def test_denoising_leaves_teacher_and_random_numbers_as_they_were():
    teacher = build_detr(detr_cfg('dino'), seed=1).eval()
    generator = teacher.dn_query_generator
    before = dict(vars(generator))
    ran = []
    forward = teacher.pre_decoder

    def pre_decoder(**kwargs):
        state = torch.get_rng_state()
        result = forward(**kwargs)
        ran.append(torch.equal(state, torch.get_rng_state()))
        return result

    teacher.pre_decoder = pre_decoder
    watched(DETRLogits('denoising'), 'dino', teacher, 'four_sizes')
    assert ran == [True]
    assert dict(vars(generator)) == before and not teacher.training


def test_denoising_queries_do_not_change_the_teachers_others():
    teacher = detr('dino', seed=1)
    torch.manual_seed(0)
    alone, _ = watched(DETRLogits('queries'), 'dino', teacher, 'four_sizes')
    torch.manual_seed(0)
    both, _ = watched(DETRLogits(ALL), 'dino', teacher, 'four_sizes')
    for prefix, pair in alone.items():
        torch.testing.assert_close(
            pair.teacher_logits, both[prefix].teacher_logits
        )


@pytest.mark.parametrize('name', TWO_STAGE)
def test_encoder_rows_run_no_decoder_and_prune_it(name):
    teacher = build_detr(detr_cfg(name), seed=1)
    reader = DETRLogits('encoder')
    ran = set()
    for path, module in teacher.named_modules():
        module.register_forward_hook(lambda *_, path=path: ran.add(path))
    before, _ = watched(reader, name, teacher, 'four_sizes')
    assert 'encoder' in ran and 'decoder' not in ran
    pruned = reader.prune(teacher)
    assert 'decoder' in pruned
    assert not [path for path in ran if path and path.startswith(pruned)]
    for path in pruned:
        owner, _, child = path.rpartition('.')
        teacher.get_submodule(owner)._modules.pop(child, None)
    assert len(list(teacher.parameters())) < len(list(detr(name).parameters()))
    after, _ = watched(reader, name, teacher, 'four_sizes')
    assert torch.equal(
        before['enc_'].teacher_logits, after['enc_'].teacher_logits
    )
    # with the decoder the same tokens are read on its way
    if name != 'deformable_two':
        whole, _ = watched(
            DETRLogits(), name, build_detr(detr_cfg(name), 1), 'four_sizes'
        )
        torch.testing.assert_close(
            whole['enc_'].teacher_logits, after['enc_'].teacher_logits
        )


def test_rows_that_a_head_lacks_are_refused():
    with pytest.raises(ValueError, match='which this DETRHead lacks.*queries'):
        DETRLogits('encoder').facts(detr('detr'))
    with pytest.raises(ValueError, match='which this DeformableDETRHead'):
        DETRLogits('encoder').facts(detr('deformable'))
    with pytest.raises(ValueError, match='from DINOHead, got DDQDETRHead'):
        DETRLogits('denoising').facts(detr('ddq'))
    with pytest.raises(ValueError, match='one logit a token, its queries 3'):
        DETRLogits(['encoder', 'queries']).facts(detr('deformable_two'))
    with pytest.raises(ValueError, match='has a FCOSHead; queries and'):
        DETRLogits().facts(detector('fcos'))


def test_teachers_that_do_not_fit_are_refused():
    dino = detr('dino')
    with pytest.raises(ValueError, match='in another way than.*DeformableDE'):
        DETRLogits('encoder').check(dino, detr('deformable_two'))
    finer = detr('dino', levels=3)
    with pytest.raises(ValueError, match="has 2 levels, the teacher's 3"):
        DETRLogits().check(dino, finer)
    DETRLogits('queries').check(dino, finer)
    with pytest.raises(ValueError, match='a DINO as well, got a DDQDETRHea'):
        DETRLogits('denoising').check(dino, detr('ddq'))
    cfg = dict(detr_cfg('dino'), train_cfg=None)
    with pytest.raises(ValueError, match='no train_cfg with an assigner'):
        DETRLogits('queries').check(dino, build_detr(cfg))
    DETRLogits('encoder').check(dino, build_detr(cfg))
    reader = DETRLogits()
    with pytest.raises(ValueError, match='teacher has 4 classes, student 3'):
        match_classes(
            reader.facts(dino),
            reader.facts(detr('dino', num_classes=4)),
            None,
            None,
            None,
        )
    with pytest.raises(ValueError, match='a sigmoid one.* a softmax one'):
        match_classes(
            reader.facts(dino), reader.facts(detr('detr')), None, None, None
        )


def test_tokens_of_another_size_are_refused():
    student, teacher = detr('dino'), build_detr(detr_cfg('dino'))
    extract = teacher.extract_feat
    teacher.extract_feat = lambda inputs: extract(
        torch.nn.functional.interpolate(inputs, scale_factor=2)
    )
    inputs, samples = detection_batch(student, [1])
    with pytest.raises(ValueError, match=r'maps of \[\(8, 8\), .*\(16, 16'):
        read_all(DETRLogits('encoder'), student, teacher, inputs, samples)


def test_a_head_of_words_says_why_it_is_not_read():
    from mmdet.models.dense_heads import GroundingDINOHead
    from mmdet.models.detectors import DINO

    model = DINO.__new__(DINO)
    torch.nn.Module.__init__(model)
    model.bbox_head = GroundingDINOHead.__new__(GroundingDINOHead)
    reader = find_reader(model)
    assert type(reader) is DETRLogits
    with pytest.raises(ValueError, match="words of each image's caption"):
        reader.facts(model)


def test_wrong_options_are_refused():
    with pytest.raises(ValueError, match="'denoising', got .'tokens'"):
        DETRLogits('tokens')
    with pytest.raises(ValueError, match='one or several of'):
        DETRLogits([])
    with pytest.raises(ValueError, match="'all' or 'last', got 'first'"):
        DETRLogits(layers='first')


def test_head_that_never_computes_its_loss_is_reported():
    with pytest.raises(RuntimeError, match='without calling bbox_head'):
        DETRLogits().pairs(dict(rows=('queries',)), None)
