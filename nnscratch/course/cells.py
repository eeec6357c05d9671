"""Functions that a learner wrote in a notebook, in cells tagged with the names of their exercises."""

import ast
import json
import linecache
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
DEEPEST = 2


class Cell(NamedTuple):
    """A tagged cell: the exercise, the name it goes by in messages (a path), and its source."""

    exercise: str
    filename: str
    source: str


def notebooks_of(folder: Path | str) -> list[Path]:
    """Return the notebooks in the learner's folder and in the folders of it.

    >>> notebooks_of(getfixture("tmp_path"))
    []
    """
    folder = Path(folder)
    return sorted(
        path
        for depth in range(DEEPEST)
        for path in folder.glob("*/" * depth + "*.ipynb")
        if not path.parent.name.startswith(".")
    )


def tagged_cells(folder: Path | str) -> Iterator[Cell]:
    """Yield the code cells whose tags name an exercise, such as "a2.affine_forward".

    A notebook that cannot be read, as when it is just being saved, is passed over.

    >>> folder = getfixture("tmp_path")
    >>> cell = {"cell_type": "code", "source": ["def f(): ..."], "metadata": {"tags": ["a2.affine_forward"]}}
    >>> _ = (folder / "notes.ipynb").write_text(json.dumps({"cells": [cell]}))
    >>> [cell.exercise for cell in tagged_cells(folder)]
    ['a2.affine_forward']
    """
    for path in notebooks_of(folder):
        try:
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            found = [
                (tag, cell["source"])
                for cell in cells
                if cell["cell_type"] == "code"
                for tag in cell.get("metadata", {}).get("tags", [])
            ]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        for tag, source in found:
            text = "".join(source) if isinstance(source, list) else source
            yield Cell(str(tag), f"{path}, cell {tag}", _without_magics(text))


def put_in(module: ModuleType, cells: list[Cell], exercise: str) -> bool:
    """Bring the functions of tagged cells into a learner's module; tell whether the exercise's own cell was one.

    Of a cell only imports, functions and classes count, so that it may hold a trial or a plot as well. An error in
    the exercise's own cell is raised, one in another cell is that one's affair.

    >>> module = ModuleType("notes")
    >>> cell = Cell("a2.double", "notes.ipynb, cell a2.double", "def double(x): return 2 * x")
    >>> put_in(module, [cell], "a2.double")
    True
    >>> module.double(4)
    8
    """
    own = False
    for cell in cells:
        try:
            tree = ast.parse(cell.source, cell.filename)
            tree.body = [node for node in tree.body if isinstance(node, KEPT)]
            lines = cell.source.splitlines(keepends=True)
            linecache.cache[cell.filename] = (len(cell.source), None, lines, cell.filename)
            exec(compile(tree, cell.filename, "exec"), module.__dict__)
        except Exception:
            if cell.exercise == exercise:
                raise
            continue
        names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        own |= cell.exercise == exercise and exercise.partition(".")[2] in names
    return own


def _without_magics(source):
    lines = source.splitlines(keepends=True)
    return "".join("\n" if line.lstrip().startswith(("%", "!")) else line for line in lines)
