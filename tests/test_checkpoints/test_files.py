"""Local files of checkpoints."""

import os

import pytest

from mmkd_logit.checkpoints.files import (
    check_folder,
    file_hash,
    local_file,
    written_whole,
)


def test_a_path_is_found_in_its_spellings(tmp_path, monkeypatch):
    path = tmp_path / 'a b.pth'
    path.write_bytes(b'abc')
    monkeypatch.setenv('HOME', str(tmp_path))
    assert local_file(str(path)) == str(path)
    assert local_file('~/a b.pth') == str(path)
    assert local_file(path.as_uri()) == str(path)
    with pytest.raises(FileNotFoundError, match="'/no.pth' is not a file"):
        local_file('/no.pth')
    with pytest.raises(FileNotFoundError, match="did you mean '.*/a b.pth'"):
        local_file(str(path.with_name('a_b.pth')))


def test_hash_of_a_file(tmp_path):
    (tmp_path / 'file').write_bytes(b'abc')  # the example of FIPS 180
    assert file_hash(str(tmp_path / 'file')) == 'ba7816bf8f01'


def test_a_file_is_replaced_only_by_a_whole_one(tmp_path):
    path = tmp_path / 'new' / 'file'
    with written_whole(str(path)) as file:
        file.write(b'old')
    with pytest.raises(KeyboardInterrupt):
        with written_whole(str(path)) as file:
            file.write(b'half')
            raise KeyboardInterrupt
    assert path.read_bytes() == b'old'
    with written_whole(str(path)) as file:
        file.write(b'whole')
        file.flush()
        assert path.read_bytes() == b'old'
    assert path.read_bytes() == b'whole'
    assert os.listdir(path.parent) == ['file']


def test_a_replaced_file_keeps_its_mode_and_its_links(tmp_path):
    path, link = tmp_path / 'file', tmp_path / 'link'
    path.write_bytes(b'old')
    path.chmod(0o640)
    link.symlink_to(path)
    with written_whole(str(link)) as file:
        file.write(b'new')
    assert link.is_symlink() and path.read_bytes() == b'new'
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / 'file').write_text('')
    below = str(tmp_path / 'file' / 'a.pth')
    with pytest.raises(OSError, match="a.pth' cannot be written: File ex"):
        with written_whole(below):
            pass

    def full(descriptor):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('os.fsync', full)
    with pytest.raises(OSError, match='cannot be written: No space left'):
        with written_whole(str(tmp_path / 'a.pth')) as file:
            file.write(b'a')
    assert [path.name for path in tmp_path.iterdir()] == ['file']


def test_folders_that_can_be_made(tmp_path, monkeypatch):
    check_folder(str(tmp_path / 'new' / 'deep'))
    assert not (tmp_path / 'new').exists()
    (tmp_path / 'file').write_text('')
    for path in ('file', 'file/deep'):
        with pytest.raises(OSError, match="work dir .*file' is not a folder"):
            check_folder(str(tmp_path / path))
    monkeypatch.setattr('os.access', lambda path, mode: False)
    with pytest.raises(OSError, match='may not be written by you'):
        check_folder(str(tmp_path / 'new'))
