"""Grade submissions: each exercise of each learner in a process of its own, and the same result every time."""

import os
import secrets
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from nnscratch.course import sandbox
from nnscratch.course.check import Outcome, ended
from nnscratch.course.exercises import CourseError, Exercise, all_exercises, assignments_folder
from nnscratch.course.grading.audit import breaches, zeroed
from nnscratch.course.grading.submissions import Submission, SubmissionError, read_submission

INSIDE = "nnscratch.course.grading.inside"


@dataclass
class Grade:
    """One learner's result: an Outcome for each exercise ("cheat": no points, for the reason it gives).

    `refused` says why the submission was not opened at all, "" where it was.

    >>> Grade("ada", outcomes={"a2.relu_forward": Outcome("passed")}).points({"a2.relu_forward": 2})
    2
    """

    learner: str
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    refused: str = ""

    def points(self, worth: dict[str, int]) -> int:
        """Return the sum of the points of what passed."""
        return sum(
            points for name, points in worth.items() if name in self.outcomes and self.outcomes[name].passed
        )

    @property
    def reasons(self) -> list[str]:
        """Why there are no points for what was not done honestly, exercise by exercise."""
        return [f"{name}: {found.message}" for name, found in self.outcomes.items() if found.kind == "cheat"]


def grade(
    paths: Sequence[Path | str],
    exercises: Sequence[Exercise],
    seed: int = 0,
    workers: int | None = None,
    told: Callable[[Grade], object] | None = None,
) -> list[Grade]:
    """Grade folders or zips, several checks at a time; return one Grade for each, sorted by learner.

    seed: of the random numbers that all checks draw, the same for every learner; another one than 0 is another set
    of arrays than learners saw. `told` is called with each Grade when it is done. What failed only for the time it
    took, beside other checks, is checked once more alone. Raises CourseError for two submissions of one name.

    >>> from nnscratch.course.exercises import select
    >>> rows = select(["a2.affine_forward"])
    >>> [one] = grade([assignments_folder() / "solutions"], rows, seed=7)
    >>> one.learner, one.outcomes["a2.affine_forward"].kind
    ('solutions', 'passed')
    """
    by_name: dict[str, Path] = {}
    for path in map(Path, paths):
        name = path.resolve().name if path.is_dir() else path.stem
        if name in by_name:
            raise CourseError(f"{by_name[name]} and {path} would both be {name!r}: name them after their learners")
        by_name[name] = path
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        grades = []
        for name in sorted(by_name):
            one = _grade(name, by_name[name], exercises, seed, pool)
            grades.append(one)
            if told:
                told(one)
    return grades


def _grade(learner, path, exercises, seed, pool):
    try:
        submission = read_submission(path, exercises)
    except SubmissionError as error:
        return Grade(learner, {row.name: Outcome("cheat", str(error)) for row in exercises}, refused=str(error))
    except OSError as error:
        return Grade(learner, {row.name: Outcome("error", str(error)) for row in exercises}, refused=str(error))
    blamed = _blamed(submission, exercises)
    with tempfile.TemporaryDirectory(prefix="nnscratch-grade-", ignore_cleanup_errors=True) as place:
        for name, content in (submission.files | submission.notebooks).items():
            home = Path(place, *PurePosixPath(name).parts)
            home.parent.mkdir(parents=True, exist_ok=True)
            home.write_bytes(content)

        def outcome_of(row):
            if row.name in blamed:
                return blamed[row.name]
            if row.path not in submission.files:
                return Outcome("missing", f"{row.path} was not handed in", row.path)
            return check_under_guard(row, place, seed)

        outcomes = dict(zip((row.name for row in exercises), pool.map(outcome_of, exercises)))
        for row in exercises:
            if _is_about_time(outcomes[row.name]):
                outcomes[row.name] = outcome_of(row)
    return Grade(learner, outcomes)


def _is_about_time(outcome):
    return outcome.kind == "time" or "times as fast" in outcome.message


def _blamed(submission: Submission, exercises: Iterable[Exercise]) -> dict[str, Outcome]:
    """The exercises that get no points, and are not run, for what is seen in the files."""
    solutions, found = assignments_folder() / "solutions", {}
    rows, cells, all_rows = list(exercises), submission.cells(), all_exercises()
    for path, source in submission.files.items():
        here = [row for row in rows if row.path == path]
        of_this = [cell for cell in cells if path in {all_rows[name].path for name in cell.exercises}]
        siblings = {PurePosixPath(other).stem for other in submission.files if _folder(other) == _folder(path)}
        own = solutions.joinpath(*PurePosixPath(path).parts)
        seen = breaches(source, siblings, own.read_bytes() if own.is_file() else b"", of_this)
        for function, breach in zeroed(source, seen, {row.function for row in here}, of_this).items():
            for row in here:
                if row.function == function:
                    where = f"{breach.cell or path}, line {breach.line}"
                    found[row.name] = Outcome("cheat", breach.reason, where)
    for name, assignment in submission.tampered.items():
        for row in rows:
            if assignment in ("", row.assignment):
                words = f"the submission brings {name}, which would stand in for the checker or for NumPy"
                found[row.name] = Outcome("cheat", words, name)
    return found


def _folder(path):
    return PurePosixPath(path).parent


def check_under_guard(exercise: Exercise, folder: Path | str, seed: int = 0) -> Outcome:
    """Check one exercise in a process of its own, under the eyes of a Guard.

    >>> from nnscratch.course.exercises import find_exercise
    >>> check_under_guard(find_exercise("a2.affine_forward"), assignments_folder() / "solutions").kind
    'passed'
    """
    word = secrets.token_hex(16)
    request = {
        "name": exercise.name,
        "folder": str(Path(folder).resolve()),
        "seed": seed,
        "megabytes": exercise.megabytes,
        "seconds": exercise.seconds,
        "word": word,
    }
    ending = sandbox.run(request, exercise.seconds, inside=INSIDE)
    if ending.kind != "replied":
        kind, message = ended(ending, exercise)
        return Outcome(kind, message, exercise.path, seconds=ending.seconds, output=ending.output)
    if ending.reply.get("word") != word:
        return Outcome("cheat", "the reply of the check was forged", exercise.path, seconds=ending.seconds)
    if ending.reply["breaches"]:
        return Outcome("cheat", ending.reply["breaches"][0], exercise.path, seconds=ending.seconds)
    return Outcome(**ending.reply["outcome"], output=ending.output)
