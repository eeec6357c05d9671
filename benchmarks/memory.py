"""The peak memory of a training step above the level after set-up, each contestant in a process of its own.

Set-up is the libraries, the model and a batch, and a step on two images, which loads the kernels and makes the
optimiser's arrays. Then Linux's high-water mark of resident memory is set back, and three steps are taken.
"""

import gc
import sys
from pathlib import Path
from statistics import median

from benchmarks import contestants, fresh
from benchmarks.duel import OURS, quartiles, ratio
from benchmarks.report import Report, Table, number, spread, text
from nnscratch.models import small_alexnet
from nnscratch.models.alexnet import NORMS

SMALL = {"widths": [4], "batch": 8, "repeats": 1}
FORMS = (OURS, "torch eager", "torch channels_last")
COLUMNS = (
    text("contestant", ""),
    number("MB", "MB above the level"),
    spread("MB", "quartiles"),
    number("level", "level, MB"),
    number("ratio", "nnscratch / it"),
    spread("ratio", "quartiles"),
)


def add_options(parser):
    """Add the options of this benchmark."""
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64], metavar="W", help="widths (32 64)")
    parser.add_argument("--batch", type=int, default=128, metavar="N", help="images in a batch (128)")
    parser.add_argument("--norm", choices=NORMS, default="batch", help="the network's norm (batch)")
    parser.set_defaults(repeats=3)


def measure(options):
    """Measure every width, the contestants by turns."""
    if not Path("/proc/self/clear_refs").exists():
        sys.exit("memory: the peak is read from Linux's /proc, which this system does not have: run it on Linux")
    settings = {"batch": options.batch, "norm": options.norm, "turns": options.repeats}
    return Report("memory", settings, [race(width, options) for width in options.widths])


def race(width, options):
    """Measure all contestants at one width."""
    found = {form: [] for form in FORMS}
    for _ in range(options.repeats):
        for form, turns in found.items():
            turns.append(fresh.call("benchmarks.memory", "peak_of", form, width, options.batch, options.norm))
    above = {form: [turn["above"] for turn in turns] for form, turns in found.items()}
    rows = []
    for form, turns in found.items():
        row = {"contestant": form, "MB": median(above[form]), "level": median(turn["level"] for turn in turns)}
        row |= dict(zip(("MB_low", "MB_high"), quartiles(above[form])))
        of_ours = (None, None, None) if form == OURS else ratio(above[OURS], above[form])
        rows.append(row | dict(zip(("ratio", "ratio_low", "ratio_high"), of_ours)))
    return Table(f"width {width}", COLUMNS, rows)


def peak_of(form, width, batch, norm):
    """Return {"level", "above"} in MB: resident memory after set-up, and how far steps rise above it."""
    one = contestants.contestant(form, small_alexnet(width, norm=norm))
    x, y = contestants.random_batch(batch)
    one.step(*one.batch(x[:2], y[:2]))
    images, labels = one.batch(x, y)
    gc.collect()
    level = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # 5: set the high-water mark back to the present level
    for _ in range(3):
        one.step(images, labels)
    return {"level": level, "above": resident("VmHWM") - level}


def resident(entry):
    """Return an entry of /proc/self/status, such as VmRSS or VmHWM, in MB (10**6 bytes)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{entry}:")) * 1024 / 1e6
