"""Downloads are kept by address, whole, and what their name promises."""

import hashlib
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from mmkd_logit.checkpoints.downloads import cache_path
from mmkd_logit.checkpoints.files import local_file


class Server:
    """A web server on this machine.

    Attributes:
        files (dict[str, bytes]): Path -> content.
        cut (int, optional): Break the next answer off after so many bytes.
        asked (list[tuple]): Path and ``Range`` of every request.
    """

    def __init__(self):
        self.files, self.cut, self.asked, self.ranges = {}, None, [], True

    def answer(self, request):
        self.asked.append((request.path, request.headers.get('Range')))
        content = self.files.get(request.path)
        if content is None:
            return request.send_error(404)
        tag = f'"{hashlib.sha256(content).hexdigest()[:8]}"'
        begin = 0
        wanted = request.headers.get('Range')
        if wanted and self.ranges and request.headers['If-Range'] == tag:
            begin = int(re.match(r'bytes=(\d+)-', wanted)[1])
        request.send_response(206 if begin else 200)
        request.send_header('ETag', tag)
        request.send_header('Content-Length', str(len(content) - begin))
        request.end_headers()
        end, self.cut = self.cut, None
        request.wfile.write(content[begin:end])


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    with running_server() as ours:
        yield ours


@contextmanager
def running_server():
    ours = Server()

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self):
            ours.answer(self)

        def log_message(self, *args):
            pass

    http = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    http.daemon_threads = True
    ours.url = f'http://127.0.0.1:{http.server_port}'
    thread = threading.Thread(target=http.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield ours
    finally:
        http.shutdown()
        thread.join(10)
        http.server_close()


def checkpoint(tmp_path, value, size=20000):
    path = tmp_path / 'made.pth'
    torch.save(dict(weight=torch.full((size,), float(value))), path)
    return path.read_bytes()


def value_of(path):
    return torch.load(path, weights_only=False)['weight'][0].item()


def test_two_addresses_with_one_name_are_two_files(server, tmp_path):
    server.files['/a/best.pth'] = checkpoint(tmp_path, 1)
    server.files['/b/best.pth'] = checkpoint(tmp_path, 2)
    server.files['/b/best.pth?v=3'] = checkpoint(tmp_path, 3)
    for name, value in (('a/best.pth', 1), ('b/best.pth', 2)):
        assert value_of(local_file(f'{server.url}/{name}')) == value
    assert value_of(local_file(f'{server.url}/b/best.pth?v=3')) == 3


def test_a_kept_file_is_not_fetched_again(server, tmp_path):
    server.files['/a/best.pth'] = checkpoint(tmp_path, 1)
    first = local_file(f'{server.url}/a/best.pth')
    assert local_file(f'{server.url}/a/best.pth') == first
    assert len(server.asked) == 1


def test_a_kept_file_that_changed_since_is_fetched_again(server, tmp_path):
    server.files['/a/best.pth'] = checkpoint(tmp_path, 1)
    path = local_file(f'{server.url}/a/best.pth')
    with open(path, 'r+b') as file:
        file.truncate(1000)
    assert value_of(local_file(f'{server.url}/a/best.pth')) == 1


def test_a_download_that_breaks_is_continued(server, tmp_path):
    content = server.files['/a/best.pth'] = checkpoint(tmp_path, 1)
    server.cut = 30000
    path = local_file(f'{server.url}/a/best.pth')
    assert server.asked[1:] == [('/a/best.pth', 'bytes=30000-')]
    with open(path, 'rb') as file:
        assert file.read() == content


def test_a_broken_download_of_a_file_that_changed_starts_again(
    server, tmp_path
):
    url = f'{server.url}/a/best.pth'
    server.files['/a/best.pth'] = checkpoint(tmp_path, 1)
    part = cache_path(url)
    part.parent.mkdir(parents=True)
    part.with_name('best.pth.part').write_bytes(b'PK' + b'x' * 999)
    part.with_name('best.pth.part.etag').write_text('"another"')
    assert value_of(local_file(url)) == 1


def test_a_download_that_stays_cut_is_not_kept(server, tmp_path, monkeypatch):
    url = f'{server.url}/a/best.pth'
    server.files['/a/best.pth'] = checkpoint(tmp_path, 1)
    answer = server.answer

    def cut_always(request):
        server.cut, server.ranges = 500, False
        answer(request)

    monkeypatch.setattr(server, 'answer', cut_always)
    with pytest.raises(ConnectionError, match='got 500 of .*--teacher-ckpt'):
        local_file(url)
    assert not cache_path(url).exists()
    monkeypatch.setattr(server, 'answer', answer)
    assert value_of(local_file(url)) == 1


def test_the_hash_in_a_name_is_checked(server, tmp_path):
    content = checkpoint(tmp_path, 1)
    good = hashlib.sha256(content).hexdigest()[:8]
    names = f'r18-{good}.pth', 'r18-20200130.pth', 'r18-1234567a.pth'
    server.files.update({f'/{name}': content for name in names})
    for name in names[:2]:  # the second carries a date
        assert value_of(local_file(f'{server.url}/{name}')) == 1
    with pytest.raises(
        ValueError, match=f'begins with {good}, its name says 1234567a'
    ):
        local_file(f'{server.url}/{names[2]}')
    assert not cache_path(f'{server.url}/{names[2]}').exists()


def test_a_file_that_torch_keeps_serves_if_its_hash_is_right(server, tmp_path):
    content = checkpoint(tmp_path, 1)
    good = hashlib.sha256(content).hexdigest()[:8]
    kept = tmp_path / 'hub' / 'checkpoints' / f'r18-{good}.pth'
    kept.parent.mkdir(parents=True)
    kept.write_bytes(content)
    url = f'{server.url}/r18-{good}.pth'
    assert local_file(url) == str(kept) and not server.asked
    kept.write_bytes(content[:100])
    server.files[f'/r18-{good}.pth'] = content
    assert value_of(local_file(url)) == 1
    # without a hash nothing tells where a file of that name came from
    (kept.parent / 'best.pth').write_bytes(checkpoint(tmp_path, 5))
    server.files['/best.pth'] = checkpoint(tmp_path, 2)
    assert value_of(local_file(f'{server.url}/best.pth')) == 2


def test_a_web_page_is_not_kept_as_a_checkpoint(server):
    server.files['/best.pth'] = b'<html>please log in</html>'
    with pytest.raises(ValueError, match='no PyTorch checkpoint, perhaps a'):
        local_file(f'{server.url}/best.pth')
    assert not cache_path(f'{server.url}/best.pth').exists()


def test_an_address_without_a_file_says_so(server):
    with pytest.raises(ConnectionError, match='404.*--teacher-ckpt PATH'):
        local_file(f'{server.url}/gone.pth')
    assert len(server.asked) == 1


def test_a_machine_without_a_connection_is_told_what_to_do(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    with pytest.raises(ConnectionError, match='pass --teacher-ckpt PATH'):
        local_file('http://localhost:9/teacher.pth')
