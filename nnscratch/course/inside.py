"""What happens inside the sandbox: the learner's file is loaded, the check of one exercise is run."""

import contextlib
import importlib.util
import json
import linecache
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from nnscratch.course import NotWritten
from nnscratch.course.cells import Cell, look, put_in
from nnscratch.course.exercises import CourseError, Exercise, all_exercises, find_exercise
from nnscratch.course.expect import Unmet, described
from nnscratch.course.starters import is_untouched, span_of
from nnscratch.gradcheck.source import named_below


def perform(name: str, folder: Path | str, seed: int = 0) -> dict[str, Any]:
    """Check one exercise in this very process; return the Outcome's fields as a dict.

    folder: the learner's folder. seed: of the random numbers that the check draws.

    >>> from nnscratch.course.exercises import assignments_folder
    >>> perform("a2.affine_forward", assignments_folder() / "solutions")["kind"]
    'passed'
    """
    exercise = find_exercise(name)
    start = time.perf_counter()
    with at_home(Path(folder) / exercise.assignment):
        outcome = _judge(exercise, Path(folder), seed)
    return {
        "message": "",
        "where": "",
        "finding": None,
        "report": "",
        **outcome,
        "seconds": time.perf_counter() - start,
    }


def _judge(exercise: Exercise, folder: Path, seed: int) -> dict[str, Any]:
    def run():
        module = load(exercise, folder)
        mine = getattr(module, exercise.function, None)
        if mine is None:
            raise Unmet(
                f"there is no function {exercise.function} in {exercise.path}", exercise.path, kind="missing"
            )
        if not _is_written(exercise, folder):
            raise NotWritten(exercise.function)
        if not callable(mine):
            raise Unmet(f"{exercise.function} should be a function, it is {described(mine)}", exercise.path)
        with contextlib.suppress(AttributeError, TypeError):
            mine.module = module
        np.random.seed(seed)
        with np.errstate(all="ignore"):
            exercise.check(mine, np.random.default_rng(seed))

    return verdict(exercise, folder, run)


def verdict(exercise: Exercise, folder: Path, run: Callable[[], Any]) -> dict[str, Any]:
    """Run a check and tell how it went; what it raises is put into words.

    >>> from nnscratch.course.exercises import assignments_folder
    >>> verdict(find_exercise("a2.affine_forward"), assignments_folder() / "solutions", lambda: 1 / 0)["kind"]
    'error'
    """
    try:
        with named_below(folder):
            run()
    except Unmet as unmet:
        where = unmet.where or place_of(exercise, folder)
        return told(unmet.kind, unmet.what, where, finding=unmet.finding, report=unmet.report)
    except NotWritten as missing:
        return _not_written(exercise, str(missing), folder)
    except SyntaxError as error:
        return _syntax(error, exercise, folder)
    except MemoryError as error:
        words = "it asks for more memory than a check may use"
        return told("memory", f"{words}: {error}" if str(error) else words, _last_frame(error, folder))
    except SystemExit as error:
        place = _last_frame(error, folder) or place_of(exercise, folder)
        return told("exit", "it calls sys.exit: a check goes on after your function, so return instead", place)
    except RecursionError:
        return told("error", "it calls itself without end (RecursionError)", place_of(exercise, folder))
    except BaseException as error:
        return _blame(exercise, error, folder)
    return told("passed")


def told(kind: str, message: str = "", where: str = "", **more: Any) -> dict[str, Any]:
    """Return the fields of an Outcome.

    >>> told("wrong", "out[0] is 1, it should be 2")["kind"]
    'wrong'
    """
    return {"kind": kind, "message": message, "where": where, **more}


def text_of(path: Path) -> str:
    """Return the text of a file, whatever its bytes.

    >>> text_of(Path(__file__)).count("def text_of(path")
    2
    """
    return path.read_text(encoding="utf-8", errors="replace")


def load(exercise: Exercise, folder: Path) -> ModuleType:
    """Run the learner's file, and what cells of notebooks write in its stead; return it as a module.

    >>> from nnscratch.course.exercises import assignments_folder
    >>> load(find_exercise("a2.affine_forward"), assignments_folder() / "solutions").__name__
    'affine'
    """
    if not (folder / exercise.path).is_file():
        raise Unmet(f"the file {exercise.path} is missing: nnscratch learn start . brings it back", exercise.path)
    linecache.checkcache()
    importlib.invalidate_caches()
    rows = all_exercises()
    by_file: dict[str, list[Cell]] = {}
    for cell in look(folder).cells:
        for path in dict.fromkeys(rows[name].path for name in cell.exercises):
            if path.startswith(f"{exercise.assignment}/"):
                by_file.setdefault(path, []).append(cell)
    own_cells = by_file.pop(exercise.path, [])
    for path, cells in by_file.items():  # so that `from affine import affine_forward` finds the cell's
        with contextlib.suppress(Exception):  # what is wrong there is said when its own exercises are checked
            put_in(_module(folder / path), cells, "")
    module = _module(folder / exercise.path)
    put_in(module, own_cells, exercise.name)
    return module


