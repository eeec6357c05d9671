"""Whole epochs of CIFAR-10, augmented, and the accuracy on the test images, against the same loop in PyTorch.

Both train the small AlexNet from the same weights on the same batches (shifted by up to 4 pixels and mirrored), as
`nnscratch train` does: with Nesterov's momentum, weight decay, and a rate that rises and falls once; only masks of
dropout differ. They take turns epoch by epoch, and after each they are measured on the test images. `--data` takes
what `nnscratch train` takes.
The turns are the epochs, so there is no use for `--repeats`.
"""

import time
from statistics import median

from benchmarks.contestants import TORCH_FORMS, alexnets
from benchmarks.duel import OURS, quartiles, ratio
from benchmarks.report import Report, Table, number, spread, text
from nnscratch import data
from nnscratch.data import augment
from nnscratch.training import OneCycle

SMALL = {"data": "shapes10", "epochs": 1, "width": 4, "batch": 32, "train": 64, "test": 64}
PEAK_RATE = 0.06  # of `nnscratch train` with batch norm and batches of 128
COLUMNS = (
    text("contestant", ""),
    number("total", "total s"),
    number("s", "s/epoch"),
    spread("s", "quartiles"),
    number("evaluation", "test s"),
    ("accuracy", "accuracy", lambda row: f"{row['accuracy']:.2%}"),
    number("ratio", "nnscratch / it"),
)


def add_options(parser):
    """Add the options of this benchmark."""
    parser.add_argument("--data", default="cifar10", metavar="NAME|PATH", help="the data (cifar10)")
    parser.add_argument("--epochs", type=int, default=10, metavar="N", help="epochs (10)")
    parser.add_argument("--width", type=int, default=32, metavar="W", help="the network's width (32)")
    parser.add_argument("--batch", type=int, default=128, metavar="N", help="images in a batch (128)")
    parser.add_argument("--train", type=int, metavar="N", help="take so many training images (all)")
    parser.add_argument("--test", type=int, metavar="N", help="take so many test images (all)")
    parser.add_argument(
        "--peers", nargs="+", choices=TORCH_FORMS, default=["torch channels_last"], metavar="PEER",
        help="forms of PyTorch to race against (torch channels_last, the fastest without compiling)",
    )  # fmt: skip


def measure(options):
    """Train all contestants, epoch by epoch in turns."""
    images = data.load(options.data, validation=0).subset(train=options.train, test=options.test)
    preprocess = data.Standardize().fit(images.x_train)
    batches = data.Batches(
        images.x_train, images.y_train, options.batch, augment=augment.parse("standard"), preprocess=preprocess
    )
    tests = data.Batches(
        images.x_test, images.y_test, min(500, len(images.x_test)), shuffle=False, preprocess=preprocess
    )
    field = alexnets(options.width, "batch", options.peers)
    found = {name: [] for name in field}
    for one in field.values():
        one.look_ahead()
    for epoch in range(options.epochs):
        order = list(field) if epoch % 2 == 0 else list(reversed(field))
        for name in order:
            found[name].append(one_epoch(field[name], batches, tests, epoch, options.epochs))
    settings = {"data": images.name, "epochs": options.epochs, "width": options.width, "batch": options.batch}
    title = f"{images.name}: {len(images.x_train):,} training images, {len(images.x_test):,} test images"
    return Report("epochs", settings, [Table(title, COLUMNS, list(rows(found)))])


def one_epoch(contestant, batches, tests, epoch, epochs):
    """Train for an epoch and measure: seconds of both, and the accuracy on the test images."""
    schedule, start = OneCycle(), time.perf_counter()
    for step, (x, y) in enumerate(batches.epoch(epoch)):
        rate = PEAK_RATE * schedule(epoch + step / len(batches), epochs)
        contestant.step(*contestant.batch(x, y), rate=rate)
    trained = time.perf_counter()
    right = sum((contestant.scores(*contestant.batch(x)).argmax(axis=1) == y).sum() for x, y in tests.epoch(0))
    return {
        "seconds": trained - start,
        "evaluation": time.perf_counter() - trained,
        "accuracy": float(right / len(tests.y)),
    }


def rows(found):
    """Yield a row for each contestant: seconds, the accuracy in the end, and the ratio of the epochs' seconds."""
    seconds = {name: [epoch["seconds"] for epoch in epochs] for name, epochs in found.items()}
    for name, epochs in found.items():
        both = [epoch["seconds"] + epoch["evaluation"] for epoch in epochs]
        low, high = quartiles(seconds[name])
        row = {"contestant": name, "total": sum(both), "s": median(seconds[name]), "s_low": low, "s_high": high}
        row["evaluation"] = median(epoch["evaluation"] for epoch in epochs)
        row |= {"accuracy": epochs[-1]["accuracy"], "accuracies": [epoch["accuracy"] for epoch in epochs]}
        of_ours = (None, None, None) if name == OURS else ratio(seconds[OURS], seconds[name])
        yield row | dict(zip(("ratio", "ratio_low", "ratio_high"), of_ours))
