"""Download checkpoints once, whole, and by their address."""

import hashlib
import http.client
import os
import re
import urllib.request
from pathlib import Path
from typing import Optional, Tuple
from urllib.error import HTTPError
from urllib.parse import unquote, urldefrag, urlparse

import torch
from filelock import FileLock
from mmengine.logging import print_log

from ..messages import NoConnection, WrongValue

_ATTEMPTS = 3
_SECONDS = 30  # of waiting for the server
_BLOCK = 1 << 20


def is_url(source: str) -> bool:
    """Whether a checkpoint's source is an ``http(s)://`` address."""
    return urlparse(source).scheme in ('http', 'https')


def looks_like_checkpoint(path: str) -> bool:
    """Whether a file begins like a zip archive or a pickle of torch."""
    with open(path, 'rb') as file:
        return file.read(2).startswith((b'PK', b'\x80'))


def sha256_of(path: str) -> str:
    """Hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for block in iter(lambda: file.read(_BLOCK), b''):
            digest.update(block)
    return digest.hexdigest()


def cache_path(url: str) -> Path:
    """Where a download is kept: a folder for each address.

    ``http://h/a/best.pth`` and ``http://h/b/best.pth`` are two files.
    """
    url = urldefrag(url).url
    name = Path(unquote(urlparse(url).path)).name or 'checkpoint'
    folder = hashlib.sha256(url.encode()).hexdigest()[:16]
    return Path(torch.hub.get_dir()) / 'checkpoints' / folder / name


def download(url: str, whose: str, remedy: str) -> str:
    """Path of an address's file, downloaded if it is not kept yet.

    A download is written beside its place and moved there when its length
    and, where the name carries one as in ``resnet18-1a2b3c4d.pth``, its hash
    are right. One that was cut off is continued. A kept file whose hash has
    changed since is downloaded again.

    Args:
        url (str): ``http(s)://`` address.
        whose (str): For messages, such as ``'teacher checkpoint'``.
        remedy (str): What to do where there is no connection.

    Raises:
        ConnectionError: If it cannot be downloaded whole.
        ValueError: If what arrives is not the file that the name promises.
    """
    target = cache_path(url)
    shared = target.parents[1] / target.name
    if _hash_in(target.name) and _is_whole(shared):
        return str(shared)  # where torch and MMEngine keep it
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f'{target}.lock'):  # for processes in parallel
        if _is_whole(target):
            return str(target)
        print_log(f'downloading {url}', logger='current')
        part = target.with_name(f'{target.name}.part')
        try:
            _fetch_whole(url, part)
        except (OSError, http.client.HTTPException) as error:
            raise NoConnection(
                f'{whose} {url!r} cannot be downloaded ({error}); {remedy}'
            ) from error
        digest = sha256_of(str(part))
        _refuse_other_content(url, whose, part, digest)
        Path(f'{target}.sha256').write_text(digest)
        os.replace(part, target)
    return str(target)


def _hash_in(name: str) -> Optional[str]:
    """Start of the SHA-256 that the toolboxes write into a file's name.

    Eight digits without a letter may be a date and do not count.
    """
    found = re.search(r'-([0-9a-f]{8,64})\.\w+$', name)
    if found is None or re.fullmatch(r'\d{8}', found[1]):
        return None
    return found[1]


def _is_whole(path: Path) -> bool:
    """Whether a kept file is there and still what was downloaded."""
    if not path.is_file():
        return False
    expected = _hash_in(path.name)
    if expected is None:
        digest = Path(f'{path}.sha256')
        expected = digest.read_text() if digest.is_file() else None
    return bool(expected) and sha256_of(str(path)).startswith(expected)


def _refuse_other_content(
    url: str, whose: str, part: Path, digest: str
) -> None:
    """Refuse a web page, and a file with another hash than its name."""
    expected = _hash_in(part.name[: -len('.part')])
    if not looks_like_checkpoint(str(part)):
        problem = 'what arrived is no PyTorch checkpoint, perhaps a web page'
    elif expected and not digest.startswith(expected):
        problem = (
            f'its sha256 begins with {digest[: len(expected)]}, its name '
            f'says {expected}'
        )
    else:
        return
    part.unlink()
    raise WrongValue(
        f'{whose} {url!r} was downloaded, but {problem}; check the address, '
        'or download the file by hand and name its path'
    )


def _fetch_whole(url: str, part: Path) -> None:
    """Fetch into ``part``; continue an interrupted download two times."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            came, length = _fetch(url, part)
            if length in (None, came):
                Path(f'{part}.etag').unlink(missing_ok=True)
                return
            if came > length:  # the part was of another file
                part.unlink()
            cut = ConnectionError(f'got {came} of {length} bytes')
        except HTTPError:
            raise
        except (OSError, http.client.HTTPException) as error:
            cut = error
        if attempt == _ATTEMPTS:
            raise cut


def _fetch(url: str, part: Path) -> Tuple[int, Optional[int]]:
    """(bytes that are there now, bytes of the whole file if known)."""
    tag = Path(f'{part}.etag')
    request = urllib.request.Request(
        url,
        headers={'User-Agent': 'mmkd_logit', 'Accept-Encoding': 'identity'},
    )
    if part.is_file() and tag.is_file():
        # If the file has changed, the server sends all of it.
        request.add_header('Range', f'bytes={part.stat().st_size}-')
        request.add_header('If-Range', tag.read_text())
    try:
        answer = urllib.request.urlopen(request, timeout=_SECONDS)
    except HTTPError as error:
        if error.code != 416:  # the part is as long as the file, or longer
            raise
        part.unlink()
        request.remove_header('Range')
        answer = urllib.request.urlopen(request, timeout=_SECONDS)
    with answer:
        length = answer.headers.get('Content-Length')
        total = int(length) if length else None
        continues = answer.status == 206
        if continues and total is not None:
            total += part.stat().st_size
        _keep_version(tag, answer.headers)
        with open(part, 'ab' if continues else 'wb') as file:
            for block in iter(lambda: answer.read(_BLOCK), b''):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
    return part.stat().st_size, total


def _keep_version(tag: Path, headers: http.client.HTTPMessage) -> None:
    """Keep the version of the file, which continuing must find again."""
    version = headers.get('ETag') or headers.get('Last-Modified')
    if version and not version.startswith('W/'):
        tag.write_text(version)
    else:
        tag.unlink(missing_ok=True)
