"""What all experiments share: their options, and the row of figures that each writes into experiments/results."""

import argparse
import datetime
import json
import os
import time
from pathlib import Path
from typing import Any

from nnscratch.cli.machine import processor
from nnscratch.training.atomic import write_atomically

RESULTS = Path(__file__).parent / "results"


def options(description, **defaults):
    """Return a parser with --data and an option --name for each of `defaults`, typed like its value."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", default="auto", help="cifar10, shapes10, or a path (default: auto)")
    for name, value in defaults.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            parser.add_argument(option, action="store_true")
        else:
            parser.add_argument(option, type=type(value), default=value, help=f"(default: {value})")
    return parser


def write_row(
    experiment, name, *, parameters, multiply_adds, accuracy, watch, data, measured_on="the test set", **more: Any
):
    """Write the figures of one model into results/EXPERIMENT.json, in place of its older row; print them.

    name: the model; parameters, multiply_adds: counts, the latter per example; accuracy: a share of what it
    was `measured_on`; watch: a Stopwatch that ran during training; data: the name of the data set; `more`: what
    else is to be known.
    """
    path = RESULTS / f"{experiment}.json"
    rows = json.loads(path.read_text()) if path.exists() else []
    row = {
        "name": name,
        "parameters": parameters,
        "multiply-adds": multiply_adds,
        "accuracy": round(accuracy, 4),
        "seconds": round(watch.seconds, 1),
        "cpu_seconds": round(watch.cpu_seconds, 1),
        "machine": f"{processor()}, {os.cpu_count()} threads",
        "date": datetime.date.today().isoformat(),
        "data": data,
        **more,
    }
    rows = [old for old in rows if (old["name"], old["data"]) != (name, data)] + [row]
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, (json.dumps(rows, indent=1) + "\n").encode())
    print(f"{name}: {accuracy:.2%} of {measured_on} of {data}, {watch.seconds:.1f} s")
    return row


def weights_per_step(model):
    """Return the multiply-adds of one step of a model of sequences: each weight once, but for those looked up."""
    return sum(array.size for key, array in model.params.items() if array.ndim == 2 and "embed" not in key)


class Stopwatch:
    """`with Stopwatch() as watch: ...`; then `watch.seconds`, and `watch.cpu_seconds` of all threads together."""

    def __enter__(self):
        self._start = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_):
        self.seconds = time.perf_counter() - self._start[0]
        self.cpu_seconds = time.process_time() - self._start[1]
