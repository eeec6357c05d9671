"""The command line: `nnscratch COMMAND`, with one file per command and one place where errors become messages."""

import sys

from nnscratch import __version__
from nnscratch.choices import choose
from nnscratch.cli import data, evaluate, gradcheck, info, learn, models, plot, predict, sample, train
from nnscratch.cli.errors import reported
from nnscratch.cli.parser import Parser

COMMANDS = {
    "train": train,
    "evaluate": evaluate,
    "predict": predict,
    "plot": plot,
    "gradcheck": gradcheck,
    "data": data,
    "info": info,
    "models": models,
    "sample": sample,
    "learn": learn,
}

EXAMPLES = """\
examples:
  nnscratch train                          train a small AlexNet (CIFAR-10, or shapes10 where it is not at hand)
  nnscratch evaluate runs/NAME             how good it is, class by class
  nnscratch predict runs/NAME cat.jpg      what it sees in a picture
  nnscratch sample runs/NAME               what it writes, after training on a text
  nnscratch gradcheck my_layers.py         whether the gradients that you wrote are right
  nnscratch learn start my-course          the exercises of the course, checked as you save them
  nnscratch COMMAND --help                 all options of a command, with examples

exit codes: 0 all right, 1 a check failed, 2 wrong input, 3 an error in nnscratch, 130 interrupted
"""


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code; `argv` are the words after `nnscratch`.

    >>> main(["--version"])  # doctest: +ELLIPSIS
    nnscratch ...
    0
    """
    words = list(sys.argv[1:] if argv is None else argv)
    with reported(debug="--debug" in words) as outcome:
        outcome.code = _run(words)
    return outcome.code


def _run(words):
    parser = Parser(prog="nnscratch", description="Deep learning from scratch in NumPy.", epilog=EXAMPLES)
    parser.add_argument("--version", action="version", version=f"nnscratch {__version__}")
    commands = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    for command in COMMANDS.values():
        command.register(commands)
    if not words:
        parser.print_help()
        return 0
    if not words[0].startswith("-"):
        choose(words[0], COMMANDS, "command")
    arguments = parser.parse_args(words)
    if arguments.command is None:
        parser.error(f"no command was given: choose from {', '.join(COMMANDS)}")
    return arguments.run(arguments)
