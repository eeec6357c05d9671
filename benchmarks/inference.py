"""Images a second through the small AlexNet in evaluation mode, against PyTorch under inference_mode."""

from statistics import median

from benchmarks.contestants import add_peers, alexnets, calls, random_batch
from benchmarks.duel import duel, standings
from benchmarks.report import DUEL, Report, Table, number, verdict
from nnscratch.models.alexnet import NORMS

SMALL = {"width": 4, "batches": [1, 4], "repeats": 2, "peers": ["torch eager", "torch channels_last"]}
COLUMNS = (DUEL[0], number("images_per_second", "images/s"), *DUEL[1:])


def add_options(parser):
    """Add the options of this benchmark."""
    parser.add_argument("--width", type=int, default=32, metavar="W", help="the network's width (32)")
    parser.add_argument("--norm", choices=NORMS, default="batch", help="the network's norm (batch)")
    parser.add_argument(
        "--batches", type=int, nargs="+", default=[1, 16, 128], metavar="N", help="images in a batch (1 16 128)"
    )
    add_peers(parser)
    parser.set_defaults(repeats=30)


def measure(options):
    """Race with batches of every size."""
    settings = {"width": options.width, "norm": options.norm, "turns": options.repeats}
    return Report("inference", settings, [race(batch, options) for batch in options.batches])


def race(batch, options):
    """Time the scores of one batch by turns."""
    x, _ = random_batch(batch)
    field = alexnets(options.width, options.norm, options.peers)
    seconds = duel(calls(field, "scores", x), options.repeats, warm_up=3, title=f"batch {batch}")
    rows = [row | {"images_per_second": batch / median(seconds[row["contestant"]])} for row in standings(seconds)]
    return Table(f"batch {batch}: {verdict(seconds)}", COLUMNS, rows)
