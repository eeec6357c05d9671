"""How far a learner has come: a JSON file in the learner's folder, written whole or not at all."""

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from nnscratch.course.exercises import CourseError, Exercise
from nnscratch.training.atomic import write_atomically

FILE = ".nnscratch-course.json"
LONGEST_PAUSE = 10 * 60.0  # seconds between two checks that still count as work


class Progress:
    """What was passed, with how many tries, hints and seconds, and where the solution was looked at.

    folder: the learner's. `of(name)` is the record of one exercise, a dict with "passed" (the time, or None),
    "tries", "hints", "gave_up" and "seconds". Raises CourseError when the file is damaged.

    >>> folder = getfixture("tmp_path")
    >>> progress = Progress(folder)
    >>> progress.record("a2.relu_forward", passed=True)
    >>> Progress(folder).of("a2.relu_forward")["tries"]
    1
    """

    def __init__(self, folder: Path | str, clock: Callable[[], float] = time.time) -> None:
        self.path = Path(folder) / FILE
        self.clock = clock
        self._records: dict[str, dict[str, Any]] = {}
        self._last: float | None = None
        if self.path.is_file():
            self._read()

    def _read(self):
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            self._records = {str(name): {**_new(), **record} for name, record in content["exercises"].items()}
            self._last = None if content.get("last") is None else float(content["last"])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CourseError(
                f"{self.path} is damaged: delete it, then nnscratch learn start {self.path.parent} makes a new "
                "one, and nnscratch learn check all fills it; your own files stay as they are"
            ) from None

    def save(self) -> None:
        """Write the file."""
        content = {"version": 1, "last": self._last, "exercises": self._records}
        write_atomically(self.path, json.dumps(content, indent=1).encode())

    def of(self, name: str) -> dict[str, Any]:
        """Return the record of one exercise, that of one never tried where there is none."""
        return {**_new(), **self._records.get(name, {})}

    def record(self, name: str, passed: bool, tried: bool = True) -> None:
        """Note one check, and the time since the one before as spent on it; not `tried` counts no try."""
        now = self.clock()
        record = self._records[name] = self.of(name)
        first = record["passed"] is None
        if self._last is not None and first:
            record["seconds"] += min(max(now - self._last, 0.0), LONGEST_PAUSE)
        self._last = now
        if first:
            record["tries"] += tried
            record["passed"] = now if passed else None
        self.save()

    def begin(self) -> None:
        """Note that work begins now, so that a night between two sittings does not count."""
        self._last = self.clock()
        self.save()

    def take_hint(self, name: str, most: int) -> int:
        """Note one more hint, and return how many there are now."""
        record = self._records[name] = self.of(name)
        record["hints"] = min(record["hints"] + 1, most)
        self.save()
        return record["hints"]

    def give_up(self, name: str) -> None:
        """Note that the solution was looked at before the exercise was passed."""
        record = self._records[name] = self.of(name)
        record["gave_up"] = record["gave_up"] or record["passed"] is None
        self.save()

    def forget(self, name: str) -> None:
        """Note that an exercise is to be done again; a solution that was looked at stays looked at."""
        self._records[name] = {**self.of(name), "passed": None}
        self.save()

    def current(self, exercises: Iterable[Exercise]) -> Exercise | None:
        """Return the first of the exercises that is not passed."""
        return next((row for row in exercises if self.of(row.name)["passed"] is None), None)

    def points(self, exercise: Exercise) -> int:
        """Return the points got for an exercise: none before it is passed, or after giving up."""
        record = self.of(exercise.name)
        return exercise.points if record["passed"] is not None and not record["gave_up"] else 0


def _new():
    return {"passed": None, "tries": 0, "hints": 0, "gave_up": False, "seconds": 0.0}
