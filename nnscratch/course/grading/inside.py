"""What happens inside the sandbox when a teacher grades: the learner's check, under guard."""

import json
import os
import random
import sys
from pathlib import Path

from nnscratch.course.exercises import all_exercises, assignments_folder, find_exercise
from nnscratch.course.grading.guard import Guard


def main() -> None:
    """Do what request.json in the folder given on the command line asks for, and leave reply.json there.

    >>> main.__name__
    'main'
    """
    from nnscratch import gradcheck, layers  # loaded before the guard begins
    from nnscratch.course.inside import perform
    from nnscratch.course.sandbox import set_limits
    from nnscratch.training.atomic import write_atomically

    assert gradcheck and layers
    place = Path(sys.argv[1])
    request = json.loads((place / "request.json").read_text(encoding="utf-8"))
    (place / "request.json").unlink()  # it holds the word that makes a reply ours
    all_exercises()
    find_exercise(request["name"])
    random.seed(request["seed"])
    set_limits(request["megabytes"], request["seconds"])
    guard = Guard(request["folder"], [str(assignments_folder()), str(place)])
    outcome = perform(request["name"], request["folder"], request["seed"])
    reply = {"outcome": outcome, "breaches": guard.breaches(), "word": request["word"]}
    write_atomically(place / "reply.json", json.dumps(reply).encode())
    os._exit(0)  # whatever threads the learner's code has left
