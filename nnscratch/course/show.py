"""How outcomes and progress look on a terminal: as rich renderables, the same in the watch loop and in a log."""

from collections.abc import Sequence
from typing import Any

from nnscratch.course.check import Outcome
from nnscratch.course.exercises import Exercise
from nnscratch.course.progress import Progress

HEADS = {
    "passed": ("passed", "bold green"),
    "not written": ("to write", "bold yellow"),
    "needs": ("not yet", "bold yellow"),
}
MOST_PRINTED = 12
LONG_LINE = 90  # a longer line of a docstring was broken because it was full


def outcome_lines(exercise: Exercise, outcome: Outcome, full: bool = False) -> list[Any]:
    """Return what there is to say about one check as rich texts: what, where, what the code printed.

    `full` adds the doctor's whole report, or the traceback through the learner's file.

    >>> from nnscratch.course.exercises import find_exercise
    >>> row = find_exercise("a2.affine_forward")
    >>> outcome = Outcome("wrong", "out[0] is 1, it should be 2", "a2_layers/affine.py, line 6")
    >>> for line in outcome_lines(row, outcome):
    ...     print(line)
    to mend   out[0] is 1, it should be 2
    see       a2_layers/affine.py, line 6
    """
    from rich.text import Text

    head, style = HEADS.get(outcome.kind, ("to mend", "bold red"))
    if outcome.finding:
        finding = outcome.finding
        lines = [
            labelled(
                head,
                Text.assemble((finding["kind"], "bold"), f" in {finding['where']}: {finding['evidence']}"),
                style,
            ),
            labelled("try", finding["advice"]),
        ]
        shown = outcome.message.rpartition(" (")[2]
        if shown.startswith("at [") and shown.endswith(")"):
            lines.append(labelled("shown", shown[:-1]))
    else:
        words = f"{exercise.name} in {outcome.seconds:.1f} s" if outcome.passed else outcome.message
        lines = [labelled(head, words, style)]
    if outcome.where and not outcome.passed:
        lines.append(labelled("see", Text(outcome.where, style="cyan")))
    if outcome.output.strip():
        printed = outcome.output.strip("\n").splitlines()
        more = [f"... and {len(printed) - MOST_PRINTED} more lines"] if len(printed) > MOST_PRINTED else []
        for number, line in enumerate(printed[:MOST_PRINTED] + more):
            lines.append(labelled("printed" if number == 0 else "", Text(line.expandtabs(), style="dim")))
    if full and outcome.report and not outcome.passed:
        lines += [Text(""), *(Text(line) for line in outcome.report.splitlines())]
    return lines


def labelled(label: str, words: Any, style: str = "bold") -> Any:
    """Return a label and words beside it, wrapped in a column of their own.

    >>> print(labelled("try", "look for a lost minus"))
    try       look for a lost minus
    """
    return Labelled(label, words, style)


class Labelled:
    """A label with words beside it; plain with str(), wrapped by rich.

    >>> str(Labelled("see", "affine.py"))
    'see       affine.py'
    """

    def __init__(self, label: str, words: Any, style: str = "bold") -> None:
        self.label, self.words, self.style = label, words, style

    def __str__(self) -> str:
        return f"{self.label:<10}{self.words}"

    def __rich__(self) -> Any:
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid()
        grid.add_column(width=10, style=self.style, no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(self.label, self.words if isinstance(self.words, Text) else Text(str(self.words)))
        return grid


def task_lines(exercise: Exercise, source: str) -> list[Any]:
    """Return what an exercise that is not written yet asks for: its docstring from the learner's file.

    >>> from nnscratch.course.exercises import find_exercise
    >>> text = 'def affine_forward(x, w, b):\\n    "Return x w + b."\\n    raise NotWritten("affine_forward")'
    >>> print(*task_lines(find_exercise("a2.affine_forward"), text), sep="\\n")
    task      def affine_forward(x, w, b)
              Return x w + b.
    """
    import ast

    from rich.text import Text

    try:
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef) and node.name == exercise.function:
                head = f"def {node.name}({ast.unparse(node.args)})"
                words = _unwrapped(ast.get_docstring(node) or "")
                return [labelled("task", Text(head, style="bold")), *(labelled("", line) for line in words)]
    except SyntaxError:
        return []  # the check has said already where Python cannot read the file
    return []


def _unwrapped(docstring):
    """The lines of a docstring, with those that were only broken for their length put together again."""
    lines: list[str] = []
    last = 0
    for line in docstring.splitlines():
        goes_on = last > LONG_LINE and line[:1].strip() and not line.startswith(">>>")
        last = len(line)
        if goes_on:
            lines[-1] += " " + line
        else:
            lines.append(line)
    return lines


def hint_lines(exercise: Exercise, count: int) -> list[Any]:
    """Return the first `count` hints of an exercise.

    >>> from nnscratch.course.exercises import find_exercise
    >>> len(hint_lines(find_exercise("a2.affine_forward"), 2))
    2
    """
    total = len(exercise.hints)
    return [labelled(f"hint {i + 1}/{total}", hint) for i, hint in enumerate(exercise.hints[:count])]


def bar(done: int, total: int, width: int, ascii_only: bool = False) -> str:
    """Return a bar of `width` characters.

    >>> bar(1, 4, 8, ascii_only=True)
    '##------'
    """
    full = round(width * done / total) if total else 0
    return "#" * full + "-" * (width - full) if ascii_only else "━" * full + "─" * (width - full)


def totals(exercises: Sequence[Exercise], progress: Progress) -> dict[str, Any]:
    """Return how much of these exercises is done: exercises, points, minutes of work.

    >>> from nnscratch.course.exercises import select
    >>> totals(select(["a2.affine_forward"]), Progress(getfixture("tmp_path")))
    {'exercises': 1, 'passed': 0, 'points': 1, 'got': 0, 'seconds': 0.0, 'minutes': 10}
    """
    return {
        "exercises": len(exercises),
        "passed": sum(progress.of(row.name)["passed"] is not None for row in exercises),
        "points": sum(row.points for row in exercises),
        "got": sum(progress.points(row) for row in exercises),
        "seconds": sum(progress.of(row.name)["seconds"] for row in exercises),
        "minutes": sum(row.minutes for row in exercises),
    }