def _is_written(exercise, folder):
    """Whether the function is written, in the file or in a cell; where both have it, neither is preferred."""
    places = [_below(cell.filename, folder) for cell in look(folder).cells if cell.writes(exercise)]
    source = text_of(folder / exercise.path)
    untouched = is_untouched(source, exercise.function)
    if places and not untouched:
        with contextlib.suppress(CourseError):  # the file has no such function at all
            places.append(f"{exercise.path}, line {span_of(source, exercise.function)[0]}")
    if len(places) > 1:
        words = f"{exercise.function} is written {len(places)} times, in {' and in '.join(places)}"
        raise Unmet(f"{words}: keep one (a cell without the tag does not count)", places[0], kind="twice")
    return bool(places) or not untouched


def _module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None  # a path that ends in .py has both
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)  # the learner's own code, to be checked
    return module


@contextlib.contextmanager
def at_home(home):
    """Give the files in the learner's folder `home` the names that they have for each other, inside this block.

    >>> with at_home(Path("my-course/a2_layers")):
    ...     sys.path[0]
    'my-course/a2_layers'
    """
    names = {Path(row.file).stem for row in all_exercises().values() if row.assignment == home.name}
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(home))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(home))
        sys.dont_write_bytecode = bytecode
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(f"{home}{os.sep}"):
                del sys.modules[name]
        sys.modules.update(before)


def place_of(exercise: Exercise, folder: Path) -> str:
    """Return where the learner's function begins: "a2_layers/affine.py, line 6".

    >>> from nnscratch.course.exercises import assignments_folder
    >>> place_of(find_exercise("a2.affine_forward"), assignments_folder() / "solutions")
    'a2_layers/affine.py, line ...'
    """
    with contextlib.suppress(Exception):  # a file that Python cannot read has no lines to name
        for cell in look(folder).cells:
            if cell.writes(exercise):
                return f"{_below(cell.filename, folder)}, line {span_of(cell.source, exercise.function)[0]}"
        return f"{exercise.path}, line {span_of(text_of(folder / exercise.path), exercise.function)[0]}"
    return exercise.path


def _not_written(exercise, name, folder):
    if name in (exercise.function, ""):
        cells, remarks = look(folder)
        for cell in cells:
            if exercise.name in cell.exercises and not cell.writes(exercise):
                remarks.append(f"{_below(cell.filename, folder)}: it has no function {exercise.function}")
        more = f" ({'; '.join(remarks)})" if remarks else ""
        return told("not written", f"{exercise.function} is not written yet{more}", place_of(exercise, folder))
    return told("needs", f"{exercise.function} uses {name}, which is not written yet: write that first")


def _syntax(error, exercise, folder):
    line = (error.text or "").strip()
    message = f"Python cannot read it: {error.msg}" + (f": {line}" if line else "")
    where = _below(error.filename, folder) if error.filename else exercise.path
    return told("syntax", message, f"{where}, line {error.lineno}" if error.lineno else where)


def _blame(exercise, error, folder):
    """Say whose error it was: of the learner's file, or of what the function returned."""
    where = _last_frame(error, folder)
    words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if where:
        if isinstance(error, NameError) and ".ipynb, cell " in where:
            words += f" (what a cell uses stands in it, in another tagged cell, or in {exercise.path})"
        return told("error", words, where, report=_own_traceback(error, folder))
    words = f"the check could not go on with what {exercise.function} returned: {words}"
    return told("error", words, place_of(exercise, folder), report="".join(traceback.format_exception(error)))


def _own_frames(error, folder):
    return [frame for frame in traceback.extract_tb(error.__traceback__) if _is_below(frame.filename, folder)]


def _last_frame(error, folder):
    frames = _own_frames(error, folder)
    if not frames:
        return ""
    last = frames[-1]
    return f"{_below(last.filename, folder)}, line {last.lineno}" + (f": {last.line}" if last.line else "")


def _own_traceback(error, folder):
    lines = traceback.format_list(_own_frames(error, folder)) + traceback.format_exception_only(error)
    return "".join(lines).rstrip()


def _is_below(filename, folder):
    return Path(filename).resolve().is_relative_to(Path(folder).resolve())


def _below(filename, folder):
    path = Path(filename or "")
    return path.resolve().relative_to(Path(folder).resolve()).as_posix() if _is_below(path, folder) else str(path)


def main() -> None:
    """Do what request.json in the folder given on the command line asks for, and leave reply.json there.

    >>> main.__name__
    'main'
    """
    from nnscratch.course.sandbox import set_limits
    from nnscratch.training.atomic import write_atomically

    place = Path(sys.argv[1])
    request = json.loads((place / "request.json").read_text(encoding="utf-8"))
    find_exercise(request["name"])  # loads the checks before memory is limited
    set_limits(request["megabytes"], request["seconds"])
    outcome = perform(request["name"], request["folder"], request["seed"])
    with contextlib.suppress(Exception):  # the learner's code may have closed them: the outcome counts
        sys.stdout.flush()
        sys.stderr.flush()
    write_atomically(place / "reply.json", json.dumps(outcome).encode())
    os._exit(0)  # whatever threads the learner's code has left
