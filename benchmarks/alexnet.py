"""AlexNet at its full size, images of 227x227 pixels: forward, and forward with backward, against PyTorch.

The network of Krizhevsky et al. 2012 as one tower: without groups and without local response norm.
"""

from benchmarks.contestants import add_peers, calls, field, random_batch
from benchmarks.duel import duel, standings
from benchmarks.report import DUEL, Report, Table, verdict
from nnscratch import arrays
from nnscratch.layers import Affine, Conv, Dropout, Flatten, MaxPool, ReLU, Sequential
from nnscratch.layers.initializers import normal
from nnscratch.models import Classifier
from nnscratch.models.classifier import shape_after

SMALL = {"shrink": 16, "image": 67, "batch": 2, "repeats": 2, "peers": ["torch eager", "torch channels_last"]}
RACES = {"scores": "forward, evaluation mode", "gradients": "forward, loss and backward"}


def add_options(parser):
    """Add the options of this benchmark."""
    parser.add_argument("--batch", type=int, default=16, metavar="N", help="images in a batch (16)")
    parser.add_argument("--image", type=int, default=227, metavar="SIZE", help="pixels across an image (227)")
    parser.add_argument(
        "--shrink", type=int, default=1, metavar="K", help="divide all channels and units by K (1)"
    )
    add_peers(parser)
    parser.set_defaults(repeats=10)


def measure(options):
    """Race both ways."""
    image = (3, options.image, options.image)
    contestants = field(lambda: alexnet(options.shrink, image), options.peers)
    x, y = random_batch(options.batch, image, classes=1000 // options.shrink)
    tables = []
    for method, words in RACES.items():
        batch = (x, None) if method == "scores" else (x, y)
        seconds = duel(calls(contestants, method, *batch), options.repeats, title=words)
        tables.append(Table(f"{words}: {verdict(seconds)}", DUEL, standings(seconds)))
    settings = {"batch": options.batch, "image": options.image, "turns": options.repeats}
    return Report("alexnet", settings, tables)


def alexnet(shrink=1, image=(3, 227, 227)):
    """Build the network; `shrink` divides the channels and units."""
    a, b, c, units, classes = (size // shrink for size in (96, 256, 384, 4096, 1000))
    rng = arrays.rng(0)
    make = {"rng": rng, "init": normal(0.01)}
    trunk = [
        Conv(image[0], a, 11, stride=4, **make), ReLU(), MaxPool(3, stride=2),
        Conv(a, b, 5, pad=2, **make), ReLU(), MaxPool(3, stride=2),
        Conv(b, c, 3, pad=1, **make), ReLU(),
        Conv(c, c, 3, pad=1, **make), ReLU(),
        Conv(c, b, 3, pad=1, **make), ReLU(), MaxPool(3, stride=2),
        Flatten(),
    ]  # fmt: skip
    (features,) = shape_after(trunk, image)
    return Classifier(Sequential(
        *trunk,
        Dropout(0.5, rng=rng), Affine(features, units, **make), ReLU(),
        Dropout(0.5, rng=rng), Affine(units, units, **make), ReLU(),
        Affine(units, classes, **make),
    ))  # fmt: skip
