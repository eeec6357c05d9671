"""Curves over the epochs: loss, accuracy, and the size of the steps, each line named at its end."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.ticker import MaxNLocator, PercentFormatter

from nnscratch.plotting.style import BLUE, GREEN, ORANGE, QUIET, Picture, styled


@styled
def plot_curves(history: Any, test_accuracy: float | None = None) -> Picture:
    """Draw loss and accuracy over the epochs from a History: its rows and, where it has them, its step losses.

    >>> from nnscratch.training import History
    >>> history = History()
    >>> history.rows = [{"epoch": epoch, "loss": 2 / epoch, "val_accuracy": 0.1 * epoch} for epoch in (1, 2, 3)]
    >>> len(plot_curves(history, test_accuracy=0.48).axes)
    2
    """
    figure = Picture(figsize=(10, 3.8))
    left, right = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in history.rows]
    per_epoch = len(history.losses) / max(len(history.rows), 1)
    labels: list[tuple[float, str, str]] = []

    left.set_title("Loss")
    if history.losses:
        at = np.arange(1, len(history.losses) + 1) / (per_epoch if history.rows else len(history.losses))
        smooth = _smoothed(history.losses, width=max(2.0, per_epoch / 8))
        left.plot(at, history.losses, color=BLUE, alpha=0.18, linewidth=0.8)
        left.plot(at, smooth, color=BLUE)
        left.set_ylim(0, 1.1 * max(float(np.percentile(history.losses, 99)), smooth[0]))
        labels.append((smooth[-1], "training", BLUE))
    elif epochs:
        left.plot(epochs, history["loss"], color=BLUE, marker="o", markersize=4)
        left.set_ylim(bottom=0)
        labels.append((history["loss"][-1], "training", BLUE))
    if "val_loss" in history.columns:
        left.plot(epochs, history["val_loss"], color=ORANGE, marker="o", markersize=4)
        labels.append((history["val_loss"][-1], "validation", ORANGE))
    label_ends(left, labels)

    right.set_title("Accuracy")
    labels = []
    for column, name, colour in (("train_accuracy", "training", BLUE), ("val_accuracy", "validation", ORANGE)):
        if column in history.columns:
            values = history[column]
            right.plot(epochs, values, color=colour, marker="o", markersize=4)
            labels.append((values[-1], f"{name} {values[-1]:.1%}", colour))
    if test_accuracy is not None and epochs:
        right.plot(epochs[-1], test_accuracy, color=GREEN, marker="D", markersize=7, zorder=3)
        labels.append((test_accuracy, f"test {test_accuracy:.1%}", GREEN))
    right.yaxis.set_major_formatter(PercentFormatter(1))
    label_ends(right, labels)
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlim(0, max([*epochs, 1]) * 1.02)
    return figure


@styled
def plot_update_ratios(rows: Sequence[Mapping[str, Any]]) -> Picture:
    """Draw how large a step is beside the weights that it changes, |update| / |w|, layer by layer.

    rows: those of a Babysitter, with epoch, layer and ratio. About 1e-3 is healthy (CS231n notes, part 3).

    >>> rows = [{"epoch": epoch, "layer": "conv1", "ratio": 1e-3} for epoch in (1, 2)]
    >>> plot_update_ratios(rows).axes[0].get_yscale()
    'log'
    """
    figure = Picture(figsize=(7, 4.2))
    axes = figure.subplots()
    axes.set_title("Size of a step beside the weights,  |update| / |w|")
    axes.axhspan(1e-4, 1e-2, color="#F2F2F2", zorder=0)
    axes.axhline(1e-3, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    lines: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        if row.get("ratio"):
            lines.setdefault(row["layer"], []).append((row["epoch"], row["ratio"]))
    labels = []
    for number, (layer, points) in enumerate(lines.items()):
        colour = colormaps["viridis"](0.8 * number / max(len(lines) - 1, 1))
        epochs, ratios = zip(*points)
        axes.plot(epochs, ratios, color=colour, marker="o", markersize=3.5)
        labels.append((ratios[-1], layer, colour))
    axes.set_yscale("log")
    axes.set_xlabel("epoch     (dashed: 1e-3, the size to aim for)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    low, high = axes.get_ylim()
    axes.set_ylim(min(0.8 * low, 5e-5), max(high, 2e-2))
    label_ends(axes, labels)
    return figure


def _smoothed(values, width):
    """Running mean that gives the last `width` values most of its weight; exact from the first value on."""
    keep, total, weight, out = 1 - 1 / width, 0.0, 0.0, []
    for value in values:
        total, weight = keep * total + value, keep * weight + 1
        out.append(total / weight)
    return out


def label_ends(axes, labels):
    """Write names beside the ends of their lines, pushed apart where they would overlap.

    labels: (value at the end, name, colour) of each line.

    >>> axes = Picture().subplots()
    >>> label_ends(axes, [(0.5, "training", BLUE), (0.5, "validation", ORANGE)])
    >>> [text.get_text() for text in axes.texts]
    ['training', 'validation']
    """
    low, high = axes.get_ylim()
    scale = math.log if axes.get_yscale() == "log" else float
    labels = sorted(labels, key=lambda label: label[0])
    places = [(scale(value) - scale(low)) / (scale(high) - scale(low)) for value, _, _ in labels]
    for place, (_, name, colour) in zip(_apart(places, gap=0.065), labels):
        axes.text(
            1.02, place, name, color=colour, transform=axes.transAxes, va="center", fontsize=9, weight="bold"
        )


def _apart(places, gap):
    """Move sorted places until they are `gap` apart: halfway between pushing all upwards and all downwards."""
    up, down = list(places), list(places)
    for i in range(1, len(places)):
        up[i] = max(up[i], up[i - 1] + gap)
    for i in range(len(places) - 2, -1, -1):
        down[i] = min(down[i], down[i + 1] - gap)
    return [(a + b) / 2 for a, b in zip(up, down)]
