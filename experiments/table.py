"""Write docs/models.md from the rows that the experiments have written into experiments/results.

Run `python -m experiments.table`.
"""

import json
from pathlib import Path

from experiments.record import RESULTS

PAGE = Path(__file__).parent.parent / "docs" / "models.md"
INTRODUCTION = """\
# What the networks and methods reach

This page is written by `python -m experiments.table` from the figures in `experiments/results`, which the
commands named below have measured: each trains from nothing, with seed 0, on the data of its table.
"CIFAR-10, JPEG copy" are the images as JPEG files of quality 75, on which accuracies may differ from those on the
lossless set. Seconds are those of training, on a machine that did other work as well: CPU seconds (of all threads)
say more.
"""
NETWORKS = """\
## Networks

Every network that `nnscratch models` lists, in full size, and the one for captions; lenet has ReLUs and max pools
here, char-rnn reads 97 characters, captioning knows a thousand words. Multiply-adds are those of one image, or of
one step of a text. [architectures.md](architectures.md) shows the networks layer by layer.

- *PyTorch*: the largest relative difference to PyTorch's layers on the same weights, of scores, loss and the
  gradient of every parameter, in float64. `python -m experiments.agreement` measures it; a test asks for 1e-8 of
  smaller forms (`tests/models/test_against_torch.py`).
- *ONNX*: the largest relative difference of the scores when onnxruntime runs the network's ONNX file, in float32,
  from the same command; a test asks for 1e-5 (`tests/interop/test_onnx_export.py`).
- *accuracy*: of the test images of {data} after {epochs} epochs, where it was trained:
  `python -m experiments.network NAME --data CIFAR10`.
"""
OTHERS = """\
Below are the other methods, and networks that were trained on other data. The settings of
`experiments.beyond_classification` were chosen with other test images in view (seed 0) than its figures come from
(seed 1).
"""
TRANSFER = """\
## Transfer learning

A small AlexNet learned eight classes of {data}; below is what that is worth for cats and dogs, which it has
never seen, and for shapes10: accuracy against the number of labelled images, after as many steps for each.
`python -m experiments.transfer --data CIFAR10` measures it.
"""
DATA, EPOCHS = "CIFAR-10, JPEG copy", 5  # what the accuracies of the first table are measured with
NETWORK_COLUMNS = (
    "name", "input", "parameters", "multiply-adds", "PyTorch", "ONNX", "accuracy", "seconds", "cpu_seconds"
)  # fmt: skip
COLUMNS = ("name", "parameters", "multiply-adds", "accuracy", "nats", "epochs", "seconds", "cpu_seconds", "date")
WORDS = ("command", "name", "input", "date")


def rows():
    """Yield (experiment, row) of all results that have the common fields."""
    for path in sorted(RESULTS.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        for row in found if isinstance(found, list) else []:
            if {"name", "parameters", "accuracy", "data"} <= row.keys():
                yield path.stem, row


def compared():
    """Return the rows of experiments.agreement, one for each network; none before it has run."""
    path = RESULTS / "agreement.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def cell(column, row):
    """Return the text of one cell."""
    value = row.get(column)
    if value is None:
        return ""
    if column == "accuracy":
        return f"{value:.2%}"
    if column in ("PyTorch", "ONNX"):
        return f"{value:.0e}"
    if isinstance(value, float):
        return f"{value:.4g}" if value < 10 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(columns, lines):
    """Return the lines of a table of rows; numbers stand to the right."""
    yield "| " + " | ".join(columns).replace("_", " ") + " |"
    yield "|" + "|".join("---" if column in WORDS else "---:" for column in columns) + "|"
    for row in lines:
        yield "| " + " | ".join(cell(column, row) for column in columns) + " |"
    yield ""


def networks(found, agreement):
    """Return the first table's rows, the networks compared with what they reach, and the pairs that are left."""
    trained = {
        row["name"]: row
        for experiment, row in found
        if (experiment, row["data"], row.get("epochs")) == ("network", DATA, EPOCHS)
    }
    joined = []
    for row in agreement:
        furthest = max(row[part] for part in ("scores", "loss", "gradients"))
        joined.append({**row, "PyTorch": furthest, "ONNX": row["onnx"], **trained.get(row["name"], {})})
    shown = [trained[row["name"]] for row in agreement if row["name"] in trained]
    return joined, [(experiment, row) for experiment, row in found if not any(row is each for each in shown)]


def transfers(lines):
    """Return the lines of the tables of experiments.transfer: for each task, ways against labelled images."""
    tasks = {}
    for row in lines:
        what, way = row["name"].split(": ")
        task, _, count = what.rpartition(", ")
        tasks.setdefault(task, {}).setdefault(way, {})[count] = row["accuracy"]
    for task, ways in tasks.items():
        counts = list(dict.fromkeys(count for accuracies in ways.values() for count in accuracies))
        yield f"| {task} | " + " | ".join(counts) + " |"
        yield "|---" + "|---:" * len(counts) + "|"
        for way, accuracies in ways.items():
            yield (
                f"| {way} | "
                + " | ".join(cell("accuracy", {"accuracy": accuracies.get(c)}) for c in counts)
                + " |"
            )
        yield ""


def page(found, agreement=()):
    """Return the text of the page for pairs (experiment, row) and the rows of experiments.agreement."""
    first, found = networks(list(found), agreement)
    text = [INTRODUCTION]
    if first:
        text += [NETWORKS.format(data=DATA, epochs=EPOCHS), *table(NETWORK_COLUMNS, first), OTHERS]
    moved = [row for experiment, row in found if experiment == "transfer"]
    tables = {}
    for experiment, row in found:
        if experiment == "transfer":
            continue
        lines = tables.setdefault((row["data"], row.get("machine", "")), [])
        lines.append({**row, "command": f"`experiments.{experiment}`"})
    for (data, machine), lines in tables.items():
        text.append(f"## {data}\n\nMeasured on {machine}.\n" if machine else f"## {data}\n")
        shown = [column for column in COLUMNS if any(row.get(column) is not None for row in lines)]
        text += table(("command", *shown), lines)
    if moved:
        text += [TRANSFER.format(data=DATA), *transfers(moved)]
    return "\n".join(text)


if __name__ == "__main__":
    PAGE.write_text(page(rows(), compared()), encoding="utf-8")
