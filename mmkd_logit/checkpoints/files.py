"""Local files of checkpoints: paths, downloads, hashes."""

import hashlib
import os
from pathlib import Path
from urllib.parse import urlparse

import torch

from ..messages import MissingFile, NoConnection


def local_file(source: str) -> str:
    """Path of a checkpoint, downloaded first if it is a URL.

    Args:
        source (str): A path, or an ``http(s)://`` address. A download goes
            to torch's hub cache and is kept.

    Raises:
        FileNotFoundError: If there is no such file.
        ConnectionError: If it cannot be downloaded.
    """
    if urlparse(source).scheme not in ('http', 'https'):
        path = os.path.expanduser(source)
        if not os.path.isfile(path):
            raise MissingFile(
                f'teacher checkpoint {source!r} is not a file; check '
                '`teacher_ckpt` (or pass --teacher-ckpt), a path, a URL, or '
                "'auto'"
            )
        return path
    folder = Path(torch.hub.get_dir()) / 'checkpoints'
    target = folder / Path(urlparse(source).path).name
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(source, str(target))
        except Exception as error:
            raise NoConnection(
                f'teacher checkpoint {source!r} cannot be downloaded '
                f'({error}); download it elsewhere and pass --teacher-ckpt '
                'PATH'
            ) from error
    return str(target)


def file_hash(path: str) -> str:
    """First 12 hex digits of a file's SHA-256."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for block in iter(lambda: file.read(1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()[:12]
