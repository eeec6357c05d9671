"""Segmenter: a network that names the class of every pixel; it shrinks the image, and grows it back.

Source: Long et al. 2015, "Fully convolutional networks for semantic segmentation".
"""

import numpy as np

from nnscratch import arrays
from nnscratch.layers import (
    BatchNorm,
    Conv,
    ConvTranspose,
    Identity,
    MaxPool,
    ReLU,
    Sequential,
    Sum,
    pixel_softmax_loss,
)
from nnscratch.layers.initializers import normal
from nnscratch.models.classifier import Classifier


def segmenter(classes=11, channels=3, width=16, depth=3, seed=0, dtype=np.float32):
    """Build a segmenter for images (N, channels, H, W), H and W multiples of 2**depth: scores (N, classes, H, W).

    Each of the `depth` levels halves the image, works on it, doubles it by a transposed convolution, and adds it
    to what it was, so that coarse knowledge meets fine edges. ShapeError says when a size cannot be halved.

    >>> segmenter(width=4).loss(np.zeros((1, 3, 32, 24), np.float32)).shape
    (1, 11, 32, 24)
    """
    rng = arrays.rng(seed)

    def block(before, after):
        return [Conv(before, after, 3, pad="same", rng=rng, dtype=dtype), BatchNorm(after, dtype=dtype), ReLU()]

    def level(filters, left):
        """Halve, work, go deeper, double; all beside the identity."""
        deeper = [level(2 * filters, left - 1)] if left > 1 else []
        grow = ConvTranspose(2 * filters, filters, 4, stride=2, pad=1, rng=rng, dtype=dtype)
        body = Sequential(
            MaxPool(2), *block(filters, 2 * filters), *block(2 * filters, 2 * filters), *deeper, grow
        )
        return Sum(body=body, shortcut=Identity())

    last = Conv(width, classes, 1, init=normal(0.01), rng=rng, dtype=dtype)
    layers = [*block(channels, width), level(width, depth), ReLU(), *block(width, width), last]
    return Classifier(Sequential(*layers), pixel_softmax_loss)
