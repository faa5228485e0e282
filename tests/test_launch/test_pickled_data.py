"""No data file of a run is a pickle, unless it is trusted."""

import pytest
from mmengine.config import Config

from mmkd_logit.launch.pickled_data import refuse_pickled_data
from tests.test_launch.toy_job import Harm, call, write_config

LOADERS = ('train_dataloader', 'val_dataloader')


def check(dataset, **kwargs):
    wrapped = dict(type='RepeatDataset', times=2, dataset=dataset)
    config = dict(val_dataloader=dict(dataset=wrapped))
    refuse_pickled_data(Config(config), LOADERS, **kwargs)


@pytest.mark.parametrize(
    'dataset, message',
    [
        (dict(ann_file='a.PKL'), "`ann_file` of the dataset is 'a.PKL'"),
        (dict(proposal_file='b.pickle'), "`proposal_file` .* 'b.pickle'"),
        (
            dict(pipeline=[dict(type='A', decode_backend='pickle')]),
            '`pipeline.0.decode_backend`',
        ),
    ],
)
def test_a_pickle_needs_trust(dataset, message):
    with pytest.raises(ValueError, match=f'val_dataloader: {message}.*--trus'):
        check(dataset)
    check(dataset, trusted=True)


def test_other_files_pass():
    check(dict(ann_file='a.json', pipeline=[dict(decode_backend='numpy')]))
    check(dict(pipeline=None))


def test_nothing_runs(tmp_path):
    import pickle

    data = tmp_path / 'a.pkl'
    data.write_bytes(pickle.dumps(Harm(tmp_path / 'made')))
    config = write_config(
        tmp_path,
        more="train_dataloader['dataset'] = dict(type='BaseDataset', "
        f"ann_file='{data}')\n",
    )
    with pytest.raises(ValueError, match='reading a pickle runs the code'):
        call('train', config, '--work-dir', tmp_path / 'run')
    assert not (tmp_path / 'made').exists()
