"""Wrong answers that are a solution with one slip in it."""

from pathlib import Path

from nnscratch.course.exercises import assignments_folder, find_exercise
from nnscratch.course.starters import BEGIN, END, function_in
from tests.course.wrong import Wrong


def slip(exercise, words, right, wrong, says):
    """A wrong answer: the solution, in which `wrong` stands in place of `right`, once."""
    row = find_exercise(exercise)
    source = function_in(
        Path(assignments_folder(), "solutions", row.path).read_text(encoding="utf-8"), row.function
    )
    head, _, rest = source.partition(f"{BEGIN}\n")
    body = rest.partition(END)[0].rstrip() + "\n"
    assert body.count(right) == 1, f"{exercise} has {right!r} {body.count(right)} times"
    body = body.replace(right, wrong)
    return Wrong(exercise, words, head.rstrip() + "\n" + body, (says,) if isinstance(says, str) else says)
