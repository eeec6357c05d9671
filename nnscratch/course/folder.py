"""The learner's folder: made from the starters, brought up to date without touching what was written."""

import ast
from pathlib import Path
from typing import NamedTuple

from nnscratch.course.exercises import CourseError, Exercise, assignments_folder
from nnscratch.course.progress import FILE, Progress
from nnscratch.course.starters import BEGIN, END, function_in, is_untouched, span_of, starter_of, with_function
from nnscratch.training.atomic import write_atomically


class Started(NamedTuple):
    """What `start` did: files that are new, functions that were added by file, files left alone and why."""

    new: list[str]
    added: dict[str, list[str]]
    left: dict[str, str]


def find_folder(near: Path | str = ".") -> Path:
    """Return the learner's folder: this one, or one that it lies in. Raises CourseError when there is none.

    >>> folder = getfixture("tmp_path")
    >>> started = start(folder / "course")
    >>> find_folder(folder / "course" / "a2_layers").name
    'course'
    """
    here = Path(near).resolve()
    for folder in (here, *here.parents):
        if (folder / FILE).is_file():
            return folder
    raise CourseError(
        f"there is no course in {here}: nnscratch learn start my-course makes one, then cd my-course; "
        "or name its folder with --folder"
    )


def starters() -> dict[str, str]:
    """Return the text of every file that a learner gets, by its path below the folder.

    >>> sorted(starters())[0]
    'README.md'
    """
    home = assignments_folder()
    files = {"README.md": (home / "README.md").read_text(encoding="utf-8")}
    for path in sorted((home / "solutions").glob("a[0-9]*/*.py")):
        name = path.relative_to(home / "solutions").as_posix()
        files[name] = starter_of(path.read_text(encoding="utf-8"))
    return files


def start(folder: Path | str) -> Started:
    """Make the learner's folder, or bring in what a later version of nnscratch has new.

    What was written is never overwritten: to a file that is there, functions that it lacks are added, and those
    not yet written get their latest docstring.

    >>> folder = getfixture("tmp_path")
    >>> "a2_layers/affine.py" in start(folder).new, start(folder).new
    (True, [])
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    done = Started([], {}, {})
    for name, starter in starters().items():
        path = folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, starter.encode())
            done.new.append(name)
        elif path.suffix == ".py":
            try:
                mine = path.read_text(encoding="utf-8")
                text, added = merged(starter, mine)
            except (SyntaxError, UnicodeDecodeError, ValueError) as error:
                done.left[name] = f"Python cannot read it ({error})"
                continue
            if text != mine:
                write_atomically(path, text.encode())
                done.added[name] = added
    if not (folder / FILE).exists():
        Progress(folder).begin()
    return done


def merged(starter: str, mine: str) -> tuple[str, list[str]]:
    """Return the learner's file with what it lacks of the starter, and the names of what was added or renewed.

    >>> starter = 'import math\\ndef f():\\n    raise NotWritten("f")\\ndef g():\\n    raise NotWritten("g")'
    >>> text, names = merged(starter, "def f():\\n    return 1\\n")
    >>> names, text.count("def"), "return 1" in text
    (['g'], 2, True)
    """
    names = _defined(mine)
    changed = []
    for node in ast.parse(starter).body:
        for name in _names_of(node):
            if name not in names:
                lines = starter.splitlines(keepends=True)
                first = span_of(starter, name)[0] if isinstance(node, ast.FunctionDef) else node.lineno
                mine = (
                    mine.rstrip("\n") + "\n\n\n" + "".join(lines[first - 1 : node.end_lineno]).rstrip("\n") + "\n"
                )
                changed.append(name)
            elif isinstance(node, ast.FunctionDef) and is_untouched(mine, name):
                latest = function_in(starter, name)
                if latest.strip() != function_in(mine, name).strip():
                    mine = with_function(mine, name, latest)
                    changed.append(name)
    return (_with_imports(starter, mine), changed) if changed else (mine, [])


def reset(exercise: Exercise, folder: Path | str) -> Path | None:
    """Put the starter's function back; what was written goes to a file in `set-aside/`, whose path is returned.

    >>> from nnscratch.course.exercises import find_exercise
    >>> folder = getfixture("tmp_path")
    >>> started = start(folder)
    >>> reset(find_exercise("a2.affine_forward"), folder) is None
    True
    """
    folder = Path(folder)
    path = folder / exercise.path
    starter = starters()[exercise.path]
    mine = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    try:
        if is_untouched(mine, exercise.function):
            return None
        there = exercise.function in _defined(mine)
        text = (
            with_function(mine, exercise.function, function_in(starter, exercise.function))
            if there
            else merged(starter, mine)[0]
        )
    except SyntaxError as error:
        raise CourseError(
            f"{exercise.path}, line {error.lineno}: Python cannot read the file, so one function of it cannot be "
            "reset: mend that line, or move the file away, and nnscratch learn start . brings a new one"
        ) from None
    kept = _put_aside(folder, exercise, function_in(mine, exercise.function)) if there else None
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.encode())
    return kept


def solution_of(exercise: Exercise) -> str:
    """Return the source of the solution, without the marks.

    >>> from nnscratch.course.exercises import find_exercise
    >>> print(solution_of(find_exercise("a2.affine_forward"))[:24])
    def affine_forward(x, w,
    """
    source = (assignments_folder() / "solutions" / exercise.path).read_text(encoding="utf-8")
    lines = function_in(source, exercise.function).splitlines()
    return "\n".join(line for line in lines if line.strip() not in (BEGIN, END))


def _put_aside(folder, exercise, source):
    home = folder / "set-aside"
    home.mkdir(exist_ok=True)
    number = 1
    while (home / f"{exercise.name}-{number}.py").exists():
        number += 1
    path = home / f"{exercise.name}-{number}.py"
    write_atomically(path, source.encode())
    return path


def _names_of(node):
    """The names that a statement at the top of a file defines, imports aside."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


def _defined(source):
    return {name for node in ast.parse(source).body for name in _names_of(node)}


def _with_imports(starter, mine):
    """Add the imports of the starter that the learner's file lacks, after its own docstring and imports."""

    def imports(source):
        return [node for node in ast.parse(source).body if isinstance(node, (ast.Import, ast.ImportFrom))]

    there = {ast.unparse(node) for node in imports(mine)}
    missing = [ast.unparse(node) for node in imports(starter) if ast.unparse(node) not in there]
    if not missing:
        return mine
    body = ast.parse(mine).body
    has_docstring = body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    last = max(
        [node.end_lineno or 0 for node in imports(mine)], default=body[0].end_lineno if has_docstring else 0
    )
    lines = mine.splitlines(keepends=True)
    return "".join([*lines[:last], *(f"{line}\n" for line in missing), *lines[last:]])
