"""Training runs side by side: their losses step by step and their accuracies."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter

from nnscratch.plotting.curves import label_ends
from nnscratch.plotting.style import BLUE, GREEN, ORANGE, Picture, styled

LINES = ((ORANGE, 4.0, 0.45), (BLUE, 1.6, 1.0), (GREEN, 1.6, 1.0))  # the first is broad, so that one on it shows


@styled
def plot_beside(histories: Mapping[str, Any]) -> Picture:
    """Draw the losses and the validation accuracies of up to three runs, by name, in two panels.

    >>> from nnscratch.training import History
    >>> history = History()
    >>> history.losses = [2.0, 1.0]
    >>> history.rows = [{"epoch": 1, "val_accuracy": 0.5}]
    >>> len(plot_beside({"built-in": history, "yours": history}).axes)
    2
    """
    figure = Picture(figsize=(10, 3.8))
    left, right = figure.subplots(1, 2)
    ends: tuple[list, list] = ([], [])
    for (name, history), (colour, width, alpha) in zip(histories.items(), LINES):
        style = {"color": colour, "linewidth": width, "alpha": alpha}
        left.plot(np.arange(1, len(history.losses) + 1), history.losses, **style)
        epochs, accuracies = history["epoch"], history["val_accuracy"]
        right.plot(epochs, accuracies, marker="o", markersize=3 + width, **style)
        ends[0].append((history.losses[-1], name, colour))
        ends[1].append((accuracies[-1], f"{name} {accuracies[-1]:.1%}", colour))
    left.set_title("Training loss")
    left.set_xlabel("step")
    left.set_ylim(bottom=0)
    right.set_title("Validation accuracy")
    right.set_xlabel("epoch")
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.yaxis.set_major_formatter(PercentFormatter(1))
    for axes, labels in zip((left, right), ends):
        label_ends(axes, labels)
    return figure
