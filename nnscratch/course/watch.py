"""The loop: the exercise at hand is checked whenever its file is saved, and the next one comes when it passes."""

import time
from pathlib import Path
from typing import Any

from nnscratch.course.cells import look
from nnscratch.course.changes import Changes
from nnscratch.course.check import Outcome, check
from nnscratch.course.exercises import Exercise, all_exercises
from nnscratch.course.inside import text_of
from nnscratch.course.progress import Progress
from nnscratch.course.screen import Screen, keys
from nnscratch.course.show import bar, hint_lines, labelled, outcome_lines, task_lines, totals

SLOW = 0.7  # seconds after which a check is worth a word


class Watch:
    """Watches a learner's folder and shows the one thing to mend.

    rows: the exercises to work through, by default all of them. `run()` ends when all are passed, with "q", or
    with Ctrl-C. A file saved elsewhere in the folder moves the loop to the first open exercise of that file, and a
    notebook to the first open one whose cells are others than before.

    >>> Watch(getfixture("tmp_path")).rows[0].assignment[:1]
    'a'
    """

    def __init__(
        self, folder: Path | str, rows: list[Exercise] | None = None, screen: Screen | None = None
    ) -> None:
        self.folder = Path(folder)
        self.rows = list(all_exercises().values()) if rows is None else rows
        self.progress = Progress(self.folder)
        self.screen = screen or Screen()
        self.changes = Changes(self.folder)
        self._cells = look(self.folder).cells
        self.passed: list[str] = []
        self._pending: set[str] = set()
        self._begun = 0.0
        self._page: list[Any] = []
        self._exercise: Exercise | None = None
        self._pressed: Any = None
        self._key = ""

    def run(self) -> bool:
        """Run the loop; return whether all exercises are passed."""
        self.progress.begin()
        with self.screen, keys() as self._pressed:
            try:
                self._exercise = self.progress.current(self.rows)
                while self._exercise is not None and self._key != "q":
                    outcome = self._check(self._exercise)
                    if outcome is None:
                        self._exercise = self._moved(self._exercise)
                        continue
                    self.progress.record(self._exercise.name, outcome.passed, outcome.kind != "not written")
                    if outcome.passed:
                        self.passed.append(self._exercise.name)
                        self._exercise = self._after(self._exercise)
                        continue
                    self._wait(self._exercise, outcome)
                    self._exercise = self._moved(self._exercise)
            except KeyboardInterrupt:  # a way to leave like "q": every check has been noted when it ended
                pass
        return self.progress.current(self.rows) is None

    def _check(self, exercise):
        """Check; None when a file was saved meanwhile, or a key ends it all."""
        self._begun = time.monotonic()
        if not self._page:
            self._show_checking(exercise)
        outcome = check(exercise, self.folder, stop=lambda: self._disturbed(exercise))
        return None if outcome.kind == "stopped" else outcome

    def _disturbed(self, exercise):
        if time.monotonic() - self._begun > SLOW:
            self._show_checking(exercise)
        self._pending |= self.changes.now()
        self._key = self._pressed() or self._key
        return bool(self._pending) or self._key == "q"

    def _wait(self, exercise, outcome):
        """Show the outcome until a file is saved."""
        self._key = ""
        while not self._pending and self._key != "q":
            if self._key == "h":
                self.progress.take_hint(exercise.name, len(exercise.hints))
            self._page = self._body(exercise, outcome)
            self.screen.show(self._page, self._foot(exercise, "save the file, and it is checked again"))
            self._pending |= self.changes.wait()
            self._key = self._pressed()

    def _moved(self, exercise):
        """The exercise to go on with: this one, or one in the file or cell that was saved, if that is another."""
        changed, self._pending = self._pending, set()
        in_cells = self._in_changed_cells(changed)
        there = [row for row in self.rows if row.path in changed or row.name in in_cells]
        return exercise if exercise in there else self.progress.current(there) or exercise

    def _in_changed_cells(self, changed):
        """The names of the exercises whose cells in a saved notebook are not what they were."""
        if not any(name.endswith(".ipynb") for name in changed):
            return set()
        before, self._cells = self._cells, look(self.folder).cells
        return {name for cell in set(before) ^ set(self._cells) for name in cell.exercises}

    def _after(self, exercise):
        """The next open exercise behind this one, else the first open one."""
        behind = self.rows[self.rows.index(exercise) + 1 :]
        return self.progress.current(behind) or self.progress.current(self.rows)

    def _show_checking(self, exercise):
        page = self._page or self._head(exercise)
        self.screen.show(page, self._foot(exercise, f"checking {exercise.function} ..."))

    def _head(self, exercise):
        from rich.text import Text

        sums = totals(self.rows, self.progress)
        width, _ = self.screen.size()
        done = f"{sums['passed']} of {sums['exercises']} exercises, {sums['got']} of {sums['points']} points"
        encoding = getattr(self.screen.stream, "encoding", None) or "utf-8"
        line = bar(sums["passed"], sums["exercises"], min(width, 100), "utf" not in encoding.lower())
        times = f"about {exercise.minutes} minutes, {exercise.points} point{'s' if exercise.points != 1 else ''}"
        return [
            Text(f"nnscratch learn: {done}", style="bold"),
            Text(line, style="green"),
            *([labelled("passed", ", ".join(self.passed[-3:]), "bold green")] if self.passed else []),
            labelled("exercise", Text.assemble((exercise.name, "bold"), f"   {times}")),
            labelled("file", Text(self._place(exercise), style="cyan")),
            Text(""),
        ]

    def _place(self, exercise):
        """Where the exercise is written: a cell of a notebook, or its file."""
        for cell in self._cells:
            if cell.writes(exercise):
                return Path(cell.filename).relative_to(self.folder).as_posix()
        return exercise.path

    def _body(self, exercise: Exercise, outcome: Outcome) -> list[Any]:
        body = [*self._head(exercise), *outcome_lines(exercise, outcome)]
        hints = hint_lines(exercise, self.progress.of(exercise.name)["hints"])
        body += ["", *hints] if hints else []
        if outcome.kind == "not written" and (self.folder / exercise.path).is_file():
            body += ["", *task_lines(exercise, text_of(self.folder / exercise.path))]
        return body

    def _foot(self, exercise, words):
        from rich.text import Text

        more = "h a hint   " if self.progress.of(exercise.name)["hints"] < len(exercise.hints) else ""
        keys = f"{more}q quit" if self.screen.is_terminal else ""
        return [Text(""), Text(f"{words}   {keys}".rstrip(), style="dim")]
