"""Run a benchmark: `python -m benchmarks NAME [--json] [--save] [--repeats N]`; without a name, list them all."""

import argparse
import ast
import importlib
import sys
from pathlib import Path

from benchmarks import duel, report
from benchmarks.neighbours import Neighbours
from nnscratch.arrays import DeviceError
from nnscratch.choices import choose
from nnscratch.cli.output import print_json, say
from nnscratch.cli.parser import whole
from nnscratch.data import DataError, DownloadError

NAMES = ("step", "layers", "inference", "memory", "startup", "epochs", "ladder", "alexnet", "gpu", "gradcheck")
TORCH = 'the benchmarks race against PyTorch, which is not installed: pip install ".[bench]"'


def main(arguments=None):
    """Run the benchmark that the arguments name, or list all; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if not arguments or arguments[0] in ("-h", "--help"):
        print("python -m benchmarks NAME [--json] [--save] [--repeats N] [--small]; NAME --help lists all options")
        for name in NAMES:
            say(name, about(name))
        return 0
    name, *arguments = arguments
    try:
        choose(name, dict.fromkeys(NAMES), "benchmark")
    except ValueError as error:
        sys.exit(str(error))
    if name == "gradcheck":
        importlib.import_module("benchmarks.gradcheck").main(arguments)
        return 0
    try:
        importlib.import_module("torch")
    except ImportError:
        sys.exit(TORCH)
    return run(name, arguments)


def about(name):
    """Return the first sentence of a benchmark's file, which is not imported for it."""
    text = (Path(__file__).parent / f"{name}.py").read_text()
    return (ast.get_docstring(ast.parse(text)) or "").splitlines()[0]


def run(name, arguments):
    """Run one benchmark and print, or save, its report."""
    benchmark = importlib.import_module(f"benchmarks.{name}")
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks {name}", description=benchmark.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one object of JSON instead of tables")
    parser.add_argument("--save", action="store_true", help=f"write {report.RESULTS.name}/{name}.md as well")
    parser.add_argument("--repeats", type=whole(1), metavar="N", help="how often each contestant has its turn")
    parser.add_argument("--small", action="store_true", help="tiny sizes: does it run? The figures mean nothing")
    benchmark.add_options(parser)
    if "--small" in arguments:
        parser.set_defaults(**benchmark.SMALL)
    options = parser.parse_args(arguments)
    neighbours = Neighbours()
    if options.small:
        duel.PATIENCE = 0.0
    try:
        measured = benchmark.measure(options)
    except (DataError, DownloadError) as error:
        sys.exit(f"{name}: {error}")
    except DeviceError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    facts = report.facts(measured, neighbours.share())
    if options.json:
        print_json(report.as_json(measured, facts))
    else:
        report.show(measured, facts)
    if options.save:
        print(f"written to {report.save(measured, facts)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
