"""Local files of checkpoints: paths, hashes, and writing them whole."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Iterator
from urllib.parse import urlparse
from urllib.request import url2pathname

from ..messages import MissingFile, NotWritable, near_path
from .downloads import download, is_url, sha256_of


def local_file(
    source: str,
    whose: str = 'teacher checkpoint',
    setting: str = '`teacher_ckpt` (or pass --teacher-ckpt), a path, a URL, '
    "or 'auto'",
    switch: str = '--teacher-ckpt PATH',
) -> str:
    """Path of a checkpoint, downloaded first if it is a URL.

    Args:
        source (str): A path, or an ``http(s)://`` address; see
            :func:`~mmkd_logit.checkpoints.downloads.download`.
        whose (str): For messages. Defaults to ``'teacher checkpoint'``.
        setting (str): Where a user named it.
        switch (str): How a user can name a local file instead.

    Raises:
        FileNotFoundError: If there is no such file.
        ConnectionError: If it cannot be downloaded.
        ValueError: If another file arrives than the name promises.
    """
    if is_url(source):
        remedy = f'download it elsewhere and pass {switch}'
        return download(source, whose, remedy)
    path = os.path.expanduser(source)
    if urlparse(source).scheme == 'file':
        path = url2pathname(urlparse(source).path)
    if not os.path.isfile(path):
        raise MissingFile(
            f'{whose} {source!r} is not a file; check {setting}'
            f'{near_path(path)}'
        )
    return path


def file_hash(path: str) -> str:
    """First 12 hex digits of a file's SHA-256."""
    return sha256_of(path)[:12]


@contextmanager
def written_whole(path: str) -> Iterator[BinaryIO]:
    """Open a file to write that appears only when it is whole.

    It is written under another name and renamed, so a run that is killed or
    fails leaves the old file as it was.

    Args:
        path (str): File to write; its folder is created.

    Raises:
        OSError: If it cannot be written there.
    """
    place = Path(os.path.realpath(path))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(
            prefix=f'.{place.name}.', suffix='.part', dir=place.parent
        )
    except OSError as error:
        raise _not_written(path, error) from error
    try:
        with open(descriptor, 'wb') as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, _mode_of(place))
        os.replace(beside, place)
    except BaseException as error:
        os.unlink(beside)
        if isinstance(error, OSError):
            raise _not_written(path, error) from error
        raise


def _not_written(path: str, error: OSError) -> NotWritable:
    return NotWritable(
        f'{path!r} cannot be written: {error.strerror or error}; make room, '
        'correct the permissions, or name another place'
    )


def check_folder(folder: str) -> None:
    """Check that a folder is there or can be made, and can be written.

    Raises:
        OSError: If not.
    """
    place = Path(folder).expanduser().absolute()
    while not os.path.lexists(place):
        place = place.parent
    if not place.is_dir():
        problem = f'{str(place)!r} is not a folder'
    elif not os.access(place, os.W_OK | os.X_OK):
        problem = f'{str(place)!r} may not be written by you'
    else:
        return
    raise NotWritable(
        f'the work dir {folder!r} cannot be used: {problem}; pass another '
        '--work-dir'
    )


def _mode_of(place: Path) -> int:
    """Permissions of the file that is replaced, or of a new file."""
    if place.exists():
        return place.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
