"""A training step of the small AlexNet, against the same network in PyTorch.

A step is forward, loss, backward, and momentum with weight decay. `--profile` times every layer by itself, forward
and backward, beside PyTorch's module (the faster of its two memory formats) on the same input.
"""

from statistics import median

from benchmarks.contestants import add_peers, alexnets, calls, random_batch
from benchmarks.duel import OURS, best_peer, duel, standings
from benchmarks.passes import FORMATS, both_passes, inputs_of
from benchmarks.report import DUEL, Report, Table, number, text, verdict
from nnscratch.models import small_alexnet
from nnscratch.models.alexnet import NORMS

SMALL = {"widths": [4], "batch": 8, "repeats": 2, "peers": ["torch eager", "torch channels_last"]}
PROFILE = (
    text("layer", ""),
    *(number(f"{side}_{way}", f"{way} {side}") for way in ("forward", "backward") for side in ("ours", "torch")),
    number("ratio", "ours / torch"),
)


def add_options(parser):
    """Add the options of this benchmark."""
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64], metavar="W", help="widths (32 64)")
    parser.add_argument("--batch", type=int, default=128, metavar="N", help="images in a batch (128)")
    parser.add_argument("--norm", choices=NORMS, default="batch", help="the network's norm (batch)")
    parser.add_argument("--profile", action="store_true", help="time every layer by itself as well")
    add_peers(parser)
    parser.set_defaults(repeats=20)


def measure(options):
    """Race the steps of every width."""
    tables = []
    for width in options.widths:
        tables.append(race(width, options))
        if options.profile:
            tables.append(profile(width, options))
    settings = {"batch": options.batch, "norm": options.norm, "turns": options.repeats}
    return Report("step", settings, tables)


def race(width, options):
    """Time whole steps by turns."""
    x, y = random_batch(options.batch)
    field = alexnets(width, options.norm, options.peers)
    seconds = duel(calls(field, "step", x, y), options.repeats, warm_up=3, title=f"width {width}")
    return Table(f"width {width}: {verdict(seconds)}", DUEL, standings(seconds))


def profile(width, options):
    """Time every layer by itself, forward and backward."""
    x, _ = random_batch(options.batch)
    rows = []
    for name, layer, seen in inputs_of(small_alexnet(width, norm=options.norm), x):
        row = {"layer": name}
        for way, contestants in both_passes(layer, seen, needs_dx=seen is not x).items():
            seconds = duel(contestants, max(options.repeats // 2, 1), title=f"{name} {way}")
            row[f"ours_{way}"] = 1e3 * median(seconds[OURS])
            row[f"torch_{way}"] = 1e3 * median(seconds[best_peer(seconds)])
        rows.append(row)
    keys = [key for key, *_ in PROFILE[1:-1]]
    rows.append({"layer": "sum", **{key: sum(row[key] for row in rows) for key in keys}})
    for row in rows:
        ours, theirs = (sum(row[f"{side}_{way}"] for way in ("forward", "backward")) for side in ("ours", "torch"))
        row["ratio"] = ours / theirs
    title = f"width {width}, layer by layer, ms (torch: the faster of {' and '.join(FORMATS)})"
    return Table(title, PROFILE, rows)
