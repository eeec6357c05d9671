"""The confusion matrix: which classes are taken for which."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from nnscratch.plotting.style import BLUE, INK, ORANGE, Picture, styled


@styled
def plot_confusion(matrix: Any, classes: Sequence[str]) -> Picture:
    """Draw who is taken for whom: each row is a class, in percent of its images; right in blue, wrong in orange.

    matrix: counts (classes, classes), row = right class, column = predicted class.

    >>> plot_confusion(np.array([[8, 2], [1, 9]]), ["cat", "dog"]).axes[0].get_title(loc="left")
    'Confusion matrix, accuracy 85.0%'
    """
    matrix = np.asarray(matrix)
    count = len(classes)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    wrong = shares * (1 - np.eye(count))
    strongest = max(wrong.max(), 0.05)
    blues = LinearSegmentedColormap.from_list("right", ["#FFFFFF", BLUE])
    oranges = LinearSegmentedColormap.from_list("wrong", ["#FFFFFF", "#F2A36B", ORANGE])
    colours = np.where(np.eye(count)[..., None] > 0, blues(shares * 0.85), oranges(wrong / strongest))
    side = min(2.4 + 0.52 * count, 12)
    figure = Picture(figsize=(side + 0.4, side))
    axes = figure.subplots()
    axes.imshow(colours)
    if count <= 20:
        for (row, column), share in np.ndenumerate(shares):
            if share > 0:
                strong = share > 0.55 if row == column else share > 0.75 * strongest
                axes.text(
                    column, row, _percent(share), ha="center", va="center",
                    color="white" if strong else INK, fontsize=8.5, weight="bold" if row == column else None,
                )  # fmt: skip
    axes.set_xticks(range(count), classes, rotation=45, ha="left", rotation_mode="anchor", color=INK)
    axes.set_yticks(range(count), classes, color=INK)
    axes.xaxis.tick_top()
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.set_title(f"Confusion matrix, accuracy {np.trace(matrix) / max(matrix.sum(), 1):.1%}")
    axes.set_xlabel("predicted class, in percent of each row", labelpad=8)
    axes.set_ylabel("true class", labelpad=8)
    return figure


def _percent(share):
    """Whole percent; 100 only where nothing is missing, and a digit more below 1."""
    return f"{100 * share:.1f}" if share < 0.0095 else f"{min(round(100 * share), 99 if share < 1 else 100)}"
