"""Pictures of what a detector has found: the images, with a named box around every find."""

from collections.abc import Sequence
from typing import Any

from matplotlib.patches import Rectangle

from nnscratch.data.pictures import grid
from nnscratch.plotting.style import ORANGE, Picture, styled


@styled
def plot_detections(x: Any, found: Sequence[Any], classes: Sequence[str], columns: int = 4) -> Picture:
    """Draw images (N, C, H, W) and the Detections in each: boxes with their class and score.

    >>> import numpy as np
    >>> from nnscratch.training import Detections
    >>> one = Detections(np.array([[2, 2, 9, 9]]), np.array([0.9]), np.array([0]))
    >>> plot_detections(np.zeros((1, 3, 16, 16), np.uint8), [one], ["star"]).axes[0].texts[0].get_text()
    'star 90%'
    """
    rows = -(-len(x) // columns)
    figure = Picture(figsize=(2.2 * min(columns, len(x)), 2.2 * rows))
    panels = figure.subplots(rows, min(columns, len(x)), squeeze=False).flat
    for axes, image, detections in zip(panels, x, found):
        axes.imshow(grid(image[None], 1))
        axes.set_axis_off()
        for (x0, y0, x1, y1), score, label in zip(*detections):
            corner = x0 - 0.5, y0 - 0.5  # a pixel's middle has the whole number, a box runs along pixels' edges
            axes.add_patch(Rectangle(corner, x1 - x0, y1 - y0, fill=False, edgecolor=ORANGE, linewidth=1.5))
            axes.text(
                *corner, f"{classes[int(label)]} {score:.0%}", color="white", fontsize=6, va="bottom",
                bbox={"facecolor": ORANGE, "edgecolor": "none", "pad": 1},
            )  # fmt: skip
    for axes in figure.axes[len(x) :]:
        axes.remove()
    return figure
