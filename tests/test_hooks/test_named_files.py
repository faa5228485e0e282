"""A broken image is named, in the main process and in a worker."""

import copy
import pickle

import pytest
from torch.utils.data import DataLoader, Dataset

from mmkd_logit.hooks.named_files import name_unreadable_files
from mmkd_logit.hooks.placed_batches import place_batches


class Files(Dataset):
    """As datasets of MMEngine: a step of a pipeline reads `results`."""

    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return load(dict(img_path=self.paths[index]))


def load(results):
    with open(results['img_path'], 'rb') as file:
        return file.read()[0]


@pytest.fixture
def files(tmp_path):
    from PIL import Image

    Image.new('RGB', (2, 2)).save(tmp_path / 'good.png')
    (tmp_path / 'empty.png').write_bytes(b'')
    names = ('good.png', 'empty.png')
    dataset = Files([str(tmp_path / name) for name in names])
    name_unreadable_files(dataset)
    name_unreadable_files(dataset)
    return dataset


@pytest.mark.parametrize('workers', [0, 1])
def test_a_file_that_cannot_be_read_is_one_sentence(
    files, workers, monkeypatch
):
    loader = DataLoader(files, num_workers=workers)
    place_batches(loader, 0)
    assert isinstance(files, Files) and files[0] == 0x89
    with pytest.raises(
        RuntimeError, match=r"^the file '.*empty.png' has 0 bytes; replace"
    ):
        list(loader)


def test_other_errors_stay_what_they_are(files):
    files.paths = [None]
    with pytest.raises(TypeError, match='NoneType'):
        files[0]


def test_copies_name_files_too(files):
    place_batches(DataLoader(files), 0)
    assert pickle.loads(pickle.dumps(files))[0] == 0x89
    with pytest.raises(RuntimeError, match='has 0 bytes'):
        copy.deepcopy(files)[1]
