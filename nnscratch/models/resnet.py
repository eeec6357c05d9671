"""ResNet: blocks that add what they learn to their input (He et al. 2016), for ImageNet and for CIFAR-10."""

import numpy as np

from nnscratch import arrays
from nnscratch.choices import choose
from nnscratch.layers import (
    Affine,
    BatchNorm,
    Conv,
    GlobalAveragePool,
    Identity,
    Layer,
    MaxPool,
    PadChannels,
    ReLU,
    Sequential,
    Sum,
)
from nnscratch.layers.initializers import he, normal
from nnscratch.models.blocks import feature_shape
from nnscratch.models.classifier import Classifier

ORDERS = {"post": "norms and ReLUs after the convolutions", "pre": "norms and ReLUs before them"}
STAGES = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
EXPANSION = 4  # of the channels, by the last convolution of a bottleneck


def block(C, F, stride=1, order="post", bottleneck=False, projection=True, **make):
    """Return a residual block from C channels to F: a body beside a shortcut, added up.

    The body has two 3x3 convolutions or, as a `bottleneck`, 1x1, 3x3 and 1x1; the first 3x3 one has the stride.
    `order` is "post" (norm and ReLU after a convolution, and a ReLU after the sum) or "pre" (norm and ReLU before
    each convolution). Where the shape changes, the shortcut is a 1x1 convolution with its norm (not in "pre"),
    or without `projection` every `stride`-th pixel with channels of zeros.
    Source: He et al. 2016, "Deep residual learning", sec. 3; order: "Identity mappings in deep residual networks",
    fig. 1. Raises ValueError for an unknown order.

    >>> out, cache = block(4, 8, stride=2).forward(np.ones((2, 4, 6, 6), np.float32))
    >>> out.shape
    (2, 8, 3, 3)
    """
    choose(order, ORDERS, "order")
    dtype = make.get("dtype", np.float32)
    M = F // EXPANSION
    shapes = [(C, M, 1, 1), (M, M, 3, stride), (M, F, 1, 1)] if bottleneck else [(C, F, 3, stride), (F, F, 3, 1)]
    body = []
    for number, (c, f, kernel, step) in enumerate(shapes, 1):
        conv = Conv(c, f, kernel, step, pad="same", bias=None, **make)
        if order == "pre":
            body += [BatchNorm(c, dtype=dtype), ReLU(), conv]
        else:
            body += [conv, BatchNorm(f, dtype=dtype), *([ReLU()] if number < len(shapes) else [])]
    short: Layer = Identity()
    if (F, stride) != (C, 1) and not projection:
        short = PadChannels(F, stride)
    elif (F, stride) != (C, 1):
        conv = Conv(C, F, 1, stride, bias=None, **make)
        short = Sequential(conv, *([BatchNorm(F, dtype=dtype)] if order == "post" else []))
    total = Sum(body=Sequential(*body), shortcut=short)
    return Sequential(total, ReLU()) if order == "post" else total


def resnet18(classes=1000, image=(3, 224, 224), width=64, order="post", seed=0, dtype=np.float32):
    """Build ResNet-18. `width` counts the channels of the first stage, `order` is "post" or "pre".

    Source: He et al. 2016, table 1. Raises ValueError for an unknown order.

    >>> resnet18(classes=10, width=4).loss(np.zeros((2, 3, 64, 64), np.float32)).shape
    (2, 10)
    """
    return _imagenet(18, classes, image, width, order, seed, dtype)


def resnet34(classes=1000, image=(3, 224, 224), width=64, order="post", seed=0, dtype=np.float32):
    """Build ResNet-34; the arguments are those of `resnet18`.

    >>> len(resnet34(classes=10, width=4).params)
    110
    """
    return _imagenet(34, classes, image, width, order, seed, dtype)


def resnet50(classes=1000, image=(3, 224, 224), width=64, order="post", seed=0, dtype=np.float32):
    """Build ResNet-50, with bottlenecks whose 3x3 convolution has the stride.

    The arguments are those of `resnet18`.

    >>> len(resnet50(classes=10, width=4).params)
    161
    """
    return _imagenet(50, classes, image, width, order, seed, dtype)


def resnet20(classes=10, image=(3, 32, 32), width=16, order="post", seed=0, dtype=np.float32):
    """Build ResNet-20 for CIFAR-10: three stages of three blocks, with shortcuts that have no parameters.

    `width` counts the channels of the first stage, `order` is "post" or "pre".
    Source: He et al. 2016, sec. 4.2. Raises ValueError for an unknown order.

    >>> sum(w.size for w in resnet20().params.values())
    269722
    """
    return _cifar(3, classes, image, width, order, seed, dtype)


def resnet32(classes=10, image=(3, 32, 32), width=16, order="post", seed=0, dtype=np.float32):
    """Build ResNet-32 for CIFAR-10, with stages of five blocks; the arguments are those of `resnet20`.

    >>> len(resnet32(width=4).params)
    95
    """
    return _cifar(5, classes, image, width, order, seed, dtype)


def resnet56(classes=10, image=(3, 32, 32), width=16, order="post", seed=0, dtype=np.float32):
    """Build ResNet-56 for CIFAR-10, with stages of nine blocks; the arguments are those of `resnet20`.

    >>> len(resnet56(width=4).params)
    167
    """
    return _cifar(9, classes, image, width, order, seed, dtype)


def _stages(C, widths, counts, order, **options):
    """Return stages of blocks; each stage but the first halves the image."""
    made = []
    for number, (F, count) in enumerate(zip(widths, counts)):
        blocks: list[Layer] = []
        for _ in range(count):
            blocks.append(block(C, F, 2 if number and not blocks else 1, order, **options))
            C = F
        made.append(Sequential(*blocks))
    return made


def _imagenet(depth, classes, image, width, order, seed, dtype):
    make = {"init": he(), "rng": arrays.rng(seed), "dtype": dtype}
    widths = [width * 2**i * (EXPANSION if depth == 50 else 1) for i in range(4)]
    stem: list[Layer] = [Conv(image[0], width, 7, stride=2, pad=3, bias=None, **make)]
    stem += [BatchNorm(width, dtype=dtype), ReLU()] if order == "post" else []
    stages = _stages(width, widths, STAGES[depth], order, bottleneck=depth == 50, **make)
    return _classifier(
        f"resnet{depth}", [*stem, MaxPool(3, stride=2, pad=1)], stages, widths[-1], classes, image, order, make
    )


def _cifar(count, classes, image, width, order, seed, dtype):
    make = {"init": he(), "rng": arrays.rng(seed), "dtype": dtype}
    stem: list[Layer] = [Conv(image[0], width, 3, pad=1, bias=None, **make)]
    stem += [BatchNorm(width, dtype=dtype), ReLU()] if order == "post" else []
    widths = (width, 2 * width, 4 * width)
    stages = _stages(width, widths, (count,) * 3, order, projection=False, **make)
    return _classifier(f"resnet{6 * count + 2}", stem, stages, widths[-1], classes, image, order, make)


def _classifier(name, stem, stages, F, classes, image, order, make):
    end = [BatchNorm(F, dtype=make["dtype"]), ReLU()] if order == "pre" else []
    trunk = [*stem, *stages, *end, GlobalAveragePool()]
    feature_shape(name, trunk, image, make["dtype"])
    return Classifier(Sequential(*trunk, Affine(F, classes, **{**make, "init": normal(0.01)})))
