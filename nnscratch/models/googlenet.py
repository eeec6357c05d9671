"""GoogLeNet: nine inception modules, and two side heads that help in training (Szegedy et al. 2015)."""

import math

import numpy as np

from nnscratch import arrays
from nnscratch.arrays import array_module
from nnscratch.layers import (
    LRN,
    Affine,
    AveragePool,
    Concat,
    Container,
    Dropout,
    Flatten,
    GlobalAveragePool,
    MaxPool,
    ReLU,
    Sequential,
)
from nnscratch.layers.base import infer
from nnscratch.layers.containers import named
from nnscratch.layers.initializers import normal, xavier
from nnscratch.models.blocks import conv_relu, feature_shape
from nnscratch.models.classifier import Classifier

# Filters of an inception module: 1x1; 1x1 before 3x3, 3x3; 1x1 before 5x5, 5x5; 1x1 behind the pool (table 1).
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
WIDTH = 64  # filters of the first convolution, to which the table belongs
HEAD_SHARE = 0.3  # of the loss of a side head (sec. 5)


def inception(C, filters, **make):
    """Return an inception module on C channels and the number of its own: four branches side by side.

    filters: the six numbers of a row of MODULES. Source: Szegedy et al. 2015, fig. 2b.

    >>> module, channels = inception(3, MODULES["3a"])
    >>> module.forward(np.zeros((1, 3, 4, 4), np.float32))[0].shape, channels
    ((1, 256, 4, 4), 256)
    """
    a, b, c, d, e, f = filters
    module = Concat(
        ones=Sequential(*conv_relu(C, a, 1, **make)),
        threes=Sequential(*conv_relu(C, b, 1, **make), *conv_relu(b, c, 3, pad=1, **make)),
        fives=Sequential(*conv_relu(C, d, 1, **make), *conv_relu(d, e, 5, pad=2, **make)),
        pooled=Sequential(MaxPool(3, stride=1, pad=1), *conv_relu(C, f, 1, **make)),
    )
    return module, a + c + e + f


