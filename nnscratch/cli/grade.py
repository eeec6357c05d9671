"""`nnscratch grade SUBMISSIONS... --csv OUT`: grade learners' folders or zips, with a page for each."""

from pathlib import Path
from typing import Any

from nnscratch.cli.output import console, say
from nnscratch.cli.parser import add_command, whole

EXAMPLES = """\
examples:
  nnscratch grade submissions/*.zip --csv grades.csv
  nnscratch grade ada/ ben/ --csv grades.csv --exercises a2 --seed 2026

Each exercise of each learner is checked in a process of its own. Next to the table, the folder grades-feedback
holds a page for each learner. The same submissions and seed give the same table; docs/teaching.md says what costs
points.

exit codes: 0 graded, 2 wrong input
"""


def register(commands: Any) -> None:
    """Add the command to the command line.

    >>> from nnscratch.cli.parser import Parser
    >>> parser = Parser()
    >>> register(parser.add_subparsers())
    >>> parser.parse_args(["grade", "ada.zip", "--csv", "grades.csv"]).submissions
    ['ada.zip']
    """
    parser = add_command(commands, "grade", "grade learners' folders or zips", EXAMPLES)
    parser.add_argument("submissions", metavar="SUBMISSION", nargs="+", help="a folder or zip for each learner")
    parser.add_argument("--csv", metavar="OUT", required=True, help="where the table goes")
    parser.add_argument(
        "--exercises", metavar="NAME", nargs="+", default=[], help="exercises or assignments (all)"
    )
    parser.add_argument("--seed", type=whole(), default=1, metavar="N", help="of the checks' random numbers (1)")
    parser.add_argument("--workers", type=whole(1), metavar="N", help="checks at a time (one for each core)")
    parser.add_argument("--feedback", metavar="DIR", help="where the pages go (OUT without .csv, and -feedback)")
    parser.set_defaults(run=_run)


def _run(arguments):
    from nnscratch.course.exercises import CourseError, all_exercises, select
    from nnscratch.course.grading.feedback import csv_text, write_pages
    from nnscratch.course.grading.grade import grade
    from nnscratch.training.atomic import write_atomically

    table = Path(arguments.csv)
    if not table.parent.is_dir():
        raise CourseError(f"there is no folder {table.parent} for {table.name}: make it first")
    rows = select(arguments.exercises) if arguments.exercises else list(all_exercises().values())
    worth = {row.name: row.points for row in rows}

    def told(one):
        words = one.refused or f"{one.points(worth)} of {sum(worth.values())} points"
        more = f"; no points for {len(one.reasons)} exercises" if one.reasons and not one.refused else ""
        console().print(f"{one.learner}: {words}{more}", markup=False, highlight=False)

    grades = grade(arguments.submissions, rows, arguments.seed, arguments.workers, told)
    write_atomically(table, csv_text(grades, rows).encode(errors="replace"))
    feedback = Path(arguments.feedback) if arguments.feedback else table.with_name(f"{table.stem}-feedback")
    write_pages(grades, rows, feedback)
    say("table", str(table))
    say("feedback", f"{feedback} ({len(grades)} pages)")
    return 0
