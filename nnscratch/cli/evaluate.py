"""`nnscratch evaluate RUN`: how good a trained model is, over all and class by class."""

import argparse
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from nnscratch.cli.device import add_device, device_line, on_device
from nnscratch.cli.output import duration, percent, print_json, print_table, say
from nnscratch.cli.parser import add_command, one_of
from nnscratch.cli.run_folder import RunFolder

EXAMPLES = """\
examples:
  nnscratch evaluate runs/shapes10-small-alexnet-1
  nnscratch evaluate runs/cifar-10-small-alexnet-1 --ten-crop      ten views of each image, averaged
  nnscratch evaluate runs/first --split val --json                 figures for another program
  nnscratch evaluate runs/first --data ../other/pictures.zip       other images of the same classes
  nnscratch evaluate runs/first --device gpu                       on an NVIDIA card
"""
MANY = 12  # more classes than this do not fit as a matrix


def register(commands: Any) -> None:
    """Add the command to the command line.

    >>> from nnscratch.cli.parser import Parser
    >>> parser = Parser()
    >>> register(parser.add_subparsers())
    >>> parser.parse_args(["evaluate", "runs/first"]).split
    'test'
    """
    parser = add_command(
        commands, "evaluate", "measure a trained model: accuracy, top-5, per class, confusion matrix", EXAMPLES
    )
    add_run(parser)
    parser.add_argument("--data", metavar="SOURCE", help="other data of the same classes: a name or a path")
    parser.add_argument(
        "--split", type=one_of(("test", "val", "train"), "split"), default="test", help="test, val or train"
    )
    parser.add_argument(
        "--ten-crop", action="store_true", help="average over corners, centre and their mirror images"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.set_defaults(run=_run)


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the run folder, and the layers and the device to run it with, to a command's arguments.

    >>> parser = argparse.ArgumentParser()
    >>> add_run(parser)
    >>> parser.parse_args(["runs/first"]).folder
    'runs/first'
    """
    parser.add_argument("folder", metavar="RUN", help="the folder of a run, such as runs/shapes10-small-alexnet-1")
    parser.add_argument(
        "--layers", metavar="FILE", help="your own pairs; by default those that the run was trained with, if any"
    )
    add_device(parser, device="cpu", precision="float32")


def data_of(run: RunFolder, source: str | None = None) -> Any:
    """Return the data of a run, or other data of the same classes.

    Raises RunError when the classes or the shape of the images differ.

    >>> settings = {"data": "no/such/path", "validation": 0, "image_size": None}
    >>> data_of(RunFolder("runs/first", {"settings": settings}))
    Traceback (most recent call last):
    nnscratch.data.dataset.DataError: there is no file or folder no/such/path...
    """
    from nnscratch.cli.build import load_data
    from nnscratch.data import SOURCES

    settings = dict(run.settings)
    if source is not None:
        size = None if source in SOURCES else run.config["data"]["image"][1:]
        settings.update(data=source, image_size=size, validation=0, train_images=None, test_images=None)
    data = load_data(settings)
    run.check_fits(data)
    return data


def print_figures(figures: Mapping[str, Any], classes: list[str], split: str = "test") -> None:
    """Print what `Measured.to_json` gives as tables.

    >>> figures = {"images": 4, "accuracy": 0.75, "top_5": None, "loss": 0.6}
    >>> figures |= {"per_class": {"cat": 0.5, "dog": 1.0}, "confusion": [[1, 1], [0, 2]]}
    >>> print_figures(figures, ["cat", "dog"])
    accuracy  75.00% on 4 test images
    loss      0.6000
    ...
    """
    say("accuracy", f"{percent(figures['accuracy'])} on {figures['images']:,} {split} images")
    if figures["top_5"] is not None:
        say("top-5", percent(figures["top_5"]))
    say("loss", f"{figures['loss']:.4f}")
    matrix = figures["confusion"]
    rows = []
    for number, (name, share) in enumerate(figures["per_class"].items()):
        others = [(count, column) for column, count in enumerate(matrix[number]) if column != number and count]
        count, column = max(others, default=(0, 0))
        mistaken = f"{classes[column]} ({count})" if count else "-"
        rows.append([name, sum(matrix[number]), "-" if share is None else f"{share:.1%}", mistaken])
    print_table(["class", "images", "accuracy", "most often taken for"], rows, title="Per class")
    if len(classes) <= MANY:
        heads = _short(classes)
        table = [[name, *(count or "." for count in line)] for name, line in zip(classes, matrix)]
        print_table(["true \\ predicted", *heads], table, title="Confusion matrix")


def _run(arguments):
    from nnscratch.cli.build import load_trained, user_layers
    from nnscratch.cli.measure import measure
    from nnscratch.cli.views import ten_views

    run = RunFolder.open(arguments.folder)
    with on_device(arguments.device, arguments.precision), user_layers(arguments.layers or run.layers()):
        trained = load_trained(run, arguments.device)
        data = data_of(run, arguments.data)
        views = partial(ten_views, augment=trained.augment) if arguments.ten_crop else None
        began = time.perf_counter()
        figures = measure(trained.probabilities, data, arguments.split, views).to_json()
    seconds = time.perf_counter() - began
    if arguments.json:
        about = {"run": str(run.path), "data": data.name, "split": arguments.split, "ten_crop": arguments.ten_crop}
        where = {"device": arguments.device, "precision": arguments.precision}
        print_json({**about, **where, **figures, "seconds": seconds})
        return 0
    say("run", run.path)
    say("data", f"{data.name}, {data.note.removeprefix(f'{data.name}: ')}")
    say("machine", device_line(arguments.device, arguments.precision))
    if arguments.ten_crop:
        say("views", "ten of each image, probabilities averaged")
    print_figures(figures, trained.classes, arguments.split)
    say("time", duration(seconds))
    return 0


def _short(classes):
    """The names cut to six letters, or numbers where they would be the same."""
    cut = [name[:6] for name in classes]
    return cut if len(set(cut)) == len(cut) else [str(number) for number in range(len(classes))]
