"""Affine layers as convolutions and back: a network that classifies one image slides over a larger one."""

import numpy as np

from nnscratch.layers import Affine, AveragePool, Conv, Dropout, Flatten, GlobalAveragePool, Sequential
from nnscratch.shapes import ShapeError


def affine_as_conv(layer, image):
    """Return the convolution that does on images (C, H, W) what an affine layer does on them laid out in a row.

    Its kernel is as large as the image, so there is one place for it; on a larger image there are several.
    Raises ShapeError when the layer has not C * H * W inputs.

    >>> layer, x = Affine(12, 5, rng=0), np.random.default_rng(0).normal(size=(2, 3, 2, 2)).astype(np.float32)
    >>> out, _ = affine_as_conv(layer, (3, 2, 2)).forward(x)
    >>> out.shape, bool(np.allclose(out[:, :, 0, 0], layer.forward(x)[0], atol=1e-6))
    ((2, 5, 1, 1), True)
    """
    w = layer.params["w"]
    C, H, W = image
    if len(w) != C * H * W:
        raise ShapeError(
            f"affine_as_conv: the layer has {len(w)} inputs, but {tuple(image)} has {C * H * W} numbers: "
            "give the shape (C, H, W) that this layer gets, before it is flattened"
        )
    bias = {"bias": 0.0 if "b" in layer.params else None}
    conv = Conv(C, w.shape[1], (H, W), init=lambda shape, rng: w.T.reshape(shape), dtype=w.dtype, **bias)
    if "b" in layer.params:
        conv.params["b"] = layer.params["b"].copy()
    return conv


def conv_as_affine(layer, image):
    """Return the affine layer that does on images (C, H, W), laid out in a row, what a convolution does.

    Its weights are mostly zeros and repetitions: column by column, what the convolution makes of each pixel alone.

    >>> layer, x = Conv(2, 3, 3, pad=1, rng=0), np.arange(64, dtype=np.float32).reshape(2, 2, 4, 4)
    >>> affine = conv_as_affine(layer, (2, 4, 4))
    >>> out, _ = affine.forward(x)
    >>> affine.params["w"].shape, bool(np.allclose(out, layer.forward(x)[0].reshape(2, -1), atol=1e-3))
    ((32, 48), True)
    """
    D, dtype = int(np.prod(image)), layer.params["w"].dtype
    nothing, _ = layer.forward(np.zeros((1, *image), dtype))
    pixels, _ = layer.forward(np.eye(D, dtype=dtype).reshape(D, *image))
    affine = Affine(D, nothing.size, init=lambda shape, rng: (pixels - nothing).reshape(shape), dtype=dtype)
    affine.params["b"] = nothing.reshape(-1)
    return affine


def as_convolution(layers, image):
    """Return a network with every affine layer of `layers`, a Sequential for images (C, H, W), as a convolution.

    On images of that size its scores are (N, classes, 1, 1); a larger image gives a map of scores, one for each
    place of the window, in one pass that shares all work between places. Where convolutions are padded, a place
    sees its neighbours where the window alone would see the padding. Global average pools become pools of the
    size that they have on this image. Dropout is left out: the network is for evaluation. Parameters are copied
    where their shape changes and shared elsewhere.
    Source: Sermanet et al. 2014, "OverFeat", sec. 3.5; CS231n notes, "Converting FC layers to CONV layers".
    Raises ShapeError for an image that the layers cannot take.

    >>> from nnscratch.models import lenet
    >>> slid = as_convolution(lenet().layers, (3, 32, 32))
    >>> [slid.forward(np.zeros((1, 3, size, size), np.float32))[0].shape for size in (32, 48)]
    [(1, 10, 1, 1), (1, 10, 5, 5)]
    """
    x = np.zeros((1, *image), next(iter(layers.params.values())).dtype)
    made, shape = {}, tuple(image)  # shape: that of the image that x was before it was flattened
    for name, layer in layers.children.items():
        x, _ = layer.forward(x)
        if isinstance(layer, (Flatten, Dropout)):
            continue
        if isinstance(layer, Affine):
            layer = affine_as_conv(layer, shape)
        elif isinstance(layer, GlobalAveragePool):
            layer = AveragePool(shape[1:], stride=1)
        made[name] = layer
        shape = x.shape[1:] if x.ndim == 4 else (x.shape[1], 1, 1)
    return Sequential(**made)