def _modules(names, C, width, **make):
    """Return modules in a row and the number of channels at the end."""
    made = []
    for name in names:
        module, C = inception(C, [size * width // WIDTH for size in MODULES[name]], **make)
        made.append(module)
    return made, C


class SideHeads(Container):
    """A body in parts, with a side head after each part but the last: scores of all heads in training.

    In evaluation out is the scores of the last part alone, (N, classes); in training those of all heads,
    (heads, N, classes), the last part's first. Source: Szegedy et al. 2015, sec. 5.

    >>> from nnscratch.layers import Identity
    >>> net = SideHeads([Identity(), Affine(4, 2)], [Affine(4, 2)])
    >>> x = np.ones((3, 4), np.float32)
    >>> net.forward(x)[0].shape, net.forward(x, train=True)[0].shape
    ((3, 2), (2, 3, 2))
    """

    def __init__(self, parts, heads):
        super().__init__(
            **{f"part{number}": part for number, part in enumerate(parts, 1)},
            **{f"head{number}": head for number, head in enumerate(heads, 1)},
        )
        self.parts, self.heads = len(parts), len(heads)

    def forward(self, x, train=False):
        """Return the scores of all heads in training, of the last part in evaluation, and the cache."""
        caches, scores = {}, []
        for number in range(1, self.parts + 1):
            x, caches[f"part{number}"] = self[f"part{number}"].forward(x, train)
            if train and number <= self.heads:
                out, caches[f"head{number}"] = self[f"head{number}"].forward(x, train)
                scores.append(out)
        return (array_module(x).stack([x, *scores]) if train else x), caches

    def backward(self, dout, caches):
        """Return dx and the gradients; a forward pass in evaluation mode gives the heads none."""
        in_training = "head1" in caches
        grads = {}
        dx = dout[0] if in_training else dout
        for number in range(self.parts, 0, -1):
            if in_training and number <= self.heads:
                back, grads[f"head{number}"] = self[f"head{number}"].backward(
                    dout[number], caches[f"head{number}"]
                )
                dx = dx + back
            dx, grads[f"part{number}"] = self[f"part{number}"].backward(dx, caches[f"part{number}"])
        ordered: dict = {}
        for name in self.children:
            ordered |= named(grads.get(name, {}), name)
        return dx, ordered

    def infer(self, x):
        """Return the scores of the last part."""
        for number in range(1, self.parts + 1):
            x = infer(self[f"part{number}"], x)
        return x

    def trace(self, x, train=False, prefix=""):
        """Yield (name, layer, out) for every layer of the body in turn; the side heads are left out."""
        body = Sequential(**{name: part for name, part in self.children.items() if name.startswith("part")})
        return body.trace(x, train, prefix)


class HeadedClassifier(Classifier):
    """A classifier whose layers give the scores of several heads in training; side heads count HEAD_SHARE.

    >>> net = SideHeads([Flatten(), Affine(4, 2)], [Affine(4, 2)])
    >>> loss, grads = HeadedClassifier(net).loss(np.zeros((1, 4), np.float32), np.array([0]))
    >>> round(loss, 3)  # 1.3 log 2
    0.901
    """

    def price(self, scores, y):
        """Return the loss of all heads and its gradient, shaped like the scores (heads, N, classes)."""
        total, dscores = 0.0, array_module(scores).empty_like(scores)
        for number, head in enumerate(scores):
            loss, dhead = self.criterion(head, y)
            share = HEAD_SHARE if number else 1.0
            total, dscores[number] = total + share * loss, share * dhead
        return total, dscores


def googlenet(classes=1000, image=(3, 224, 224), width=64, drop=0.4, seed=0, dtype=np.float32):
    """Build GoogLeNet with its two side heads, which take part in training and rest in evaluation.

    `width` counts the filters of the first convolution; all other layers keep their ratio to it.
    Source: Szegedy et al. 2015, "Going deeper with convolutions", table 1 and sec. 5. Raises ShapeError for an
    image that is too small.

    >>> googlenet(classes=10, image=(3, 96, 96), width=8).loss(np.zeros((1, 3, 96, 96), np.float32)).shape
    (1, 10)
    """
    rng = arrays.rng(seed)
    make = {"init": xavier(), "rng": rng, "dtype": dtype}
    pool = lambda: MaxPool(3, stride=2, ceil=True)  # noqa: E731
    stem = [
        *conv_relu(image[0], width, 7, stride=2, pad=3, **make), pool(), LRN(),
        *conv_relu(width, width, 1, **make), *conv_relu(width, 3 * width, 3, pad=1, **make), LRN(), pool(),
    ]  # fmt: skip
    third, C = _modules(["3a", "3b"], 3 * width, width, **make)
    first, C1 = _modules(["4a"], C, width, **make)
    second, C2 = _modules(["4b", "4c", "4d"], C1, width, **make)
    fourth, C = _modules(["4e"], C2, width, **make)
    fifth, C = _modules(["5a", "5b"], C, width, **make)
    parts = [[*stem, *third, pool(), *first], second, [*fourth, pool(), *fifth, GlobalAveragePool()]]
    heads, before = [], []
    for part, channels in zip(parts, (C1, C2)):
        before += part
        heads.append(_side_head(channels, before, classes, image, width, make))
    feature_shape("googlenet", [*before, *parts[2]], image, dtype)
    parts[2] += [Dropout(drop, rng=rng), Affine(C, classes, **{**make, "init": normal(0.01)})]
    return HeadedClassifier(SideHeads([Sequential(*part) for part in parts], heads))


def _side_head(C, before, classes, image, width, make):
    layers = [AveragePool(5, stride=3), *conv_relu(C, 2 * width, 1, **make), Flatten()]
    D, M = math.prod(feature_shape("googlenet", [*before, *layers], image, make["dtype"])), 16 * width
    drop = Dropout(0.7, rng=make["rng"])
    return Sequential(
        *layers, Affine(D, M, **make), ReLU(), drop, Affine(M, classes, **{**make, "init": normal(0.01)})
    )


def cifar_googlenet(classes=10, image=(3, 32, 32), width=16, norm="batch", drop=0.4, seed=0, dtype=np.float32):
    """Build GoogLeNet's nine modules for small images: a stem of one 3x3 convolution, two pools, no side heads.

    `norm` is "batch" or "none". Raises ValueError for an unknown norm.

    >>> cifar_googlenet(width=8).loss(np.zeros((2, 3, 32, 32), np.float32)).shape
    (2, 10)
    """
    rng = arrays.rng(seed)
    make = {"init": xavier(), "rng": rng, "dtype": dtype, "norm": norm}
    layers, C = conv_relu(image[0], 3 * width, 3, pad=1, **make), 3 * width
    for stage in ("3", "4", "5"):
        modules, C = _modules([name for name in MODULES if name[0] == stage], C, width, **make)
        layers += modules + ([MaxPool(3, stride=2, ceil=True)] if stage != "5" else [GlobalAveragePool()])
    feature_shape("cifar-googlenet", layers, image, dtype)
    last = Affine(C, classes, init=normal(0.01), rng=rng, dtype=dtype)
    return Classifier(Sequential(*layers, Dropout(drop, rng=rng), last))
