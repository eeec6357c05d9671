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

Multiply-adds are those of one example. `docs/architectures.md` shows the networks layer by layer. That every
network for images agrees with PyTorch on the same weights, scores and all gradients to 1e-8 in float64, is a test
(`tests/models/test_against_torch.py`), and so is its ONNX file (`tests/interop/test_onnx_export.py`, to 1e-5).
"""
COLUMNS = ("name", "parameters", "multiply-adds", "accuracy", "epochs", "seconds", "cpu_seconds", "date")


def rows():
    """Yield (experiment, row) of all results that have the common fields."""
    for path in sorted(RESULTS.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        for row in found if isinstance(found, list) else []:
            if {"name", "parameters", "accuracy", "data"} <= row.keys():
                yield path.stem, row


def cell(column, row):
    """Return the text of one cell."""
    value = row.get(column)
    if value is None:
        return ""
    if column == "accuracy":
        return f"{value:.2%}"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if isinstance(value, float) else str(value)


def page(found):
    """Return the text of the page for pairs (experiment, row)."""
    tables = {}
    for experiment, row in found:
        tables.setdefault((row["data"], row.get("machine", "")), []).append((experiment, row))
    text = [INTRODUCTION]
    for (data, machine), lines in tables.items():
        text.append(f"## {data}\n\nMeasured on {machine}.\n" if machine else f"## {data}\n")
        head = ["command", *COLUMNS]
        text.append("| " + " | ".join(head).replace("_", " ") + " |")
        text.append("|" + "|".join("---:" if c not in ("command", "name", "date") else "---" for c in head) + "|")
        for experiment, row in lines:
            cells = [f"`experiments.{experiment}`", *(cell(column, row) for column in COLUMNS)]
            text.append("| " + " | ".join(cells) + " |")
        text.append("")
    return "\n".join(text)


if __name__ == "__main__":
    PAGE.write_text(page(rows()), encoding="utf-8")
