"""Downloads from servers of our own: only a whole file with the right MD5 is ever put in place."""

import hashlib
import http.server
import threading

import numpy as np
import pytest

from nnscratch.data.download import ARCHIVE, DownloadError, fetch_cifar10, is_intact, reachable

CONTENT = np.random.default_rng(0).bytes(300_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT under /good, and what goes wrong in practice under other names."""

    def do_HEAD(self):
        self.send_response(404 if self.path == "/missing" else 200)
        self.end_headers()

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Range")))
        first = 0
        if self.path == "/missing":
            return self.send_error(404)
        asked = self.headers.get("Range")
        if asked and self.path != "/no-ranges":
            first = int(asked.removeprefix("bytes=").removesuffix("-"))
            if first >= len(CONTENT):
                return self.send_error(416)
        self.send_response(206 if first else 200)
        content = CONTENT[first:] if self.path != "/bad" else b"x" * len(CONTENT)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        breaks_off = self.path == "/broken" and not first
        self.wfile.write(content[:100_000] if breaks_off else content)
        return None

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def fetch(server, cache, *names):
    return fetch_cifar10(cache, [f"{server.url}/{name}" for name in names], MD5, progress=False)


def start_of(request):
    """The byte from which a request asks for the file."""
    return int(request[1].removeprefix("bytes=").removesuffix("-"))


def files(cache):
    return sorted(path.name for path in cache.iterdir()) if cache.exists() else []


def test_a_good_file_is_fetched_once(server, cache):
    for _ in range(2):
        path = fetch(server, cache, "good")
        assert path == cache / ARCHIVE
        assert path.read_bytes() == CONTENT
    assert server.asked == [("/good", None)]
    assert files(cache) == [ARCHIVE]
    assert is_intact(path, MD5)


def test_a_bad_mirror_is_left_for_a_good_one(server, cache):
    assert fetch(server, cache, "missing", "bad", "good").read_bytes() == CONTENT
    assert [name for name, _ in server.asked] == ["/missing", "/bad", "/good"]
    assert files(cache) == [ARCHIVE]


def test_a_wrong_md5_is_never_put_in_place(server, cache):
    with pytest.raises(DownloadError, match=r"(?s)/bad: MD5 hash of .* does not match"):
        fetch(server, cache, "bad")
    assert files(cache) == []


def test_a_break_is_resumed_where_it_ended(server, cache):
    assert fetch(server, cache, "broken").read_bytes() == CONTENT
    assert [name for name, _ in server.asked] == ["/broken", "/broken"]
    assert 0 < start_of(server.asked[1]) <= 100_000


def test_a_break_is_resumed_from_another_mirror(server, cache):
    assert fetch(server, cache, "broken", "good").read_bytes() == CONTENT
    assert [name for name, _ in server.asked] == ["/broken", "/good"]
    assert 0 < start_of(server.asked[1]) <= 100_000


def test_a_part_of_an_earlier_run_is_resumed(server, cache):
    cache.mkdir()
    (cache / f"{ARCHIVE}.part").write_bytes(CONTENT[:250_000])
    assert fetch(server, cache, "good").read_bytes() == CONTENT
    assert server.asked == [("/good", "bytes=250000-")]


def test_a_server_without_ranges_starts_over(server, cache):
    cache.mkdir()
    (cache / f"{ARCHIVE}.part").write_bytes(b"y" * 1000)
    assert fetch(server, cache, "no-ranges").read_bytes() == CONTENT


@pytest.mark.parametrize("part", [CONTENT, b"y" * 1000, b"y" * 400_000])
def test_a_part_is_checked_like_everything_else(server, cache, part):
    cache.mkdir()
    (cache / f"{ARCHIVE}.part").write_bytes(part)
    assert fetch(server, cache, "good").read_bytes() == CONTENT
    assert files(cache) == [ARCHIVE]


def test_a_damaged_archive_in_the_cache_is_fetched_anew(server, cache):
    cache.mkdir()
    (cache / ARCHIVE).write_bytes(CONTENT[:5000])
    assert not is_intact(cache / ARCHIVE, MD5)
    assert fetch(server, cache, "good").read_bytes() == CONTENT


def test_a_truncated_file_stays_a_part(server, cache, monkeypatch):
    monkeypatch.setattr(Handler, "do_GET", truncate)
    with pytest.raises(DownloadError):
        fetch(server, cache, "good")
    assert files(cache) == [f"{ARCHIVE}.part"]


def truncate(self):
    """Always promise the whole file, send a little of it."""
    self.send_response(200)
    self.send_header("Content-Length", str(len(CONTENT)))
    self.end_headers()
    self.wfile.write(CONTENT[:70_000])


def test_when_nothing_works_every_way_by_hand_is_named(server, cache):
    with pytest.raises(DownloadError) as error:
        fetch_cifar10(cache, [f"{server.url}/missing", "http://127.0.0.1:9/"], MD5, progress=False)
    text = str(error.value)
    for part in (
        "404",
        "http://127.0.0.1:9/: ",
        f"copy {ARCHIVE}",
        MD5,
        str(cache),
        "--data PATH",
        "cifar-10-batches-py",
        "cifar-10-binary.tar.gz",
        "train/CLASS/",
        "NNSCRATCH_DATA",
        "NNSCRATCH_CACHE",
        "HTTPS_PROXY",
        "--data shapes10",
    ):
        assert part in text


def test_a_cache_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DownloadError, match="file"):
        fetch(server, tmp_path / "file" / "cache", "good")


def test_only_mirrors_that_answer_are_reachable(server):
    good, why = reachable([f"{server.url}/missing", f"{server.url}/good", "http://127.0.0.1:9/"], seconds=5)
    assert good == [f"{server.url}/good"]
    assert "answers 404" in why


def test_a_name_that_hangs_costs_no_more_than_the_time_given(monkeypatch):
    import requests

    waiting = threading.Event()
    monkeypatch.setattr(requests, "head", lambda *args, **options: waiting.wait(30))
    good, why = reachable(["http://a/", "http://b/"], seconds=0.2)
    waiting.set()
    assert good == []
    assert why == "no answer in 0.2 seconds"


def test_a_slow_mirror_is_left_for_the_next(server, cache, monkeypatch):
    from nnscratch.data import download

    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr(download.time, "monotonic", lambda: next(clock))
    urls = [f"{server.url}/good", f"{server.url}/no-ranges"]
    path = fetch_cifar10(cache, urls, MD5, progress=False, least_speed=1e9)
    assert path.read_bytes() == CONTENT
    assert [name for name, _ in server.asked][:2] == ["/good", "/no-ranges"]
    assert len(server.asked) == 3
