"""Pictures of recurrent networks: gradients that vanish or explode through time, and what clipping does."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib import colormaps

from nnscratch.plotting.curves import label_ends
from nnscratch.plotting.style import BLUE, ORANGE, QUIET, Picture, styled


@styled
def plot_gradients_through_time(norms: Mapping[str, Any]) -> Picture:
    """Draw the norms of gradients step by step back from the last one, a line for each name; log scale.

    norms: those of `nnscratch.training.gradient_norms`, (T + 1,) each, the last step last.

    >>> plot_gradients_through_time({"RNN": 0.5 ** np.arange(9)[::-1]}).axes[0].get_yscale()
    'log'
    """
    figure = Picture(figsize=(7, 4.2))
    axes = figure.subplots()
    axes.set_title("Gradient of the last output, felt by the state so many steps before")
    axes.axhline(1, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    labels = []
    for number, (name, values) in enumerate(norms.items()):
        colour = colormaps["viridis"](0.85 * number / max(len(norms) - 1, 1))
        back = np.maximum(np.asarray(values)[::-1], 1e-30)  # a log scale has no place for 0
        axes.plot(np.arange(len(back)), back, color=colour)
        labels.append((back[-1], name, colour))
    axes.set_yscale("log")
    axes.set_xlabel("steps back")
    axes.set_xlim(left=0)
    label_ends(axes, labels)
    return figure


@styled
def plot_clipping(free: Mapping[str, Any], clipped: Mapping[str, Any], limit: float) -> Picture:
    """Draw loss and gradient norm over the steps of two trainings, without and with a limit on the norm.

    free, clipped: `loss` and `norm` (before it is limited) of every step.

    >>> run = {"loss": [3.0, 2.0], "norm": [1.0, 9.0]}
    >>> len(plot_clipping(run, run, limit=5.0).axes)
    2
    """
    figure = Picture(figsize=(10, 3.8))
    left, right = figure.subplots(1, 2)
    left.set_title("Loss")
    right.set_title("Norm of the gradient")
    runs = (("free", free, ORANGE), (f"clipped at {limit:g}", clipped, BLUE))
    for axes, column in ((left, "loss"), (right, "norm")):
        for _, run, colour in runs:
            axes.plot(np.arange(1, len(run[column]) + 1), run[column], color=colour, linewidth=1)
        axes.set_xlabel("step")
    right.set_yscale("log")
    right.axhline(limit, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
    for axes, column in ((left, "loss"), (right, "norm")):
        label_ends(axes, [(run[column][-1], name, colour) for name, run, colour in runs])
    return figure
