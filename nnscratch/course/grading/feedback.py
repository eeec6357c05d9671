"""What a grading leaves behind: a table for the teacher, and a page for each learner."""

import csv
import io
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from nnscratch.course.exercises import Exercise
from nnscratch.course.grading.grade import Grade
from nnscratch.training.atomic import write_atomically

WORDS = {
    "passed": ("passed", "#2b8a3e"),
    "not written": ("not written", "#b26a00"),
    "missing": ("not handed in", "#b26a00"),
    "needs": ("waits for another", "#b26a00"),
    "cheat": ("no points", "#e03131"),
}
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 52em; margin: 2em auto; padding: 0 1em }}
h2 {{ margin-top: 2em }} section {{ border-left: 4px solid; padding: 2px 0 2px 14px; margin: 1.2em 0 }}
pre {{ overflow-x: auto; padding: 8px; background: rgba(128,128,128,.14); border-radius: 4px; font-size: 13px }}
.where {{ opacity: .75 }} b, h1 {{ overflow-wrap: anywhere }} p {{ margin: 4px 0; overflow-wrap: anywhere }}
</style></head><body>
<h1>{title}</h1>
<p>{summary}</p>
{body}
</body></html>
"""
MOST_OUTPUT = 2000


def csv_text(grades: Sequence[Grade], exercises: Sequence[Exercise]) -> str:
    """Return the table: a line for each learner, with the points of each exercise, their sum, and reasons.

    Cells that a spreadsheet would take for a formula begin with an apostrophe.

    >>> from nnscratch.course.check import Outcome
    >>> from nnscratch.course.exercises import select
    >>> rows = select(["a2.affine_forward"])
    >>> print(csv_text([Grade("ada", {"a2.affine_forward": Outcome("passed")})], rows))
    learner,points,of,a2.affine_forward,reasons
    ada,1,1,1,
    """
    worth = {row.name: row.points for row in exercises}
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    table.writerow(["learner", "points", "of", *worth, "reasons"])
    for one in grades:
        each = [points if one.outcomes[name].passed else 0 for name, points in worth.items()]
        reasons = one.refused or "; ".join(one.reasons)
        table.writerow([_cell(one.learner), sum(each), sum(worth.values()), *each, _cell(reasons)])
    return written.getvalue()


def page(one: Grade, exercises: Sequence[Exercise]) -> str:
    """Return a learner's page: for each exercise how it went, where to look, and the doctor's report.

    >>> from nnscratch.course.check import Outcome
    >>> from nnscratch.course.exercises import select
    >>> one = Grade("<ada>", {"a2.affine_forward": Outcome("wrong", "out[0] is 1, it should be 2")})
    >>> html = page(one, select(["a2.affine_forward"]))
    >>> "out[0] is 1, it should be 2" in html, "<ada>" in html
    (True, False)
    """
    worth = {row.name: row.points for row in exercises}
    passed = sum(found.passed for found in one.outcomes.values())
    summary = f"{one.points(worth)} of {sum(worth.values())} points, {passed} of {len(worth)} exercises passed."
    parts = [f"<p><b>The submission was not opened: {escape(one.refused)}</b></p>"] if one.refused else []
    assignment = ""
    for row in () if one.refused else exercises:
        if row.assignment != assignment:
            assignment = row.assignment
            parts.append(f"<h2>{escape(assignment.replace('_', '-', 1))}</h2>")
        parts.append(_section(row, one.outcomes[row.name]))
    return PAGE.format(title=escape(one.learner), summary=escape(summary), body="\n".join(parts))


def write_pages(grades: Sequence[Grade], exercises: Sequence[Exercise], folder: Path) -> list[Path]:
    """Write a page for each learner into a folder; return their paths.

    >>> from nnscratch.course.check import Outcome
    >>> write_pages([Grade("ada b.", {}, refused="no zip")], [], getfixture("tmp_path"))[0].name
    'ada b..html'
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for one in grades:
        plain = re.sub(r"[^\w. -]", "_", one.learner).strip()[:100] or "learner"
        names = (plain, *(f"{plain}-{number}" for number in range(2, len(grades) + 1)))
        path = next(path for name in names if (path := folder / f"{name}.html") not in paths)
        write_atomically(path, page(one, exercises).encode(errors="replace"))
        paths.append(path)
    return paths


def _section(row, outcome):
    word, colour = WORDS.get(outcome.kind, ("to mend", "#e03131"))
    points = f"{row.points if outcome.passed else 0} of {row.points}"
    lines = [
        f'<section style="border-color:{colour}"><b>{escape(row.name)}</b> '
        f'<b style="color:{colour}">{word}</b> ({points})'
    ]
    if outcome.message and not outcome.passed:
        lines.append(f"<p>{escape(outcome.message)}</p>")
    if outcome.where and not outcome.passed:
        lines.append(f'<p class="where">see {escape(outcome.where)}</p>')
    if outcome.report and not outcome.passed:
        lines.append(f"<pre>{escape(outcome.report)}</pre>")
    if outcome.output.strip() and not outcome.passed:
        lines.append(f"<p>It printed:</p><pre>{escape(outcome.output[:MOST_OUTPUT])}</pre>")
    return "\n".join([*lines, "</section>"])


def _cell(text):
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
