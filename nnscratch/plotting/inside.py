"""Pictures of what a network has learned: maps over an image, images made for it, its features in the plane."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnscratch.data.pictures import grid
from nnscratch.plotting.style import BLUE, INK, QUIET, Picture, styled


@styled
def plot_maps(x: Any, maps: Any, labels: Sequence[str], title: str = "", colours: str = "inferno") -> Picture:
    """Draw images in a row, and below each its map: saliency, or probabilities under occlusion.

    x: (N, C, H, W) images; maps: N arrays (rows, columns) of any size; each map has its own range of colours.

    >>> len(plot_maps(np.zeros((2, 3, 8, 8)), np.zeros((2, 4, 4)), ["cat", "dog"]).axes)
    4
    """
    figure = Picture(figsize=(1.5 * len(x) + 0.4, 3.6))
    figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=11)
    above, below = figure.subplots(2, len(x), squeeze=False)
    for axes, image, label in zip(above, np.asarray(x), labels):
        axes.imshow(grid(image[None], 1), interpolation="nearest")
        axes.set_title(label, fontsize=9, color=INK, loc="center", weight="normal")
    for axes, heat in zip(below, maps):
        axes.imshow(heat, cmap=colours, interpolation="nearest")
    for axes in figure.axes:
        axes.set_axis_off()
    return figure


@styled
def plot_activation_maps(maps: Mapping[str, Any], channels: int = 8) -> Picture:
    """Draw the first channels of what each layer gives for one image: a row for each layer that gives images.

    maps: arrays (1, C, H, W) by the layers' names, as `activation_maps` returns them; others are passed over.

    >>> len(plot_activation_maps({"conv1": np.zeros((1, 3, 8, 8)), "affine1": np.zeros((1, 5))}, channels=4).axes)
    3
    """
    rows = [(name, out[0, :channels]) for name, out in maps.items() if np.ndim(out) == 4]
    figure = Picture(figsize=(0.9 * channels + 1.2, 0.95 * max(len(rows), 1) + 0.3))
    places = figure.subplots(max(len(rows), 1), channels, squeeze=False)
    for line, (name, shown) in zip(places, rows):
        line[0].text(-0.1, 0.5, name, ha="right", va="center", transform=line[0].transAxes, color=INK, fontsize=8)
        for axes, channel in zip(line, shown):
            axes.imshow(channel, cmap="gray", interpolation="nearest")
    for axes in places.flat:
        axes.set_axis_off()
        if not axes.images:
            axes.remove()
    return figure


@styled
def plot_histograms(arrays: Mapping[str, Sequence[Any]], title: str = "") -> Picture:
    """Draw histograms by depth: a row for each entry (an initialiser, say), a column for each of its arrays.

    Activations or weights; each histogram is marked with its mean and standard deviation.

    >>> layers = [np.random.default_rng(0).normal(size=100) for _ in range(3)]
    >>> len(plot_histograms({"xavier": layers, "he": layers}).axes)
    6
    """
    depth = max(len(each) for each in arrays.values())
    figure = Picture(figsize=(1.35 * depth + 0.8, 1.45 * len(arrays) + 0.5))
    figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=11)
    rows = figure.subplots(len(arrays), depth, squeeze=False)
    for line, (name, outs) in zip(rows, arrays.items()):
        line[0].set_ylabel(name, color=INK)
        for number, (axes, out) in enumerate(zip(line, outs), 1):
            numbers = np.asarray(out, np.float64).ravel()
            axes.hist(numbers, bins=40, color=BLUE)
            axes.set_title(f"{numbers.mean():.2g} ± {numbers.std():.2g}", fontsize=7, color=QUIET, weight="normal")
            axes.set_yticks([])
            axes.tick_params(labelsize=6)
            axes.set_xlabel(f"layer {number}" if line is rows[-1] else "", fontsize=7)
        for axes in line[len(outs) :]:
            axes.set_axis_off()
    return figure


@styled
def plot_features(features: Any, y: Any, classes: Sequence[str], seed: int = 0) -> Picture:
    """Draw features (N, D) as points in the plane, near where they are near, coloured by their class: t-SNE.

    Source: van der Maaten & Hinton 2008, "Visualizing data using t-SNE". Raises ImportError without scikit-learn,
    ValueError for less than 5 points.

    >>> from importlib.util import find_spec
    >>> if find_spec("sklearn"):
    ...     _ = plot_features(np.random.default_rng(0).normal(size=(20, 4)), np.arange(20) % 2, ["cat", "dog"])
    """
    if len(features) < 5:
        raise ValueError(f"plot_features: there are {len(features)} points: t-SNE needs 5 or more")
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        raise ImportError("t-SNE needs the package scikit-learn: pip install 'nnscratch[inside]'") from None
    from matplotlib import colormaps

    near = min(30.0, (len(features) - 1) / 3)
    points = TSNE(perplexity=near, init="pca", random_state=seed).fit_transform(np.asarray(features, np.float32))
    figure = Picture(figsize=(7, 6))
    axes = figure.subplots()
    for label, name in enumerate(classes):
        colour = colormaps["tab10"](label % 10)
        across, up = points[np.asarray(y) == label].T
        axes.scatter(across, up, s=8, color=colour, label=name)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, markerscale=2)
    axes.set_axis_off()
    axes.set_title(f"{len(points):,} images by t-SNE of {np.shape(features)[1]} features")
    return figure
