"""From nothing to the first training step: import and first step, with a warm and a cold cache of kernels.

All in seconds. Every start is a fresh process, the contestants by turns. "Cold" is the very first start, when
nnscratch compiles its kernels, or torch.compile (with `--compile`) its network, into an empty folder; "warm" is
any later start.
"""

import tempfile
from statistics import median

from benchmarks import fresh
from benchmarks.duel import quartiles, ratio
from benchmarks.report import Report, Table, number, text

SMALL = {"width": 4, "batch": 4, "repeats": 1}
LAPS = ("import", "build", "first step", "second step")
COLUMNS = (
    text("contestant", ""),
    *(number(lap, lap) for lap in LAPS),
    number("s", "sum to 1st"),
    number("ratio", "warm nnscratch / it"),
)


def add_options(parser):
    """Add the options of this benchmark."""
    parser.add_argument("--width", type=int, default=32, metavar="W", help="the network's width (32)")
    parser.add_argument("--batch", type=int, default=128, metavar="N", help="images in a batch (128)")
    parser.add_argument("--compile", action="store_true", help="let torch.compile start too (minutes)")
    parser.set_defaults(repeats=5)


def measure(options):
    """Start every contestant by turns; the warm caches are filled by a start that does not count."""
    size = [options.width, options.batch]
    with tempfile.TemporaryDirectory() as kept:
        starts = {
            "nnscratch, warm": lambda: start("ours", size, kept),
            "nnscratch, cold": lambda: cold("ours", size),
            "torch eager": lambda: start("theirs", size, kept),
        }
        if options.compile:
            starts["torch.compile, warm"] = lambda: start("theirs", [*size, True], kept)
            starts["torch.compile, cold"] = lambda: cold("theirs", [*size, True])
        for name, begin in starts.items():
            if not name.endswith("cold"):
                begin()
        found = {name: [] for name in starts}
        for _ in range(options.repeats):
            for name, begin in starts.items():
                found[name].append(begin())
    settings = {"width": options.width, "batch": options.batch, "turns": options.repeats}
    title = "From nothing to the first training step, in seconds"
    return Report("startup", settings, [Table(title, COLUMNS, list(rows(found)))])


def rows(found):
    """Yield a row for each contestant: medians of its laps, and the way to the end of the first step."""
    until = {name: [sum(turn[lap] for lap in LAPS[:3]) for turn in turns] for name, turns in found.items()}
    warm = until["nnscratch, warm"]
    for name, turns in found.items():
        row = {"contestant": name, **{lap: median(turn[lap] for turn in turns) for lap in LAPS}}
        row |= {"s": median(until[name]), **dict(zip(("s_low", "s_high"), quartiles(until[name])))}
        yield row | {"ratio": None if until[name] is warm else ratio(warm, until[name])[0]}


def start(who, arguments, folder):
    """Start one contestant in a fresh process, with a folder for what it compiles."""
    return fresh.call("benchmarks.first_step", who, *arguments, env=kernel_cache(folder))


def cold(who, arguments):
    """Start one contestant with an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        return start(who, arguments, folder)


def kernel_cache(folder):
    """Return the environment in which compiled kernels, numba's and torch.compile's, lie in a folder."""
    return {"NUMBA_CACHE_DIR": folder, "NNSCRATCH_CACHE": folder, "TORCHINDUCTOR_CACHE_DIR": folder}
