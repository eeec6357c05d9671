"""While a learner's code runs: notice that it opens files, starts processes, or changes NumPy or the checker."""

import builtins
import os
import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

WATCHED = ("numpy", "nnscratch", "math", "random", "copy", "time", "json", "functools", "operator", "itertools")
PROCESSES = (
    "subprocess.",
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "pty.",
)
CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.truncate", "os.link", "os.symlink", "os.chmod", "shutil.")
OTHERS = ("socket.", "ctypes.", "gc.", "sys.setprofile", "sys.settrace", "sys.addaudithook", "mmap.", "os.kill")
LOADED = (".py", ".pyc", ".so", ".pyd", ".pth")


class Guard:
    """Watches from the moment it is made; `breaches()` tells what happened.

    folder: the learner's. A call counts as the learner's where of all callers the innermost one, of those in the
    learner's files and those of the package, is the learner's. Hooks cannot be taken away again, so this is for a
    process of its own.

    >>> Guard.__name__  # see the tests: a guard would watch the process that runs this example, too
    'Guard'
    """

    def __init__(self, folder: Path | str, keep_out: list[str]) -> None:
        self._folder = str(Path(folder).resolve()) + os.sep
        self._package = str(Path(__file__).resolve().parents[2]) + os.sep
        self._keep_out = [str(Path(place).resolve()) for place in keep_out]
        self._noted: list[str] = []
        self._before = _snapshot()
        sys.addaudithook(self._hook)

    def breaches(self) -> list[str]:
        """Return what the learner's code did, or changed, that it should not."""
        return list(dict.fromkeys([*self._noted, *_changed(self._before)]))

    def _hook(self, event, arguments):
        words = self._words(event, arguments)
        if words and self._is_learners():
            self._noted.append(words)
            raise PermissionError(words)

    def _words(self, event, arguments):
        if event == "open":
            return self._open_words(*arguments)
        if event == "import" and str(arguments[0]).startswith("nnscratch."):
            return f"it imports {arguments[0]}: what is built in is to be written here"
        if event.startswith(PROCESSES):
            return "it starts another program"
        if event.startswith(CHANGES):
            return "it changes files"
        if event.startswith(OTHERS):
            return f"it calls {event}, which no exercise needs"
        return ""

    def _open_words(self, path, mode, flags):
        if isinstance(path, int):
            return ""
        name = os.path.realpath(os.fsdecode(path))
        if any(name.startswith(place) for place in self._keep_out):
            return "it reads the solutions or the checks"
        writes = (mode and set(mode) & set("wax+")) or (
            isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)
        )
        if writes:
            return f"it writes a file ({Path(name).name})"
        if name.startswith(self._package):
            return f"it imports or reads a file of nnscratch itself: {name.removeprefix(self._package)}"
        return "" if name.endswith(LOADED) else f"it opens a file ({Path(name).name})"

    def _is_learners(self):
        frame: Any = sys._getframe(2)
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith(self._folder):
                return True
            if file.startswith(self._package):
                return False
            frame = frame.f_back
        return False


def _modules():
    yield "builtins", builtins
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in WATCHED and isinstance(module, ModuleType):
            yield name, module


def _snapshot():
    """The functions and classes of all watched modules, their code, and what the classes hold."""
    return {name: (module, {key: _mark(value) for key, value in _parts(module)}) for name, module in _modules()}


def _parts(module):
    return [(key, value) for key, value in list(vars(module).items()) if callable(value) or _is_module(value)]


def _is_module(value):
    return isinstance(value, ModuleType)


def _mark(value: Any) -> tuple:
    """What must not change about a function or a class; the objects are kept, so that none is replaced unseen."""
    if isinstance(value, FunctionType):
        return value, value.__code__, value.__defaults__
    if isinstance(value, type) and getattr(value, "__module__", "").startswith(("nnscratch", "numpy")):
        return value, *(part for _, part in sorted(vars(value).items()) if isinstance(part, FunctionType))
    return (value,)


def _changed(before):
    for name, (module, marks) in before.items():
        if name != "builtins" and sys.modules.get(name) is not module:
            yield f"it puts another module in the place of {name}"
            continue
        now = vars(module)
        for key, mark in marks.items():
            found = _mark(now[key]) if key in now else ()
            if len(found) != len(mark) or any(one is not other for one, other in zip(found, mark)):
                yield f"it changes {name} ({name}.{key})"
