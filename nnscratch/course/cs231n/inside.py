"""What happens inside the sandbox: one part of a student's CS231n folder is imported and checked."""

import contextlib
import importlib
import json
import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from nnscratch.course import NotWritten
from nnscratch.course.cs231n.rows import find_row, function_of
from nnscratch.course.expect import Unmet
from nnscratch.course.inside import verdict
from nnscratch.interop.cs231n import fast_layers
from nnscratch.interop.cs231n.dialects import speak


def perform(name: str, folder: Path | str, year: int, seed: int = 0) -> dict[str, Any]:
    """Check one part in this very process; return the Outcome's fields as a dict.

    folder: the one that holds the folder cs231n.

    >>> place = getfixture("tmp_path") / "cs231n"
    >>> place.mkdir()
    >>> _ = (place / "__init__.py").write_text("")
    >>> _ = (place / "layers.py").write_text("def relu_forward(x):\\n    out = None\\n    return out, x")
    >>> perform("layers.relu_forward", place.parent, 2026)["message"]
    'relu_forward is not written yet'
    """
    row, folder = find_row(name), Path(folder)
    start = time.perf_counter()
    speak(year)
    others = {module: sys.modules.pop(module) for module in list(sys.modules) if _is_theirs(module)}
    sys.path.insert(0, str(folder))
    try:
        _what_python2_had()
        sys.modules["cs231n.fast_layers"] = fast_layers  # theirs asks for a compiler
        outcome = verdict(row, folder, lambda: _run(row, seed))
    finally:
        sys.path.remove(str(folder))
        for module in filter(_is_theirs, list(sys.modules)):
            del sys.modules[module]
        sys.modules.update(others)
    no_more = {"message": "", "where": "", "finding": None, "report": ""}
    return {**no_more, **outcome, "seconds": time.perf_counter() - start}


def _is_theirs(module):
    return module.partition(".")[0] in ("cs231n", "past")


def _run(row, seed):
    module = importlib.import_module(f"cs231n.{row.file[:-3].replace('/', '.')}")
    mine = getattr(module, function_of(row))
    with contextlib.suppress(AttributeError, TypeError):
        mine.module = module
    np.random.seed(seed)
    try:
        with np.errstate(all="ignore"):
            row.check(mine, np.random.default_rng(seed))
    except NotWritten as missing:
        raise _unwritten(row, str(missing)) from None
    except NotImplementedError:
        raise _unwritten(row, row.function) from None


def _unwritten(row, name):
    own = function_of(row)
    if name == own or name.startswith(f"{own}.") or f" {own}." in name:
        more = "s are" if name.startswith("the gradients") else " is"
        return Unmet(
            f"{name.removesuffix('s') if more == 's are' else name}{more} not written yet", kind="not written"
        )
    return NotWritten(name)


def _what_python2_had():
    """`from past.builtins import xrange`, of the package `future`, without that package."""
    past = ModuleType("past")
    past.builtins = builtins = ModuleType("past.builtins")  # type: ignore[attr-defined]
    builtins.xrange, builtins.range, builtins.basestring = range, range, str  # type: ignore[attr-defined]
    with contextlib.suppress(ImportError):
        importlib.import_module("past.builtins")
        return
    sys.modules |= {"past": past, "past.builtins": builtins}


def main() -> None:
    """Do what request.json in the folder given on the command line asks for, and leave reply.json there.

    >>> main.__name__
    'main'
    """
    from nnscratch.course.sandbox import set_limits
    from nnscratch.training.atomic import write_atomically

    place = Path(sys.argv[1])
    request = json.loads((place / "request.json").read_text(encoding="utf-8"))
    find_row(request["name"])  # loads the checks before memory is limited
    set_limits(request["megabytes"], request["seconds"])
    outcome = perform(request["name"], request["folder"], request["year"], request["seed"])
    with contextlib.suppress(Exception):  # the student's code may have closed it: the outcome counts
        sys.stdout.flush()
    write_atomically(place / "reply.json", json.dumps(outcome).encode())
    os._exit(0)  # whatever threads the student's code has left
