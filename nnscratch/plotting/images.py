"""Pictures made of small images: first-layer filters, the worst mistakes, a look at the data."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.layout_engine import ConstrainedLayoutEngine

from nnscratch.data.pictures import grid
from nnscratch.plotting.style import INK, ORANGE, Picture, styled


@styled
def plot_filters(w: Any, columns: int | None = None) -> Picture:
    """Draw the weights of a first layer as small images, each stretched to its full range of colour.

    w: (F, C, K, K), C being 1 or 3; of other depths every channel becomes a grey tile.

    >>> plot_filters(np.random.default_rng(0).normal(size=(32, 3, 5, 5))).axes[0].get_title(loc="left")
    '32 filters of 5x5 pixels'
    """
    F, C, H, W = w.shape
    tiles = w if C in (1, 3) else w.reshape(-1, 1, H, W)
    columns = columns or _columns(len(tiles))
    picture = grid(tiles.astype(np.float32), columns)
    rows, filled = -(-len(tiles) // columns), len(tiles) % columns
    picture[H :: H + 1], picture[:, W :: W + 1] = 255, 255
    if filled:
        picture[(rows - 1) * (H + 1) :, filled * (W + 1) :] = 255
    figure = Picture(figsize=(min(9.0, 0.7 * columns + 0.4), min(9.0, 0.7 * rows * H / W + 0.7)))
    _show(figure.subplots(), picture).set_title(f"{F} filters of {H}x{W} pixels")
    return figure


@styled
def plot_mistakes(x: Any, y: Any, probabilities: Any, classes: Sequence[str], count: int = 24) -> Picture:
    """Draw the images that the model got most wrong, those whose right class it thought least likely first.

    x: (N, C, H, W) raw images, y: (N,) right classes, probabilities: (N, classes).

    >>> x, y = np.zeros((3, 3, 8, 8), np.uint8), np.array([0, 1, 1])
    >>> figure = plot_mistakes(x, y, np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]), ["cat", "dog"])
    >>> figure.get_suptitle()
    '1 mistake among 3 images'
    """
    right = probabilities[np.arange(len(y)), y]
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != y)
    worst = wrong[np.argsort(right[wrong], kind="stable")][:count]
    found = f"{len(wrong)} mistake{'s' if len(wrong) != 1 else ''} among {len(y):,} images"
    captions = [
        (f"{classes[p.argmax()]} {p.max():.0%}", f"is {classes[label]}")
        for p, label in zip(probabilities[worst], y[worst])
    ]
    worse = f", the {len(worst)} worst" if len(wrong) > len(worst) else ""
    return _gallery(x[worst], captions, found + worse)


@styled
def plot_images(x: Any, labels: Sequence[str], title: str = "", columns: int = 10) -> Picture:
    """Draw images (N, C, H, W) with a label below each.

    >>> len(plot_images(np.zeros((4, 3, 8, 8), np.uint8), ["cat", "dog", "cat", "dog"]).axes)
    4
    """
    return _gallery(x, [("", label) for label in labels], title, columns)


@styled
def plot_templates(templates: Any, classes: Sequence[str]) -> Picture:
    """Draw what a linear classifier looks for: the weights of each class as an image, stretched to its full range.

    templates: (C, 1 or 3, H, W).

    >>> len(plot_templates(np.random.default_rng(0).normal(size=(2, 3, 8, 8)), ["cat", "dog"]).axes)
    2
    """
    return _gallery(templates.astype(np.float32), [("", name) for name in classes], columns=5)


def _gallery(x, captions, title="", columns=8):
    columns = max(min(columns, len(x)), 1)
    rows = max(-(-len(x) // columns), 1)
    lines = 2 if any(first for first, _ in captions) else 1
    figure = Picture(figsize=(max(1.2 * columns, 3.2), (1.1 + 0.19 * lines) * rows + 0.45))
    figure.set_layout_engine(ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.07))
    figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=11)
    if not len(x):
        return figure
    for axes, image, (first, second) in zip(figure.subplots(rows, columns, squeeze=False).flat, x, captions):
        _show(axes, grid(image[None], 1))
        if first:
            axes.text(0.5, -0.04, first, color=ORANGE, ha="center", va="top", transform=axes.transAxes, fontsize=8)
        axes.text(
            0.5, -0.04 - 0.15 * bool(first), second, color=INK, ha="center", va="top",
            transform=axes.transAxes, fontsize=8,
        )  # fmt: skip
    for axes in figure.axes[len(x) :]:
        axes.remove()
    return figure


def _show(axes, picture):
    axes.imshow(picture, interpolation="nearest")
    axes.set_axis_off()
    return axes


def _columns(count):
    """A number of columns that makes a wide rectangle, without gaps where that can be had."""
    ideal = max(1, round(math.sqrt(2 * count)))
    whole = [columns for columns in range(ideal, ideal // 2, -1) if count % columns == 0]
    return whole[0] if whole else ideal
