"""`nnscratch sample RUN`: let a trained character model write."""

from typing import Any

from nnscratch.cli.parser import add_command, real, whole
from nnscratch.cli.run_folder import RunFolder

EXAMPLES = """\
examples:
  nnscratch sample runs/poems-char-rnn-1
  nnscratch sample runs/first --start "ROMEO:" --length 1000 --temperature 0.7 --seed 3
"""


def register(commands: Any) -> None:
    """Add the command to the command line.

    >>> from nnscratch.cli.parser import Parser
    >>> parser = Parser()
    >>> register(parser.add_subparsers())
    >>> parser.parse_args(["sample", "runs/first", "--temperature", "0.5"]).temperature
    0.5
    """
    parser = add_command(commands, "sample", "let a model that was trained on a text write", EXAMPLES)
    parser.add_argument("folder", metavar="RUN", help="the folder of a run, such as runs/poems-char-rnn-1")
    parser.add_argument(
        "--start", metavar="TEXT", help="what the text begins with (a line break, where the model knows one)"
    )
    parser.add_argument("--length", type=whole(1), default=500, metavar="N", help="characters to write (500)")
    parser.add_argument(
        "--temperature",
        type=real(),
        default=0.8,
        metavar="T",
        help="0: the likeliest, 1: as learnt (0.8)",
    )
    parser.add_argument("--seed", type=whole(), metavar="N", help="fixes the draws (NNSCRATCH_SEED, else 0)")
    parser.set_defaults(run=_run)


def _run(arguments):
    from nnscratch.cli.text import text_model

    model = text_model(RunFolder.open(arguments.folder))
    written = model.sample(arguments.start, arguments.length, arguments.temperature, arguments.seed)
    print(written.strip("\n") if arguments.start is None else arguments.start + written)
    return 0
