"""Localizer: a network that says what is in a window of 32x32 pixels and draws a box around it.

It has no affine layer, so that over a larger image it gives the answers for all windows, four pixels apart, in one
pass. Source: Sermanet et al. 2014, "OverFeat: integrated recognition, localization and detection".
"""

import numpy as np

from nnscratch import arrays
from nnscratch.arrays import array_module
from nnscratch.layers import BatchNorm, Conv, MaxPool, ReLU, Sequential, smooth_l1_loss, softmax_loss
from nnscratch.layers.initializers import normal
from nnscratch.models.classifier import Classifier
from nnscratch.shapes import match_axes

WINDOW, STRIDE = 32, 4
BOX_WEIGHT, TURN = 2.0, 0.1  # of the box's loss beside that of the class; where it turns from square to absolute


def localization_loss(x, y):
    """Softmax loss of the class plus BOX_WEIGHT times the smooth L1 loss of the box: (loss, dx).

    x: (N, C + 4, 1, 1), C scores and a box (x0, y0, x1, y1) in shares of the window. y: (N, 5), the label and the
    box; where that is empty (x1 <= x0), the window holds nothing and only the class counts.
    Raises ShapeError, LabelError.

    >>> y = np.array([[1, 0.25, 0.25, 0.75, 0.75], [0, 0, 0, 0, 0]])
    >>> loss, dx = localization_loss(np.zeros((2, 6, 1, 1)), y)
    >>> round(loss, 3), bool((dx[1, 2:] == 0).all())
    (2.493, True)
    """
    N, D = match_axes("localization_loss", x=(x, "N D 1 1"), y=(y, "N 5"))[:2]
    scores, boxes = x[:, : D - 4, 0, 0], x[:, D - 4 :, 0, 0]
    holds = (y[:, 3] > y[:, 1])[:, None]
    wanted = array_module(x).where(holds, y[:, 1:].astype(x.dtype), boxes)
    loss, dscores = softmax_loss(scores, y[:, 0].astype(np.int64))
    box_loss, dboxes = smooth_l1_loss(boxes, wanted, TURN)
    dx = array_module(x).concatenate([dscores, BOX_WEIGHT * dboxes], axis=1)
    return loss + BOX_WEIGHT * box_loss, dx[:, :, None, None]


def localizer(classes=11, channels=3, width=16, seed=0, dtype=np.float32):
    """Build a localizer: convolutions of `width`, 2 and 8 times `width` filters, then `classes` scores and a box.

    On images (N, channels, H, W) of 32x32 pixels or more it gives (N, classes + 4, (H - 28) // 4, (W - 28) // 4).

    >>> model = localizer(width=4)
    >>> [model.loss(np.zeros((1, 3, *size), np.float32)).shape for size in ((32, 32), (64, 40))]
    [(1, 15, 1, 1), (1, 15, 9, 3)]
    """
    rng = arrays.rng(seed)
    layers = []
    for before, after in ((channels, width), (width, 2 * width)):
        layers += [Conv(before, after, 5, rng=rng, dtype=dtype), BatchNorm(after, dtype=dtype), ReLU(), MaxPool(2)]
    layers += [Conv(2 * width, 8 * width, 5, rng=rng, dtype=dtype), BatchNorm(8 * width, dtype=dtype), ReLU()]
    layers += [Conv(8 * width, classes + 4, 1, init=normal(0.01), rng=rng, dtype=dtype)]
    return Classifier(Sequential(*layers), localization_loss)
