"""AlexNet: the network that won ILSVRC-2012 with two towers on two cards, and its later forms with one tower."""

import math

import numpy as np

from nnscratch import arrays
from nnscratch.layers import LRN, Affine, Conv, Dropout, Flatten, MaxPool, ReLU, Sequential
from nnscratch.layers.initializers import he, normal
from nnscratch.models.blocks import feature_shape
from nnscratch.models.classifier import Classifier

PAPER = (96, 256, 384, 384, 256)  # filters of the five convolutions
ONE_WEIRD_TRICK = (64, 192, 384, 256, 256)
UNITS = 4096


def alexnet(classes=1000, image=(3, 227, 227), width=96, drop=0.5, seed=0, dtype=np.float32):
    """Build the network of 2012: convolutions 2, 4 and 5 are cut into two groups, one for each tower.

    `width` counts the filters of the first convolution; all other layers keep their ratio to it. Weights are
    drawn from N(0, 0.01); biases are 1 in convolutions 2, 4 and 5 and in the hidden affine layers, else 0.
    `nnscratch train --model alexnet --data FOLDER` trains it as in 2012: pictures of 256 x 256 pixels less the
    mean picture; windows of 227 x 227, mirrored, with shifted colours; SGD with momentum 0.9, weight decay 0.0005
    and rate 0.01 at batches of 128, a tenth of it when the validation loss stops falling; 90 epochs. Unlike then,
    gradients are clipped at a norm of 5, without which two classes in place of a thousand make the scores swing.
    `nnscratch evaluate RUN --ten-crop` tests it. Much narrower networks hardly learn from weights this small.
    Source: Krizhevsky et al. 2012, "ImageNet classification with deep convolutional neural networks", sec. 3-5.
    Raises ShapeError for images of less than 67 x 67 pixels.

    >>> model = alexnet(classes=10, image=(3, 67, 67), width=6)
    >>> model.loss(np.zeros((2, 3, 67, 67), np.float32)).shape
    (2, 10)
    """
    return _paper("alexnet", classes, image, width, drop, seed, dtype, groups=2, pad=0)


def alexnet_one_tower(classes=1000, image=(3, 224, 224), width=96, drop=0.5, seed=0, dtype=np.float32):
    """Build the network of 2012 without the cut: the same widths, and every filter sees all channels.

    The first convolution pads its images of 224 x 224 pixels by 2. The other arguments are those of `alexnet`.

    >>> model = alexnet_one_tower(classes=10, image=(3, 64, 64), width=6)
    >>> model.loss(np.zeros((2, 3, 64, 64), np.float32)).shape
    (2, 10)
    """
    return _paper("alexnet-one-tower", classes, image, width, drop, seed, dtype, groups=1, pad=2)


def alexnet_torchvision(classes=1000, image=(3, 224, 224), width=64, drop=0.5, seed=0, dtype=np.float32):
    """Build the form of AlexNet that torchvision has: one narrower tower, without local response norm.

    Source: Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks", sec. 5.
    The other arguments are those of `alexnet`.

    >>> model = alexnet_torchvision(classes=10, image=(3, 64, 64), width=4)
    >>> model.loss(np.zeros((2, 3, 64, 64), np.float32)).shape
    (2, 10)
    """
    a, b, c, d, e = (size * width // ONE_WEIRD_TRICK[0] for size in ONE_WEIRD_TRICK)
    make = {"init": he(), "rng": arrays.rng(seed), "dtype": dtype}
    trunk = [
        Conv(image[0], a, 11, stride=4, pad=2, **make), ReLU(), MaxPool(3, stride=2),
        Conv(a, b, 5, pad=2, **make), ReLU(), MaxPool(3, stride=2),
        Conv(b, c, 3, pad=1, **make), ReLU(),
        Conv(c, d, 3, pad=1, **make), ReLU(),
        Conv(d, e, 3, pad=1, **make), ReLU(), MaxPool(3, stride=2),
        Flatten(),
    ]  # fmt: skip
    D, M = math.prod(feature_shape("alexnet-torchvision", trunk, image, dtype)), UNITS * width // 64
    head = [Dropout(drop, rng=make["rng"]), Affine(D, M, **make), ReLU()]
    head += [Dropout(drop, rng=make["rng"]), Affine(M, M, **make), ReLU()]
    return Classifier(Sequential(*trunk, *head, Affine(M, classes, **{**make, "init": normal(0.01)})))


def _paper(name, classes, image, width, drop, seed, dtype, groups, pad):
    """The network of the paper, with its initialisation; local response norm comes before the pools."""
    a, b, c, d, e = (size * width // PAPER[0] for size in PAPER)
    rng = arrays.rng(seed)
    zero = {"init": normal(0.01), "rng": rng, "dtype": dtype}
    one = {**zero, "bias": 1.0}
    trunk = [
        Conv(image[0], a, 11, stride=4, pad=pad, **zero), ReLU(), LRN(), MaxPool(3, stride=2),
        Conv(a, b, 5, pad=2, groups=groups, **one), ReLU(), LRN(), MaxPool(3, stride=2),
        Conv(b, c, 3, pad=1, **zero), ReLU(),
        Conv(c, d, 3, pad=1, groups=groups, **one), ReLU(),
        Conv(d, e, 3, pad=1, groups=groups, **one), ReLU(), MaxPool(3, stride=2),
        Flatten(),
    ]  # fmt: skip
    D, M = math.prod(feature_shape(name, trunk, image, dtype)), UNITS * width // PAPER[0]
    head = [Affine(D, M, **one), ReLU(), Dropout(drop, rng=rng)]
    head += [Affine(M, M, **one), ReLU(), Dropout(drop, rng=rng)]
    return Classifier(Sequential(*trunk, *head, Affine(M, classes, **zero)))


def towers(model):
    """Return the first layer's filters of each tower, two arrays (F/2, C, 11, 11) that look into the weights.

    On the two cards of 2012 one tower came to look at shapes and the other at colours (sec. 6.1).

    >>> [w.shape for w in towers(alexnet(classes=10, image=(3, 67, 67), width=6))]
    [(3, 3, 11, 11), (3, 3, 11, 11)]
    """
    w = model.params["conv1.w"]
    return w[: len(w) // 2], w[len(w) // 2 :]
