"""Check a student's CS231n folder part by part, each in a process of its own."""

import ast
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nnscratch.course import sandbox
from nnscratch.course.check import Outcome, ended
from nnscratch.course.cs231n.rows import all_rows, find_row, function_of
from nnscratch.course.exercises import CourseError, Exercise
from nnscratch.interop.cs231n.dialects import YEARS, chosen_year, dialect_of


def home_of(folder: Path | str) -> Path:
    """Return the folder that holds the package cs231n: `folder` itself, or the one around it. Raises CourseError.

    >>> place = getfixture("tmp_path") / "assignment1" / "cs231n"
    >>> place.mkdir(parents=True)
    >>> home_of(place) == home_of(place.parent) == place.parent
    True
    """
    folder = Path(folder).resolve()
    if (folder / "cs231n").is_dir():
        return folder
    if folder.name == "cs231n" and folder.is_dir():
        return folder.parent
    raise CourseError(
        f"{folder} has no folder cs231n: give the folder of an assignment (assignment2), or its cs231n"
    )


def year_of(home: Path) -> int:
    """Tell from its files the last year whose dialect a folder speaks; the latest where nothing tells.

    >>> net = getfixture("tmp_path") / "cs231n" / "classifiers" / "fc_net.py"
    >>> net.parent.mkdir(parents=True)
    >>> code = "class FullyConnectedNet:\\n    def __init__(self, dims, dropout=1, normalization=None): pass"
    >>> _ = net.write_text(code)
    >>> year_of(net.parents[2])
    2020
    """
    classifiers = home / "cs231n" / "classifiers"
    for node in ast.walk(_tree(classifiers / "fc_net.py")):
        if isinstance(node, ast.ClassDef) and node.name == "FullyConnectedNet":
            names = {arg.arg for inner in ast.walk(node) if isinstance(inner, ast.arguments) for arg in inner.args}
            for year in (2017, 2020, YEARS[-1]):
                if dialect_of(year).net in names:
                    return year
    return 2020 if (classifiers / "neural_net.py").exists() else chosen_year()


def parts_of(home: Path, names: Sequence[str] = ()) -> list[Exercise]:
    """Return the rows that a folder has a function or class for; with names only those. Raises CourseError.

    >>> place = getfixture("tmp_path") / "cs231n"
    >>> place.mkdir()
    >>> _ = (place / "layers.py").write_text("def relu_forward(x): pass")
    >>> [row.name for row in parts_of(place.parent)]
    ['layers.relu_forward']
    """
    rows = [find_row(name) for name in names] or list(all_rows().values())
    found = [row for row in rows if _has(home / row.path, function_of(row))]
    if not found:
        raise CourseError(
            f"{home / 'cs231n'} has nothing that is checked: layers.py, rnn_layers.py, optim.py and "
            "classifiers/*.py of CS231n's assignments are looked at"
        )
    return found


def check_parts(
    home: Path, rows: Sequence[Exercise], year: int, seed: int = 0, workers: int | None = None
) -> Iterator[tuple[Exercise, Outcome]]:
    """Check some rows, several at a time; yield each with its outcome, in the order given.

    >>> place = getfixture("tmp_path") / "cs231n"
    >>> place.mkdir()
    >>> _ = (place / "layers.py").write_text("def relu_forward(x): return abs(x), x")
    >>> for row, outcome in check_parts(place.parent, parts_of(place.parent), 2026):
    ...     print(outcome.kind, outcome.where)
    wrong cs231n/layers.py, line 1
    """
    with ThreadPoolExecutor(workers or min(os.cpu_count() or 1, 4)) as pool:
        yield from zip(rows, pool.map(lambda row: _check(home, row, year, seed), rows))


def _check(home, row, year, seed):
    request = {
        "name": row.name,
        "folder": str(home),
        "year": year,
        "seed": seed,
        "megabytes": row.megabytes,
        "seconds": row.seconds,
    }
    ending = sandbox.run(request, row.seconds, inside="nnscratch.course.cs231n.inside")
    if ending.kind == "replied":
        return Outcome(**ending.reply, output=ending.output)
    kind, message = ended(ending, row)
    return Outcome(kind, message, row.path, seconds=ending.seconds, output=ending.output)


def _tree(path):
    """The syntax tree of a file; of one that is missing or cannot be read, an empty one."""
    try:
        return ast.parse(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, SyntaxError, ValueError):
        return ast.Module(body=[], type_ignores=[])


def _has(path, name):
    if not path.is_file():
        return False
    names = {node.name for node in ast.walk(_tree(path)) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    return name in names or (not names and name in path.read_text(encoding="utf-8", errors="replace"))
