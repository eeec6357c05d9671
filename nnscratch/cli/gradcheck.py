"""`nnscratch gradcheck FILE`: whether the gradients of the layers in your own file are right."""

from typing import Any

from nnscratch.cli.output import console, print_json
from nnscratch.cli.parser import add_command

EXAMPLES = """\
examples:
  nnscratch gradcheck my_layers.py            every pair, loss and layer in the file
  nnscratch gradcheck my_layers.py relu       only relu_forward and relu_backward
  nnscratch gradcheck my_layers.py --json

A pair is two functions NAME_forward(x, ...) -> (out, cache) and NAME_backward(dout, cache) -> gradients. Inputs
are guessed from the names of the arguments; EXAMPLES = {"NAME": (x, w, b)} in the file gives them.

exit codes: 0 all gradients are right, 1 a gradient is wrong, 2 something could not be checked
"""


def register(commands: Any) -> None:
    """Add the command to the command line.

    >>> from nnscratch.cli.parser import Parser
    >>> parser = Parser()
    >>> register(parser.add_subparsers())
    >>> parser.parse_args(["gradcheck", "my_layers.py", "relu"]).name
    'relu'
    """
    parser = add_command(commands, "gradcheck", "check the gradients of the layers in your own file", EXAMPLES)
    parser.add_argument("file", metavar="FILE", help="a Python file with forward/backward pairs, losses or layers")
    parser.add_argument("name", metavar="NAME", nargs="?", help="check only this one, such as relu")
    parser.add_argument("--json", action="store_true", help="print the reports as JSON")
    parser.set_defaults(run=_run)


def _run(arguments):
    import sys

    from nnscratch.gradcheck import Problem, check_file, exit_code, print_report

    results = check_file(arguments.file, arguments.name)
    if arguments.json:
        print_json([result.to_json() for result in results])
    else:
        for result in results:
            if isinstance(result, Problem):
                print(result, file=sys.stderr)
            else:
                print_report(result, console())
    return exit_code(results)
