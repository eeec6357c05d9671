"""Training steps on an NVIDIA card against PyTorch on the same card, and the time to an accuracy on CIFAR-10.

Step by step, ours races PyTorch's eager forms; replayed as a CUDA graph, it races torch.compile with its mode
"reduce-overhead". A turn is 50 steps, at whose end the host waits for the card. In tf32 both round the factors of
convolutions and matrix products. The roof is the least time by roofline.py; its share is what roof / ms gives.
Then ours trains on CIFAR-10, as a graph; the seconds are those of training and of measuring the accuracy on the
test images after each epoch. `--data` takes what `nnscratch train` takes.
"""

from functools import partial
from itertools import accumulate
from statistics import median

import torch

from benchmarks import alexnet
from benchmarks.contestants import TORCH_FORMS, OursAhead, random_batch
from benchmarks.duel import OURS, duel, standings
from benchmarks.epochs import PEAK_RATE
from benchmarks.networks import Theirs
from benchmarks.report import DUEL, Report, Table, number, share, text, verdict
from benchmarks.roofline import peaks, roof
from nnscratch import data
from nnscratch.arrays import DeviceError
from nnscratch.data import augment
from nnscratch.gpu import cards, gpu_problem
from nnscratch.kernels import use_precision
from nnscratch.models import small_alexnet
from nnscratch.training import Momentum, OneCycle, Solver

SMALL = {"networks": ["width 4"], "batch": 4, "steps": 1, "repeats": 1, "forms": [TORCH_FORMS[0]],
         "data": "shapes10", "epochs": [1], "train": 8, "test": 8, "width": 4}  # fmt: skip
NETWORKS = ("width 32", "width 64", "alexnet227")
PRECISIONS = ("float32", "tf32")
GOALS = (0.79, 0.90)
RACE = (*DUEL, share("of_roof", "of the roof"))
TRAINING = (
    text("precision", ""),
    number("epochs", "epochs"),
    number("seconds", "s"),
    ("accuracy", "accuracy", lambda row: f"{row['accuracy']:.2%}"),
    *((str(goal), f"s to {goal:.0%}", lambda row, goal=goal: _told(row[str(goal)])) for goal in GOALS),
)


def add_options(parser):
    """Add the options of this benchmark."""
    parser.add_argument(
        "--networks", nargs="+", default=list(NETWORKS), metavar="NAME",
        help="what takes steps: 'width W' for a small AlexNet, or alexnet227 (width 32, width 64, alexnet227)",
    )  # fmt: skip
    parser.add_argument("--batch", type=int, default=128, metavar="N", help="images in a batch (128)")
    parser.add_argument("--steps", type=int, default=50, metavar="N", help="steps in a turn (50)")
    parser.add_argument("--data", default="cifar10", metavar="NAME|PATH", help="the data to train on (cifar10)")
    parser.add_argument("--width", type=int, default=64, metavar="W", help="the width that is trained (64)")
    parser.add_argument(
        "--epochs", type=int, nargs="*", default=[10, 60], metavar="N", help="epochs of each training (10 60)"
    )
    parser.add_argument("--train", type=int, metavar="N", help="take so many training images (all)")
    parser.add_argument("--test", type=int, metavar="N", help="take so many test images (all)")
    parser.set_defaults(repeats=10, forms=list(TORCH_FORMS))


def measure(options, device="cuda"):
    """Race all networks in both precisions, and train; raises DeviceError where no card can be used."""
    if problem := gpu_problem():
        raise DeviceError(problem)
    if device == "cuda" and not torch.cuda.is_available():
        raise DeviceError("this PyTorch cannot use the card: install one for CUDA, as pytorch.org says")
    tables, rows, reached = [], [], {}
    for precision in PRECISIONS:
        round_in_torch(precision)
        small = {"size": 64, "megabytes": 1, "repeats": 2} if options.small else {}
        reached[precision] = peaks(device, **small)
        with use_precision(precision):
            for network in options.networks:
                tables += races(network, precision, reached[precision], options, device)
            rows += [trained(epochs, precision, options) for epochs in options.epochs]
    if rows:
        tables.append(Table(f"training on {options.data}, width {options.width}", TRAINING, rows))
    settings = {
        "card": cards()[0],
        "batch": options.batch,
        "turns": options.repeats,
        "steps in a turn": options.steps,
    }
    for precision, (operations, bytes_moved) in reached.items():
        settings[f"peak {precision}"] = f"{operations / 1e12:.3g} TFLOP/s at {bytes_moved / 1e9:.4g} GB/s"
    return Report("gpu", settings, tables)


def round_in_torch(precision):
    """Let PyTorch round the factors of convolutions and products to TF32, or keep them whole."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True


def races(network, precision, peak, options, device):
    """Yield a table for the steps one by one, and one for the steps as graphs."""
    make, image, classes = network_of(network)
    x, y = random_batch(options.batch, image, classes)
    least = roof(make(), image, options.batch, peak)
    for graph, words in ((False, "step by step"), (True, "as graphs")):
        field = {OURS: OursAhead(make(), options.steps, graph)}
        forms = [form for form in options.forms if form.startswith("torch.compile") == graph]
        mode = "reduce-overhead" if graph else None
        field |= {form: Theirs(make(), form, device, mode) for form in forms}
        calls = {name: partial(one.steps, *one.batch(x, y), options.steps) for name, one in field.items()}
        title = f"{network}, {precision}, {words}"
        turns = duel(calls, options.repeats, warm_up=3, title=title)
        seconds = {name: [turn / options.steps for turn in each] for name, each in turns.items()}
        rows = [row | {"of_roof": least / median(seconds[row["contestant"]])} for row in standings(seconds)]
        found = f": {verdict(seconds)}" if forms else ""
        yield Table(f"{title}, roof {1e3 * least:.3g} ms{found}", RACE, rows)


def network_of(name):
    """Return how to build a network of NETWORKS, the shape of its images and its number of classes."""
    if name == "alexnet227":
        return alexnet.alexnet, (3, 227, 227), 1000
    if not name.startswith("width "):
        raise data.DataError(f"--networks: there is no network {name!r}: name 'width 32' or 'alexnet227'")
    return partial(small_alexnet, int(name.split()[1])), (3, 32, 32), 10


def trained(epochs, precision, options):
    """Train a small AlexNet as graphs, and return a row: the seconds, and those to each of GOALS."""
    images = data.load(options.data, validation=0).subset(train=options.train, test=options.test)
    arrays = {"x_train": images.x_train, "y_train": images.y_train, "x_val": images.x_test, "y_val": images.y_test}
    preprocess = data.Standardize().fit(images.x_train)
    batch = min(options.batch, len(images.x_train))
    solver = Solver(
        small_alexnet(options.width).to("gpu"), arrays, Momentum(PEAK_RATE, 0.9, weight_decay=5e-4), OneCycle(),
        batch_size=batch, epochs=epochs, augment=augment.parse("standard"), preprocess=preprocess, graph=True,
    )  # fmt: skip
    history = solver.train()
    passed = list(accumulate(history["seconds"]))
    row = {
        "precision": precision,
        "epochs": epochs,
        "seconds": passed[-1],
        "accuracy": history["val_accuracy"][-1],
    }
    for goal in GOALS:
        there = [after for after, right in zip(passed, history["val_accuracy"]) if right >= goal]
        row[str(goal)] = min(there, default=float("inf"))
    return row


def _told(seconds):
    return "not reached" if seconds == float("inf") else f"{seconds:.1f}"
