"""`nnscratch learn`: the course in your own folder: watch, check, hints, solutions, progress."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from nnscratch.cli.output import console, print_json, print_table, say
from nnscratch.cli.parser import add_command, whole

EXAMPLES = """\
examples:
  nnscratch learn start my-course           make a folder with the exercises, or bring new ones into it
  nnscratch learn                           in that folder: work, save, see the one thing to mend
  nnscratch learn watch a3                  the same, for the exercises of one assignment
  nnscratch learn check                     check the exercise at hand once
  nnscratch learn check a2.relu_forward     or others: names, files, assignments, "all"
  nnscratch learn hint                      a hint; again for a clearer one (three in all)
  nnscratch learn solution                  the solution, once it is passed (before that: --give-up)
  nnscratch learn status                    progress, points, time
  nnscratch learn reset a2.relu_forward     begin an exercise anew; what was written is set aside
  nnscratch learn train --mine              train a small AlexNet with your own layers in it
  nnscratch learn cs231n assignment2        check your own CS231n folder: what is missing, what is wrong, where

exit codes: 0 passed, 1 something is still to mend, 2 wrong input
"""


def register(commands: Any) -> None:
    """Add the command to the command line.

    >>> from nnscratch.cli.parser import Parser
    >>> parser = Parser()
    >>> register(parser.add_subparsers())
    >>> parser.parse_args(["learn", "check", "a2"]).exercises
    ['a2']
    """
    parser = add_command(commands, "learn", "work through the course: exercises that answer back", EXAMPLES)
    parser.add_argument("--folder", metavar="DIR", help="your course folder (this one, or one that it lies in)")
    parser.set_defaults(run=_watch, exercises=[])
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions")

    def action(name, words, run, exercises=None):
        added = actions.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
        added.add_argument("--folder", metavar="DIR", default=argparse_suppress(), help="your course folder")
        if exercises:
            added.add_argument("exercises", metavar="EXERCISE", nargs=exercises, default=[], help=NAMES)
        added.set_defaults(run=run)
        return added

    start = action("start", "make a folder with the exercises, or bring new ones into it", _start)
    start.add_argument("place", metavar="DIR", help="the folder")
    action("watch", "check the exercise at hand whenever you save (as without ACTION)", _watch, "*")
    action("check", "check the exercise at hand, or others", _check, "*")
    action("hint", "show a hint; each time one more, up to three", _hint, "?")
    solution = action("solution", "show the solution of an exercise that you passed", _solution, "?")
    solution.add_argument(
        "--give-up", action="store_true", help="show it before; the exercise gives no points then"
    )
    status = action("status", "show progress, points and time", _status)
    status.add_argument("--all", action="store_true", help="list every exercise")
    status.add_argument("--json", action="store_true", help="print it as JSON")
    action("reset", "begin exercises anew; what was written is set aside", _reset, "+")
    cs231n = action("cs231n", "check your own CS231n folder with the gradient doctor", _cs231n)
    cs231n.add_argument("place", metavar="FOLDER", help="the folder of an assignment, or its folder cs231n")
    cs231n.add_argument("parts", metavar="PART", nargs="*", help="only these, such as affine_backward")
    cs231n.add_argument("--year", type=whole(), help="2016 to 2026 (told from the files)")
    cs231n.add_argument("--json", action="store_true", help="print it as JSON")
    train = action("train", "train a small AlexNet with your own layers in it", _train)
    train.add_argument(
        "--mine", action="store_true", required=True, help="your own layers, beside the built-in ones"
    )
    train.add_argument("--epochs", type=whole(1), default=5, metavar="N", help="sweeps over the images (5)")
    train.add_argument(
        "--norm", choices=["batch", "lrn"], default="batch", help="which norm the network has (batch)"
    )
    train.add_argument(
        "--data", default="auto", metavar="DATA", help="cifar10, shapes10 or a path (CIFAR-10 if at hand)"
    )
    train.add_argument("--images", type=whole(100), default=2000, metavar="N", help="training images (2000)")


NAMES = 'its name (a2.relu_forward, or relu_forward), a file, an assignment (a2), or "all"'


def argparse_suppress() -> str:
    """Return argparse's mark for an option that leaves no default behind, so that `learn --folder` is kept.

    >>> argparse_suppress()
    '==SUPPRESS=='
    """
    import argparse

    return argparse.SUPPRESS


def _folder(arguments):
    from nnscratch.course.folder import find_folder

    return find_folder(arguments.folder or ".")


def _rows(names):
    from nnscratch.course.exercises import all_exercises, select

    return list(all_exercises().values()) if not names or "all" in names else select(names)


def _one(arguments, progress):
    """The exercise that is named, else the one at hand."""
    from nnscratch.course.exercises import CourseError, all_exercises, find_exercise

    if arguments.exercises:
        return find_exercise(arguments.exercises)
    row = progress.current(all_exercises().values())
    if row is None:
        raise CourseError("all exercises are passed: name one, such as nnscratch learn solution a2.relu_forward")
    return row


def _start(arguments):
    from nnscratch.course.exercises import all_exercises
    from nnscratch.course.folder import start

    done = start(arguments.place)
    rows = all_exercises().values()
    if done.new:
        say("made", f"{len(done.new)} files in {arguments.place}")
    for name, added in done.added.items():
        say("added", f"{name}: {', '.join(added)}")
    for name, why in done.left.items():
        say("left", f"{name} as it is: {why}")
    if not (done.new or done.added or done.left):
        say("up to date", f"{arguments.place} has all exercises")
    hours = sum(row.minutes for row in rows) / 60
    say("course", f"{len(rows)} exercises, {sum(row.points for row in rows)} points, about {hours:.0f} hours")
    here = Path(arguments.place).resolve() == Path.cwd()
    say("next", "nnscratch learn" if here else f"cd {arguments.place}\nnnscratch learn")
    return 0


def _watch(arguments):
    from nnscratch.course.watch import Watch

    watch = Watch(_folder(arguments), _rows(arguments.exercises))
    watch.run()
    if watch.passed:
        say("passed", ", ".join(watch.passed))
    row = watch.progress.current(watch.rows)
    if row is None:
        say("done", "all of these exercises are passed")
    else:
        say("next", f"{row.name} in {row.path}\nnnscratch learn goes on")
    return 0


def _check(arguments):
    from nnscratch.course.check import check
    from nnscratch.course.progress import Progress
    from nnscratch.course.show import outcome_lines

    folder = _folder(arguments)
    progress = Progress(folder)
    rows = _rows(arguments.exercises) if arguments.exercises else [_one(arguments, progress)]
    out, passed = console(), 0
    for row in rows:
        outcome = check(row, folder)
        progress.record(row.name, outcome.passed, tried=outcome.kind != "not written")
        passed += outcome.passed
        if len(rows) > 1:
            out.print(f"{row.name:<{max(len(r.name) for r in rows)}}", style="bold", end="  ")
            words = "passed" if outcome.passed else outcome.message
            out.print(
                words, style="green" if outcome.passed else "", markup=False, overflow="ellipsis", no_wrap=True
            )
        else:
            for line in outcome_lines(row, outcome, full=True):
                out.print(line)
    if len(rows) > 1:
        say("passed", f"{passed} of {len(rows)}")
    return 0 if passed == len(rows) else 1


def _hint(arguments):
    from nnscratch.course.progress import Progress
    from nnscratch.course.show import hint_lines

    progress = Progress(_folder(arguments))
    row = _one(arguments, progress)
    count = progress.take_hint(row.name, len(row.hints))
    say("exercise", row.name)
    for line in hint_lines(row, count):
        console().print(line)
    if count == len(row.hints):
        say("more", f"that was the last one; nnscratch learn solution {row.name} --give-up shows the solution")
    return 0


def _solution(arguments):
    from nnscratch.course.exercises import CourseError
    from nnscratch.course.folder import solution_of
    from nnscratch.course.progress import Progress

    progress = Progress(_folder(arguments))
    row = _one(arguments, progress)
    if progress.of(row.name)["passed"] is None:
        if not arguments.give_up:
            raise CourseError(
                f"{row.name} is not passed yet: nnscratch learn hint {row.name} helps, and --give-up shows the "
                "solution all the same (the exercise gives no points then)"
            )
        progress.give_up(row.name)
    console().print(solution_of(row), markup=False, soft_wrap=True)
    return 0


def _status(arguments):
    from nnscratch.course.exercises import all_exercises
    from nnscratch.course.progress import Progress
    from nnscratch.course.show import bar, totals

    progress = Progress(_folder(arguments))
    rows = list(all_exercises().values())
    assignments = {row.assignment: [r for r in rows if r.assignment == row.assignment] for row in rows}
    sums = {name: totals(some, progress) for name, some in assignments.items()}
    current = progress.current(rows)
    if arguments.json:
        records = {row.name: {**progress.of(row.name), "points": progress.points(row)} for row in rows}
        print_json({"total": totals(rows, progress), "assignments": sums, "exercises": records})
        return 0
    columns = ["assignment", "", "passed", "points", "time", "planned"]
    plain = console().options.ascii_only
    table = [
        [
            name.replace("_", "-", 1),
            bar(one["passed"], one["exercises"], 20, plain),
            f"{one['passed']} of {one['exercises']}",
            f"{one['got']} of {one['points']}",
            _hours(one["seconds"] / 60),
            _hours(one["minutes"]),
        ]
        for name, one in {**sums, "all": totals(rows, progress)}.items()
    ]
    print_table(columns, table)
    if arguments.all:
        print_table(
            ["exercise", "", "points", "planned", "tries", "hints"], [_status_row(row, progress) for row in rows]
        )
    gave_up = [row.name for row in rows if progress.of(row.name)["gave_up"]]
    if gave_up:
        say("given up", ", ".join(gave_up))
    say("next", f"{current.name} in {current.path}" if current else "all exercises are passed")
    return 0


def _status_row(row, progress):
    record = progress.of(row.name)
    word = "passed" if record["passed"] is not None else "tried" if record["tries"] else ""
    points = f"{progress.points(row)} of {row.points}"
    return [row.name, word, points, _hours(row.minutes), record["tries"], record["hints"]]


def _hours(minutes):
    return f"{minutes / 60:.1f} h" if minutes >= 60 else f"{minutes:.0f} min"


def _reset(arguments):
    from nnscratch.course.cells import look
    from nnscratch.course.folder import reset
    from nnscratch.course.progress import Progress

    folder = _folder(arguments)
    progress, cells = Progress(folder), look(folder).cells
    for row in _rows(arguments.exercises):
        kept = reset(row, folder)
        progress.forget(row.name)
        say("reset", row.name + (f"; what was written is in {kept.relative_to(folder)}" if kept else ""))
        for cell in cells:
            if cell.writes(row):
                place = Path(cell.filename).relative_to(folder).as_posix()
                say("still in", f"{place}: notebooks are left as they are; empty the cell or take its tag off")
    return 0


def _train(arguments):
    from nnscratch.course.mine import train_mine

    train_mine(_folder(arguments), arguments.epochs, arguments.images, arguments.norm, say, source=arguments.data)
    return 0


def _cs231n(arguments):
    from nnscratch.course.cs231n.check import check_parts, home_of, parts_of, year_of
    from nnscratch.course.show import HEADS, outcome_lines
    from nnscratch.interop.cs231n.dialects import dialect_of

    home = home_of(arguments.place)
    year = dialect_of(arguments.year or year_of(home)).year
    rows = parts_of(home, arguments.parts)
    out, outcomes, width = console(), [], max(len(row.name) for row in rows)
    if not arguments.json:
        say("folder", f"{home / 'cs231n'}, spoken as in {year}")
    for row, outcome in check_parts(home, rows, year):
        outcomes.append(outcome)
        if arguments.json:
            continue
        word, style = HEADS.get(outcome.kind, ("to mend", "bold red"))
        out.print(f"{row.name:<{width}}", style="bold", end="  ", highlight=False)
        out.print(word, style=style)
        for line in outcome_lines(row, outcome, full=len(rows) == 1)[:6] if word == "to mend" else ():
            out.print(line)
    if arguments.json:
        print_json({row.name: asdict(outcome) for row, outcome in zip(rows, outcomes)})
    else:
        right = sum(outcome.passed for outcome in outcomes)
        to_write = sum(outcome.kind in ("not written", "needs") for outcome in outcomes)
        say("right", f"{right} of {len(rows)}; {to_write} to write, {len(rows) - right - to_write} to mend")
    return 0 if all(outcome.passed for outcome in outcomes) else 1
