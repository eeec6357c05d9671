"""`nnscratch info`: versions, threads, devices, the kernels in use, and the data that are at hand."""

import platform
import sys
from importlib.util import find_spec
from typing import Any

from nnscratch import __version__
from nnscratch.cli.output import print_json, say
from nnscratch.cli.parser import add_command

EXAMPLES = """\
examples:
  nnscratch info
  nnscratch info --json
"""


def register(commands: Any) -> None:
    """Add the command to the command line.

    >>> from nnscratch.cli.parser import Parser
    >>> parser = Parser()
    >>> register(parser.add_subparsers())
    >>> parser.parse_args(["info", "--json"]).json
    True
    """
    parser = add_command(
        commands, "info", "show versions, threads, devices, kernels in use and data at hand", EXAMPLES
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.set_defaults(run=_run)


def gather() -> dict[str, Any]:
    """Return all that the command shows.

    >>> sorted(gather())[:4]
    ['blas', 'cache', 'compiled', 'data']
    """
    from nnscratch.cli import machine
    from nnscratch.cli.data import at_hand
    from nnscratch.data.cache import cache_folder

    return {
        "nnscratch": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": machine.library_versions(),
        "blas": machine.blas(),
        "threads": machine.threads_in_use(),
        "devices": machine.devices(),
        "kernels": {
            library: machine.kernels_in_use(library) for library in ("numpy", "cupy") if find_spec(library)
        },
        "compiled": machine.compiled_kernels(),
        "cache": str(cache_folder()),
        "data": at_hand(),
    }


def _run(arguments):
    facts = gather()
    if arguments.json:
        print_json(facts)
        return 0
    say("nnscratch", f"{facts['nnscratch']}  (Python {facts['python']}, {sys.executable})")
    say("platform", facts["platform"])
    say(
        "libraries",
        ", ".join(f"{name} {found or '(not installed)'}" for name, found in facts["libraries"].items()),
    )
    say("blas", facts["blas"])
    say("threads", f"{facts['threads']} for the kernels (NNSCRATCH_THREADS sets them)")
    say("devices", "\n".join(facts["devices"]))
    say("kernels", "\n".join(_kernels(library, used) for library, used in facts["kernels"].items()))
    say("compiled", _compiled(facts["compiled"]))
    say("cache", facts["cache"])
    say("data", "\n".join(f"{name}: {found}" for name, found in facts["data"].items()))
    return 0


def _compiled(about):
    """Say where compiled kernels are kept, and whether the next start will find some there."""
    if about["problem"]:
        return f"kernels are not kept: {about['problem']}"
    if not about["kernels"]:
        return f"no kernels yet, the first step compiles them into {about['folder']}"
    return f"{about['kernels']} kernels in {about['folder']}"


def _kernels(library, used):
    """Say for one library which kernels come from which module."""
    by_place: dict[str, list[str]] = {}
    for name, place in used.items():
        by_place.setdefault(place, []).append(name)
    if list(by_place) == ["reference"]:
        return f"{library}: plain array code for all"
    return "\n".join(
        f"{library}, {'plain array code' if place == 'reference' else place}: {', '.join(names)}"
        for place, names in sorted(by_place.items())
    )
