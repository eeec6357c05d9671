"""Check one exercise of a learner in the sandbox, and say in one friendly line how it went."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnscratch.course import sandbox
from nnscratch.course.exercises import Exercise


@dataclass(frozen=True)
class Outcome:
    """How a check went.

    `kind` is "passed", "not written", "needs" (another exercise first), "missing" (no such function), "twice" (in
    two places), "wrong", "error", "syntax", "time", "memory", "output", "exit" or "crash". `message` says in a
    sentence what is to be mended, `where` names the place ("a2_layers/affine.py, line 12: ..."), `finding` is the
    gradient doctor's as a dict and `report` its whole report, or a traceback through the learner's file. `output`
    is what the learner's code printed.

    >>> Outcome("passed").passed
    True
    """

    kind: str
    message: str = ""
    where: str = ""
    finding: dict[str, Any] | None = None
    report: str = ""
    seconds: float = 0.0
    output: str = ""

    @property
    def passed(self) -> bool:
        """Whether the exercise is done."""
        return self.kind == "passed"


def check(
    exercise: Exercise, folder: Path | str, seed: int = 0, stop: Callable[[], bool] | None = None
) -> Outcome:
    """Check one exercise in the learner's folder, in a process of its own.

    `stop` is asked now and then whether to give up; the kind is then "stopped".

    >>> from nnscratch.course.exercises import assignments_folder, find_exercise
    >>> check(find_exercise("a2.affine_forward"), assignments_folder() / "solutions").passed
    True
    """
    request = {
        "name": exercise.name,
        "folder": str(Path(folder).resolve()),
        "seed": seed,
        "megabytes": exercise.megabytes,
        "seconds": exercise.seconds,
    }
    ending = sandbox.run(request, exercise.seconds, stop=stop)
    if ending.kind == "replied":
        return Outcome(**ending.reply, output=ending.output)
    kind, message = ended(ending, exercise)
    return Outcome(kind, message, exercise.path, seconds=ending.seconds, output=ending.output)


def ended(ending: sandbox.Ending, exercise: Exercise) -> tuple[str, str]:
    """Return the kind of an Outcome and a message, for a check that ended without a reply.

    >>> from nnscratch.course.exercises import find_exercise
    >>> ended(sandbox.Ending("left", {}, "", 1.0), find_exercise("a2.affine_forward"))[0]
    'exit'
    """
    if ending.kind == "stopped":
        return "stopped", "the check was given up"
    if ending.kind == "time":
        return "time", (
            f"it did not end within {exercise.seconds:g} seconds: is there a loop that never ends, or a slow one?"
        )
    if ending.kind == "output":
        return "output", f"it prints more than {sandbox.MOST_OUTPUT // 2**20} MB: take the print out of the loop"
    if ending.kind == "killed":
        name = signal.Signals(ending.signal).name
        words = f"it crashed Python itself ({name})"
        return "crash", f"{words}: was there too little memory?" if name == "SIGKILL" else words
    return "exit", "it ended Python before the check was over (os._exit?): return instead"
