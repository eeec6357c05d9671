"""Multilayer perceptron: affine layers with a non-linearity after each but the last."""

import math

import numpy as np

from nnscratch import arrays
from nnscratch.choices import choose
from nnscratch.layers import ACTIVATIONS, Affine, BatchNorm, Dropout, Flatten, Layer, Sequential
from nnscratch.layers.initializers import for_activation, normal
from nnscratch.models.classifier import Classifier
from nnscratch.shapes import ShapeError


def mlp(
    hidden=(100,),
    classes=10,
    image=(3, 32, 32),
    activation="relu",
    norm="none",
    drop=0.0,
    seed=0,
    dtype=np.float32,
):
    """Build a multilayer perceptron with `hidden` units per layer on images (C, H, W), or (D,) features.

    `norm="batch"` puts batch norm before every non-linearity; `drop` is the share dropped after it.
    Source: Rumelhart, Hinton & Williams 1986. Raises ValueError for an unknown activation or norm,
    ShapeError for an image without pixels.

    >>> model = mlp(hidden=(20,), classes=3, image=(4,))
    >>> model.loss(np.ones((5, 4), np.float32)).shape
    (5, 3)
    """
    act = choose(activation, ACTIVATIONS, "activation")
    normed = choose(norm, {"none": False, "batch": True}, "norm")
    rng = arrays.rng(seed)
    layers: list[Layer] = [Flatten()]
    D = math.prod(image)
    if D < 1:
        raise ShapeError(f"mlp: image={image} holds no numbers: it needs at least one in every axis")
    for M in hidden:
        layers += [Affine(D, M, init=for_activation(activation), rng=rng, dtype=dtype)]
        layers += [BatchNorm(M, dtype=dtype)] if normed else []
        layers += [act()]
        layers += [Dropout(drop, rng=rng)] if drop else []
        D = M
    return Classifier(Sequential(*layers, Affine(D, classes, init=normal(0.01), rng=rng, dtype=dtype)))
