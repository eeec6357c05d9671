"""The one list of layers and losses: every contract in tests/contracts runs over it."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnscratch import layers as L
from nnscratch.arrays import array_module, check_one_device
from nnscratch.layers.initializers import normal


class FromPair(L.Layer):
    """Make a layer of a bare pair, so that the contracts can run over it."""

    def __init__(self, forward, backward, names, params, **options):
        super().__init__()
        self.pair, self.names, self.options = (forward, backward), names, options
        self.params.update(params)

    def forward(self, x, train=False):
        return self.pair[0](x, *(self.params[name] for name in self.names), **self.options)

    def backward(self, dout, cache):
        grads = self.pair[1](dout, cache)
        if not self.names:
            return grads, {}
        return grads[0], dict(zip(self.names, grads[1:]))


@dataclass
class Case:
    """One layer: how to make it, what to feed it, what it must refuse.

    `pair` names the function pair; `make(dtype)` builds the layer; `x` is the shape of its input, `others` are
    further shapes (length 1, ragged); `wrong` is (shape, the words its ShapeError must hold).
    """

    name: str
    pair: str
    make: Callable[[Any], L.Layer]
    x: tuple
    others: list = field(default_factory=list)
    wrong: tuple | None = None
    train: bool = True
    indexes: int = 0  # x holds whole numbers below this

    def layer(self, dtype=np.float64):
        """Build the layer, with parameters that are nowhere special (no zero biases, no scales of 1)."""
        layer, rng = self.make(dtype), np.random.default_rng(7)
        for name, array in layer.params.items():
            layer.params[name] = (array + 0.1 * rng.normal(size=array.shape)).astype(dtype)
        return layer

    def draw(self, shape=None, dtype=np.float64, seed=0):
        """Draw an input."""
        rng, shape = np.random.default_rng(seed), self.x if shape is None else shape
        return rng.integers(0, self.indexes, shape) if self.indexes else rng.normal(size=shape).astype(dtype)


IMAGE, FEATURES = (2, 4, 7, 6), (5, 6)
IMAGES = [(1, 4, 7, 6), (2, 4, 5, 9)]
ANY = [(1,), (4, 1), (1, 1, 1, 1), (3, 2, 5, 4)]


def plain(name, pair, layer):
    return Case(name, pair, lambda dtype: copy.deepcopy(layer), FEATURES, ANY)


def windowed(name, pair, layer, others=IMAGES):
    return Case(name, pair, lambda dtype: layer, IMAGE, others, ((4, 7, 6), (pair, "x", "(4, 7, 6)")))


def conv(name, **options):
    make = lambda dtype: L.Conv(4, 6, rng=0, dtype=dtype, **options)  # noqa: E731
    return Case(name, "conv", make, IMAGE, IMAGES, ((2, 3, 7, 6), ("conv", "axis C", "(2, 3, 7, 6)", "(6, ")))


def conv_transpose(name, **options):
    make = lambda dtype: L.ConvTranspose(4, 6, rng=0, dtype=dtype, **options)  # noqa: E731
    wrong = ((2, 3, 7, 6), ("conv_transpose", "axis F", "(2, 3, 7, 6)", "(4, "))
    return Case(name, "conv_transpose", make, IMAGE, [(1, 4, 1, 1), (3, 4, 2, 5)], wrong)


def norm(name, pair, make, x, others, wrong):
    return Case(name, pair, make, x, others, (wrong, (pair, "gamma", str(wrong))))


def _residual(dtype):
    body = L.Sequential(L.Affine(6, 6, rng=1, dtype=dtype), L.ReLU(), L.Affine(6, 6, rng=2, dtype=dtype))
    return L.Sum(body=body, shortcut=L.Identity())


def _block(dtype):
    return L.Sequential(
        L.Conv(4, 3, 3, pad="same", rng=0, dtype=dtype),
        L.BatchNorm(3, dtype=dtype),
        L.ReLU(),
        L.Concat(L.MaxPool(3, stride=1, pad=1), L.Conv(3, 2, 1, rng=1, dtype=dtype)),
        L.Dropout(0.3, rng=3),
        L.Flatten(),
    )


def _naive_conv(dtype):
    rng = np.random.default_rng(3)
    params = {"w": rng.normal(size=(4, 2, 3, 2)).astype(dtype), "b": rng.normal(size=4).astype(dtype)}
    return FromPair(
        L.conv_naive_forward, L.conv_naive_backward, ["w", "b"], params, stride=2, pad=1, dilation=2, groups=2
    )


def cell_step(name, H, gates, biases, parts):
    """One step of a recurrent cell from the state 0.3; tests/layers/test_recurrent.py checks dstate."""

    def make(dtype):
        rng = np.random.default_rng(3)
        shapes = {"wx": (4, gates * H), "wh": (H, gates * H), "b": (biases * H,)}
        params = {key: rng.normal(size=shape).astype(dtype) for key, shape in shapes.items()}
        forward, backward = (getattr(L, f"{name}_step_{way}") for way in ("forward", "backward"))
        start = lambda x: array_module(x).full((len(x), parts * H), 0.3, x.dtype)  # noqa: E731
        return FromPair(
            lambda x, *weights: forward(x, start(x), *weights),
            lambda dout, cache: [grad for i, grad in enumerate(backward(dout, cache)) if i != 1],
            list(params),
            params,
        )

    wrong = ((5, 7), (f"{name} step", "axis D", "(5, 7)", f"(4, {gates * H})"))
    return Case(f"{name} step", f"{name}_step", make, (5, 4), [(1, 4)], wrong)


def sequence(name, pair, make, others=((1, 1, 6), (3, 2, 6)), words=("axis D", "(2, 4, 7)")):
    return Case(name, pair, make, (2, 4, 6), list(others), ((2, 4, 7), (pair, *words)))


AHEAD = L.causal_mask(5)[1:]


def _attention(dtype):
    """Queries x that look at five keys, the same ones for every example."""

    def forward(x, k, v):
        check_one_device("attention", x=x, k=k, v=v)
        xp, batch = array_module(x), (len(x), 1, 1)
        return L.attention_forward(x, xp.tile(k, batch), xp.tile(v, batch), AHEAD)

    def backward(dout, cache):
        dq, dk, dv = L.attention_backward(dout, cache)
        return dq, dk.sum(axis=0), dv.sum(axis=0)

    rng = np.random.default_rng(3)
    params = {"k": rng.normal(size=(5, 6)).astype(dtype), "v": rng.normal(size=(5, 2)).astype(dtype)}
    return FromPair(forward, backward, ["k", "v"], params)


CASES = [
    Case("affine", "affine", lambda dtype: L.Affine(6, 3, rng=0, dtype=dtype), FEATURES, [(1, 6), (2, 1, 3, 2)],
         ((5, 7), ("affine", "axis D", "(5, 7)", "(6, 3)"))),
    Case("affine without bias", "affine", lambda dtype: L.Affine(6, 3, bias=None, rng=0, dtype=dtype), FEATURES),
    plain("relu", "relu", L.ReLU()),
    plain("leaky relu", "leaky_relu", L.LeakyReLU(0.2)),
    Case("prelu", "prelu", lambda dtype: L.PReLU(4, dtype=dtype), IMAGE, [(1, 4), (3, 4, 5)],
         ((2, 3, 7, 6), ("prelu", "axis C", "(2, 3, 7, 6)", "(4,)"))),
    plain("elu", "elu", L.ELU(0.7)),
    plain("gelu", "gelu", L.GELU()),
    plain("sigmoid", "sigmoid", L.Sigmoid()),
    plain("tanh", "tanh", L.Tanh()),
    plain("softplus", "softplus", L.Softplus()),
    Case("maxout", "maxout", lambda dtype: L.Maxout(6, 3, k=3, rng=0, dtype=dtype), FEATURES, [(1, 6), (2, 3, 2)],
         ((5, 7), ("maxout", "axis D", "(5, 7)", "(3, 6, 3)"))),
    conv("conv"),
    conv("conv, stride and pad", kernel=3, stride=2, pad=1),
    conv("conv, rectangular", kernel=(3, 2), stride=(1, 2), pad=(0, 1)),
    conv("conv, groups and dilation", kernel=2, groups=2, dilation=(2, 1), bias=None),
    conv("conv 1x1", kernel=1),
    Case("conv, depthwise", "conv", lambda dtype: L.Conv(4, 4, pad="same", groups=4, rng=0, dtype=dtype), IMAGE),
    Case("conv as loops", "conv_naive", _naive_conv, (2, 4, 6, 5), [(1, 4, 5, 5)]),
    Case("locally connected", "local_conv", lambda dtype: L.LocalConv(4, 3, (7, 6), 3, 2, 1, rng=0, dtype=dtype),
         IMAGE, [(1, 4, 7, 6)], ((2, 3, 7, 6), ("local_conv", "axis C", "(2, 3, 7, 6)", "(3, 4, 3, 3"))),
    conv_transpose("transposed conv", kernel=3, stride=2, pad=1, extra=1),
    conv_transpose("transposed conv, groups", kernel=(2, 3), stride=(2, 1), groups=2, dilation=2, bias=None),
    windowed("max pool", "max_pool", L.MaxPool(2)),
    windowed("max pool, overlapping", "max_pool", L.MaxPool(3, stride=2, pad=1)),
    windowed("max pool, ceil", "max_pool", L.MaxPool((2, 3), stride=2, ceil=True), [(1, 4, 3, 4), (1, 1, 2, 3)]),
    Case("max pool as loops", "max_pool_naive", lambda dtype: FromPair(
        L.max_pool_naive_forward, L.max_pool_naive_backward, [], {}, kernel=3, stride=2, pad=1), (2, 2, 5, 6)),
    windowed("average pool", "average_pool", L.AveragePool(2)),
    windowed("average pool, overlapping, ceil", "average_pool", L.AveragePool(3, stride=2, pad=1, ceil=True)),
    windowed("global average pool", "global_average_pool", L.GlobalAveragePool(), [(1, 1, 1, 1), (2, 3, 1, 5)]),
    norm("batch norm, features", "batch_norm", lambda dtype: L.BatchNorm(6, dtype=dtype), FEATURES,
         [(2, 6)], (5, 7)),
    norm("batch norm, channels", "batch_norm", lambda dtype: L.BatchNorm(4, dtype=dtype), IMAGE,
         [(1, 4, 2, 1), (3, 4, 5)], (2, 3, 7, 6)),
    Case("batch norm, evaluation", "batch_norm", lambda dtype: L.BatchNorm(4, dtype=dtype), IMAGE, [(1, 4)],
         train=False),
    norm("layer norm", "layer_norm", lambda dtype: L.LayerNorm(6, dtype=dtype), FEATURES,
         [(1, 6), (2, 3, 6)], (5, 7)),
    norm("layer norm, image", "layer_norm", lambda dtype: L.LayerNorm((4, 7, 6), dtype=dtype), IMAGE,
         [(1, 4, 7, 6)], (2, 4, 7, 5)),
    norm("group norm", "group_norm", lambda dtype: L.GroupNorm(4, 2, dtype=dtype), IMAGE, [(1, 4, 1, 1), (5, 4)],
         (2, 3, 7, 6)),
    windowed("lrn", "lrn", L.LRN(3, alpha=0.5), [(1, 1, 2, 2), (2, 9, 1, 1)]),
    windowed("lrn within a channel", "lrn", L.LRN(3, alpha=0.5, within=True), [(1, 1, 1, 1), (2, 2, 5, 1)]),
    plain("dropout", "dropout", L.Dropout(0.4, rng=5)),
    Case("dropout of channels", "dropout", lambda dtype: L.Dropout(0.4, channels=True, rng=5), IMAGE, IMAGES,
         ((7,), ("dropout", "x", "(7,)"))),
    plain("flatten", "flatten", L.Flatten()),
    Case("embedding", "embedding", lambda dtype: L.Embedding(9, 4, init=normal(1.0), rng=0, dtype=dtype), (3, 5),
         [(1,), (2, 3, 2)], indexes=9),
    plain("identity", "", L.Identity()),
    windowed("pad channels", "pad_channels", L.PadChannels(7, stride=(2, 3)), [(1, 1, 1, 1), (2, 7, 5, 2)]),
    Case("residual sum", "", _residual, FEATURES, [(1, 6)], ((5, 7), ("affine", "axis D", "(5, 7)"))),
    Case("conv block with concat", "", _block, (4, 4, 5, 5), [(2, 4, 3, 4)], ((2, 3, 5, 5), ("conv", "axis C"))),
    cell_step("rnn", 3, 1, 1, 1),
    cell_step("lstm", 3, 4, 4, 2),
    cell_step("gru", 3, 3, 4, 1),
    sequence("rnn", "rnn", lambda dtype: L.RNN(6, 3, rng=0, dtype=dtype)),
    sequence("lstm", "lstm", lambda dtype: L.LSTM(6, 3, rng=0, dtype=dtype)),
    sequence("gru", "gru", lambda dtype: L.GRU(6, 3, rng=0, dtype=dtype)),
    sequence("temporal affine", "temporal_affine", lambda dtype: L.TemporalAffine(6, 3, rng=0, dtype=dtype)),
    sequence("attention", "attention", _attention, [(1, 4, 6)]),
    sequence("self-attention", "multi_head_attention", lambda dtype: L.SelfAttention(6, 2, rng=0, dtype=dtype),
             words=("(2, 4, 7)", "(6, 18)")),
    sequence("self-attention, causal", "multi_head_attention",
             lambda dtype: L.SelfAttention(6, 3, causal=True, rng=0, dtype=dtype), words=("(2, 4, 7)", "(6, 18)")),
]  # fmt: skip


@dataclass
class LossCase:
    """One loss: `scores` is the shape of x, `target(rng, shape)` draws y, `options` go to the loss."""

    name: str
    loss: Callable
    scores: tuple
    target: Callable
    options: dict = field(default_factory=dict)
    bad_label: bool = True

    def draw(self, dtype=np.float64, seed=0):
        """Draw (x, y)."""
        rng = np.random.default_rng(seed)
        return 2 * rng.normal(size=self.scores).astype(dtype), self.target(rng, self.scores)


def classes(rng, shape):
    return rng.integers(0, shape[1], shape[0])


def onoff(rng, shape):
    return rng.integers(0, 2, shape)


def numbers(rng, shape):
    return rng.normal(size=shape)


TREE = L.ClassTree([[0, 1], [2, [3, 4]], 5])

LOSSES = [
    LossCase("softmax", L.softmax_loss, (6, 4), classes),
    LossCase("softmax, smoothed", L.softmax_loss, (6, 4), classes, {"smoothing": 0.1}),
    LossCase("softmax of pixels", L.pixel_softmax_loss, (3, 4, 2, 5),
             lambda rng, shape: rng.integers(0, shape[1], (shape[0], *shape[2:]))),
    LossCase("hinge", L.svm_loss, (6, 4), classes),
    LossCase("squared hinge", L.svm_loss, (6, 4), classes, {"squared": True, "margin": 0.5}),
    LossCase("logistic", L.logistic_loss, (6, 4), onoff),
    LossCase("binary hinge", L.binary_svm_loss, (6, 4), onoff),
    LossCase("l2", L.l2_loss, (6, 4), numbers, bad_label=False),
    LossCase("l2, boxes", L.l2_loss, (6, 2, 2), numbers, bad_label=False),
    LossCase("l1", L.l1_loss, (6, 4), numbers, bad_label=False),
    LossCase("smooth l1", L.smooth_l1_loss, (6, 4), numbers, {"turn": 0.7}, bad_label=False),
    LossCase("hierarchical softmax", L.hierarchical_softmax_loss, (6, TREE.scores),
             lambda rng, shape: rng.integers(0, TREE.classes, shape[0]), {"tree": TREE}),
    LossCase("temporal softmax", L.temporal_softmax_loss, (6, 3, 4),
             lambda rng, shape: rng.integers(0, shape[2], shape[:2])),
]  # fmt: skip
