"""Functions that a learner wrote in a notebook, in cells tagged with the names of their exercises."""

import ast
import json
import linecache
import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from nnscratch.course.exercises import CourseError, Exercise, all_exercises, find_exercise

KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
DEEPEST = 2
MAGIC = re.compile(r"\s*(%%?[A-Za-z]|!(?!=))")
MEANT = re.compile(r"a\d\.\w+")  # a tag like this is meant to be an exercise


class Cell(NamedTuple):
    """A tagged cell: its exercises, the name it goes by in messages (a path and a tag), and its source."""

    exercises: tuple[str, ...]
    filename: str
    source: str

    def tree(self) -> ast.Module:
        """Parse what counts of the cell: imports, functions, classes, constants; no other exercise's function.

        >>> cell = Cell(("a2.double",), "notes.ipynb", "def double(x): return 2 * x\\nplot(double)")
        >>> [type(node).__name__ for node in cell.tree().body]
        ['FunctionDef']
        """
        tree = ast.parse(self.source, self.filename)
        rows = all_exercises()
        files = {rows[name].path for name in self.exercises if name in rows}
        others = {row.function for row in rows.values() if row.path in files and row.name not in self.exercises}
        tree.body = [
            node
            for node in tree.body
            if (isinstance(node, KEPT) or _is_constant(node)) and getattr(node, "name", "") not in others
        ]
        return tree

    def writes(self, exercise: Exercise) -> bool:
        """Whether the cell has an exercise's tag and its function; not while Python cannot read it."""
        try:
            names = [node.name for node in self.tree().body if isinstance(node, ast.FunctionDef)]
        except (SyntaxError, ValueError, RecursionError):
            return False
        return exercise.name in self.exercises and exercise.function in names


class Looked(NamedTuple):
    """The tagged cells of a folder's notebooks, and remarks about what cannot be used."""

    cells: list[Cell]
    remarks: list[str]


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


def look(folder: Path | str) -> Looked:
    """Return the code cells whose tags name an exercise, such as "a2.affine_forward".

    A notebook that cannot be read, as when it is just being saved, is a remark, and so is a tag that is meant to
    be an exercise and is none.

    >>> folder = getfixture("tmp_path")
    >>> cell = {"cell_type": "code", "source": ["def f(): ..."], "metadata": {"tags": ["a2.affine_forward"]}}
    >>> _ = (folder / "notes.ipynb").write_text(json.dumps({"cells": [cell]}))
    >>> [cell.exercises for cell in look(folder).cells]
    [('a2.affine_forward',)]
    """
    looked = Looked([], [])
    for path in notebooks_of(folder):
        try:
            cells, remarks = cells_of(path.read_bytes(), str(path))
        except (OSError, CourseError):
            cells, remarks = [], ["it cannot be read as a notebook"]
        looked.cells.extend(cells)
        looked.remarks.extend(f"{path.relative_to(folder).as_posix()}: {remark}" for remark in remarks)
    return looked


def cells_of(content: bytes, name: str) -> Looked:
    """Return the tagged cells of one notebook. Raises CourseError for what is no notebook.

    >>> cells_of(b"{}", "notes.ipynb")
    Traceback (most recent call last):
    nnscratch.course.exercises.CourseError: notes.ipynb cannot be read as a notebook
    """
    looked = Looked([], [])
    try:
        for cell in json.loads(content)["cells"]:
            tags = cell.get("metadata", {}).get("tags", []) if cell["cell_type"] == "code" else []
            found = {tag: _exercise_of(tag) for tag in tags}
            exercises = tuple(exercise for exercise in found.values() if exercise)
            unknown = [tag for tag in found if MEANT.fullmatch(tag) and not found[tag]]
            looked.remarks.extend(f"the tag {tag} names no exercise" for tag in unknown)
            if exercises:
                place = f"{name}, cell {exercises[0]}"
                before = sum(other.exercises[0] == exercises[0] for other in looked.cells)
                source = _without_magics("".join(cell["source"]))  # one string, or one for each line
                looked.cells.append(Cell(exercises, f"{place} ({before + 1})" if before else place, source))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CourseError(f"{name} cannot be read as a notebook") from None
    return looked


def put_in(module: ModuleType, cells: Iterable[Cell], exercise: str) -> None:
    """Bring what tagged cells define into a learner's module.

    An error in the exercise's own cell is raised, one in another cell is that one's affair.

    >>> module = ModuleType("notes")
    >>> put_in(module, [Cell(("a2.double",), "notes.ipynb", "def double(x): return 2 * x")], "a2.double")
    >>> module.double(4)
    8
    """
    for cell in cells:
        try:
            code = compile(cell.tree(), cell.filename, "exec")
            lines = cell.source.splitlines(keepends=True)
            linecache.cache[cell.filename] = (len(cell.source), None, lines, cell.filename)
            exec(code, module.__dict__)  # the learner's own code, to be checked
        except Exception:
            if exercise in cell.exercises:
                raise


def _exercise_of(tag):
    try:
        return find_exercise(tag).name
    except CourseError:
        return ""


def _is_constant(node):
    """Whether a statement gives a number, a string or a table of them a name."""
    if not isinstance(node, ast.Assign):
        return False
    try:
        ast.literal_eval(node.value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):  # all that its documentation names
        return False
    return True


def _without_magics(source):
    lines = source.splitlines(keepends=True)
    return "".join("\n" if MAGIC.match(line) else line for line in lines)
