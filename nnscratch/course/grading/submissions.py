"""Read what learners hand in, folders or zips, without trusting any of it."""

import contextlib
import stat
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import nnscratch
from nnscratch.course.cells import DEEPEST, Cell, cells_of
from nnscratch.course.exercises import CourseError, Exercise, all_exercises, assignments_folder
from nnscratch.course.folder import starters

MOST_FILES = 5_000
MOST_BYTES = 20 * 2**20  # of all Python files and notebooks together
MOST_IN_A_FILE = {".py": 2**20, ".ipynb": 8 * 2**20}  # a notebook holds its pictures
OUR_NAMES = ("nnscratch", "numpy", "sitecustomize", "usercustomize", "builtins")


class SubmissionError(ValueError):
    """A submission that is not opened at all; the message says why."""


class Submission(NamedTuple):
    """One learner's work: the exercises' files by their path (`a2_layers/affine.py`), as bytes.

    `notebooks` are the same of notebooks, where a check looks for them; where there are cells of an assignment,
    `files` has starters for what was not handed in. `tampered` are paths of files that stand in for the checker or
    for NumPy, by the assignment that they are about ("" for all).
    """

    learner: str
    files: dict[str, bytes]
    notebooks: dict[str, bytes]
    tampered: dict[str, str]

    def cells(self) -> list[Cell]:
        """Return the tagged cells of all notebooks; one that cannot be read has none, and the check says so."""
        found: list[Cell] = []
        for name, content in self.notebooks.items():
            with contextlib.suppress(CourseError):
                found += cells_of(content, name).cells
        return found


def read_submission(path: Path | str, exercises: Sequence[Exercise]) -> Submission:
    """Read a folder or a zip; only the files of the exercises' assignments and notebooks are taken.

    Raises SubmissionError.

    >>> from nnscratch.course.exercises import assignments_folder, select
    >>> list(read_submission(assignments_folder() / "solutions", select(["a2.affine_forward"])).files)[1]
    'a2_layers/affine.py'
    """
    path = Path(path)
    if path.is_dir():
        found = dict(_in_folder(path))
    elif path.is_file() and zipfile.is_zipfile(path):
        found = dict(_in_zip(path))
    else:
        raise SubmissionError(f"{path} is neither a folder nor a zip: give one for each learner")
    chosen = {row.assignment for row in exercises}
    rows = {row.name: row for row in all_exercises().values() if row.assignment in chosen}
    wanted = sorted({row.path for row in rows.values()})  # also those that a file of an exercise may import
    tops = [_top(name, part) for name in found for part in wanted if name == part or name.endswith(f"/{part}")]
    tops = tops or [_top(name, PurePosixPath(name).name) for name in found if name.endswith(".ipynb")]
    top = min(tops, key=lambda top: (len(PurePosixPath(top).parts), top), default="")
    below = {name.removeprefix(top): content for name, content in found.items() if name.startswith(top)}
    files = {part: below[part] for part in wanted if part in below}
    notebooks = {name: below[name] for name in below if name.endswith(".ipynb") and name.count("/") < DEEPEST}
    learner = path.stem if path.is_file() else path.name
    submission = Submission(learner, files, notebooks, dict(_tampered(found, top)))
    in_cells = {rows[name].assignment for cell in submission.cells() for name in cell.exercises if name in rows}
    for part in wanted:
        if part not in files and part.partition("/")[0] in in_cells:
            files[part] = starters()[part].encode()
    return submission


def _top(name, part):
    return name[: len(name) - len(part)]


def _in_folder(folder) -> Iterator[tuple[str, bytes]]:
    total = 0
    paths = sorted(path for path in folder.rglob("*") if path.suffix in MOST_IN_A_FILE)
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    for count, (name, path) in enumerate((name, path) for name, path in names.items() if not _is_hidden(name)):
        if count >= MOST_FILES:
            raise SubmissionError(f"it holds more than {MOST_FILES} Python files and notebooks")
        if any(
            part.is_symlink() for part in (path, *path.parents) if part.is_relative_to(folder) and part != folder
        ):
            raise SubmissionError(f"{name} is a link, or lies behind one: hand in the file itself")
        if not path.is_file():
            continue
        with path.open("rb") as file:
            content = file.read(MOST_IN_A_FILE[path.suffix] + 1)
        total += _measured(name, content)
        if total > MOST_BYTES:
            raise SubmissionError(f"its Python files and notebooks hold more than {MOST_BYTES // 2**20} MB")
        yield name, content


def _in_zip(path) -> Iterator[tuple[str, bytes]]:
    """The Python files of a zip; sizes are counted while unpacking, as its own table may lie."""
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_FILES:
                raise SubmissionError(f"it holds more than {MOST_FILES} files")
            seen = set()
            for entry in entries:
                _check_entry(entry)
                suffix = PurePosixPath(entry.filename).suffix
                if entry.is_dir() or suffix not in MOST_IN_A_FILE or _is_hidden(entry.filename):
                    continue
                if entry.filename in seen:
                    raise SubmissionError(f"{entry.filename} is in it twice")
                seen.add(entry.filename)
                with archive.open(entry) as file:
                    content = file.read(MOST_IN_A_FILE[suffix] + 1)
                total += _measured(entry.filename, content)
                if total > MOST_BYTES:
                    raise SubmissionError(
                        f"its Python files and notebooks hold more than {MOST_BYTES // 2**20} MB: a zip bomb?"
                    )
                yield entry.filename, content
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, RuntimeError) as error:
        raise SubmissionError(f"the zip cannot be read: {error}") from None


def _check_entry(entry):
    name = entry.filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if ".." in parts or name.startswith(("/", "\\")) or "\\" in name or "\0" in name or ":" in name:
        raise SubmissionError(f"{name!r} would be unpacked outside of its folder: a path like this is refused")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise SubmissionError(f"{name} is a link: hand in the file itself")
    if entry.flag_bits & 1:
        raise SubmissionError(f"{name} is locked with a password: hand in an open zip")


def _measured(name, content):
    suffix = PurePosixPath(name).suffix
    if len(content) > MOST_IN_A_FILE[suffix]:
        words = f"{name} holds more than {MOST_IN_A_FILE[suffix] // 2**20} MB, which no exercise needs"
        raise SubmissionError(words + (": clear its outputs" if suffix == ".ipynb" else ""))
    return len(content)


def _is_hidden(name):
    """Whether a file lies in a folder like .venv, .git or __pycache__ or of a Mac's resource forks."""
    return any(part.startswith((".", "__")) and part != "__init__.py" for part in PurePosixPath(name).parts)


def _tampered(found, top) -> Iterator[tuple[str, Any]]:
    """Files that would stand in for the checker or for NumPy, unless they are just like ours."""
    package, course = Path(nnscratch.__file__).parent, assignments_folder()
    for name, content in found.items():
        parts = PurePosixPath(name).parts
        below_top = PurePosixPath(name.removeprefix(top)).parts
        if len(parts) > 1 and parts[-2] == "checks" and (course / "checks" / parts[-1]).is_file():
            if not _same(course / "checks" / parts[-1], content):
                yield name, parts[-1].removesuffix(".py")
        elif below_top and below_top[0].removesuffix(".py") in OUR_NAMES:
            is_ours = below_top[0] == "nnscratch" and _same(package.joinpath(*below_top[1:]), content)
            if not is_ours:
                yield name, ""
        elif len(below_top) == 2 and below_top[1].removesuffix(".py") in OUR_NAMES:
            yield name, below_top[0]


def _same(path, content):
    return path.is_file() and path.read_bytes().replace(b"\r\n", b"\n") == content.replace(b"\r\n", b"\n")
