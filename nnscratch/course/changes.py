"""Which of the learner's files were saved: watchfiles wakes us at once, and a look at the files tells for sure."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from nnscratch.course.cells import notebooks_of

STEP = 0.1  # seconds between two looks at the keyboard
LOOK = 1.0  # seconds between two looks at the files when something else would wake us


class Changes:
    """Tells which .py files and notebooks of a folder have changed.

    With `watchfiles` (pip install "nnscratch[learn]") a save is known at once. Network and container file systems
    do not always tell, so the files are looked at every second as well; without watchfiles, or with
    NNSCRATCH_LEARN_POLLING=1, every 0.1 seconds.

    >>> folder = getfixture("tmp_path")
    >>> changes = Changes(folder)
    >>> _ = (folder / "affine.py").write_text("x = 1")
    >>> changes.now()
    {'affine.py'}
    """

    def __init__(self, folder: Path | str, polling: bool | None = None) -> None:
        self.folder = Path(folder)
        self._seen = self._look()
        asked = os.environ.get("NNSCRATCH_LEARN_POLLING", "") not in ("", "0")
        self._waker = _none() if (asked if polling is None else polling) else self._wakers()
        self._looked = time.monotonic()

    def now(self) -> set[str]:
        """Return the files that have changed since the last time, as paths below the folder."""
        before, self._seen = self._seen, self._look()
        self._looked = time.monotonic()
        both = before.keys() | self._seen.keys()
        return {name for name in both if before.get(name) != self._seen.get(name)}

    def wait(self) -> set[str]:
        """Wait a moment, at most 0.1 seconds; return what has changed."""
        awake = next(self._waker, None)
        if awake is None:
            time.sleep(STEP)
        if awake is not False or time.monotonic() - self._looked > LOOK:
            return self.now()
        return set()

    def _look(self):
        seen = {}
        for path in (*self.folder.glob("*/*.py"), *self.folder.glob("*.py"), *notebooks_of(self.folder)):
            with contextlib.suppress(OSError):
                state = path.stat()
                seen[path.relative_to(self.folder).as_posix()] = (state.st_mtime_ns, state.st_size, state.st_ino)
        return seen

    def _wakers(self) -> Iterator[bool]:
        """Yield every STEP seconds, or as soon as something is saved: whether something was."""
        try:
            from watchfiles import watch
        except ImportError:
            return
        homes = [self.folder, *(path for path in self.folder.glob("a[0-9]*") if path.is_dir())]
        step = round(1000 * STEP)
        with contextlib.suppress(OSError, RuntimeError):  # such as too many watches on this machine
            for found in watch(
                *homes, recursive=False, debounce=100, step=20, rust_timeout=step, yield_on_timeout=True
            ):
                yield bool(found)


def _none():
    yield from ()
