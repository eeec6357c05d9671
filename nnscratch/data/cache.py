"""Keep decoded images on disk, so that the second start is quick; a broken cache costs time and nothing else."""

import hashlib
import os
import warnings
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]
CHECKSUM = "checksum"


def cache_folder(cache: str | os.PathLike | None = None) -> Path:
    """Return the folder for downloads and decoded images: `cache`, else NNSCRATCH_CACHE, else the user's own.

    >>> cache_folder("somewhere").name
    'somewhere'
    """
    chosen = cache or os.environ.get("NNSCRATCH_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    import pooch

    return Path(pooch.os_cache("nnscratch"))


def cached(name: str, state: str, build: Callable[[], Arrays], folder: Path) -> Arrays:
    """Return the arrays that `build()` makes, from the cache where it has them.

    `name` says what is cached and `state` in which form (size, time of change): a new state replaces the old
    file. The file is written whole or not at all and carries checksums, so a damaged one is built anew. A folder
    that cannot be written to gives a warning and costs only speed.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> first = cached("ones", "1", lambda: {"x": np.ones(2)}, folder)
    >>> cached("ones", "1", lambda: {}, folder)
    {'x': array([1., 1.])}
    """
    stem = f"decoded-{_digest(name)}"
    path = folder / f"{stem}-{_digest(state)}.npy"
    arrays = _read(path)
    if arrays is None:
        arrays = build()
        _write(path, arrays, replacing=f"{stem}-*.np[yz]")
    return arrays


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(path: Path) -> Arrays | None:
    """The arrays in the file, or None where it is missing or damaged."""
    try:
        record = np.load(path, allow_pickle=False)
        arrays = {name: record[name].copy() for name in record.dtype.names if name != CHECKSUM}
        return arrays if record[CHECKSUM] == _checksum(arrays) else None
    except Exception:  # a damaged file raises nearly anything; building anew heals it
        return None


def _checksum(arrays: Arrays) -> int:
    total = 0
    for array in arrays.values():
        total = zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, total)
    return total


def _record(arrays: Arrays) -> np.ndarray:
    """Put arrays of any types and shapes into one, a single record with a field for each and a checksum."""
    fields = [(name, array.dtype, array.shape) for name, array in arrays.items()]
    record = np.zeros((), np.dtype([*fields, (CHECKSUM, np.uint32)]))
    for name, array in arrays.items():
        record[name] = array
    record[CHECKSUM] = _checksum(arrays)
    return record


def _write(path: Path, arrays: Arrays, replacing: str) -> None:
    """Write to a file beside it and rename, so that no one ever reads half a file; then remove the old ones."""
    partial = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            np.save(file, _record(arrays))
        partial.replace(path)
        for old in path.parent.glob(replacing):
            if old != path:
                old.unlink(missing_ok=True)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        warnings.warn(
            f"the decoded images could not be kept in {path.parent} ({error}), so the next start is no quicker: "
            "set NNSCRATCH_CACHE to a folder that can be written to and has room",
            stacklevel=2,
        )
