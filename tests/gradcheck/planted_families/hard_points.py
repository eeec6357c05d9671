"""Correct pairs at hard points: on corners and ties, at extreme scales, saturated, steep, empty or of length 1."""

from dataclasses import replace

import numpy as np

from tests.gradcheck.planted_families import activations as A
from tests.gradcheck.planted_families import algebra as G
from tests.gradcheck.planted_families import dense as D
from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families import losses as L
from tests.gradcheck.planted_families import normalization as N
from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families.case import Planted, normal


def at(name, right, inputs, **changes):
    return replace(right, name=name, inputs=inputs, **changes)


def whole(low, high, *shapes):
    """Whole numbers as floating-point inputs."""
    return lambda rng: tuple(rng.integers(low, high, shape).astype(float) for shape in shapes)


def near_ties(gap):
    return lambda rng: (1 + gap * rng.permuted(np.tile(np.arange(6.0), (5, 1)), axis=1),)


def equal_pieces(rng):
    x, w, b = D.MAXOUT.inputs(rng)
    w[1], b[1] = w[0], b[0]
    return x, w, b


def dead_row(rng):
    x, w1, b1, w2, b2 = D.TWO_LAYER.inputs(rng)
    x[1], b1[:] = 0, 0
    return x, w1, b1, w2, b2


def labelled(draw):
    return lambda rng: (draw(rng), rng.integers(0, 4, 6))


def same_in_part(rng):
    x, y = rng.normal(size=(2, 6, 3))
    return np.where(rng.random((6, 3)) < 0.5, x, y), y


def mixed(*shapes):
    """Columns of scales from 1e-8 to 1e6."""
    return lambda rng: tuple(rng.normal(size=s) * 10.0 ** rng.integers(-8, 7, s[-1]) for s in shapes)


def saturated_lstm(rng):
    x, h, c, wx, wh, b = S.LSTM_STEP.inputs(rng)
    return x, h, c, wx, wh, b + 12 * rng.choice([-1.0, 1.0], b.shape)


def nearly_parallel(rng):
    x = rng.normal(size=(5, 4))
    return x, 3 * x + 1e-4 * rng.normal(size=x.shape)


def one_constant_feature(rng):
    x, gamma, beta = N.BATCH_NORM.inputs(rng)
    x[:, 1] = 0.3
    return x, gamma, beta


def strided(rng):
    return rng.normal(size=(5, 6)).T, np.asfortranarray(rng.normal(size=(5, 4))), rng.normal(size=8)[::2]


def with_zeros(rng):
    return (rng.normal(size=(5, 4)) * (rng.random((5, 4)) < 0.6),)


CORNERS = [
    at("relu at 0", A.RELU, whole(-2, 3, (5, 6))),
    at("relu beside 0", A.RELU, lambda rng: (1e-7 * rng.choice([-1.0, 1.0], (5, 6)),)),
    at("leaky relu at 0", A.LEAKY, whole(-2, 3, (5, 6))),
    at("prelu at 0", A.PRELU, lambda rng: (whole(-1, 2, (2, 3, 4, 4))(rng)[0], rng.normal(size=3))),
    at("elu at 0", A.ELU, whole(-2, 3, (5, 6))),
    at("absolute value at 0", A.ABSOLUTE, whole(-2, 3, (5, 6))),
    at("clip at its bounds", A.CLIP, whole(-2, 3, (5, 6))),
    at("two-layer network with a row of zeros", D.TWO_LAYER, dead_row),
    at("hinge loss at its margin", L.HINGE_LOSS, labelled(lambda rng: rng.integers(-2, 3, (6, 4)) * 1.0)),
    at("squared hinge loss at its margin", L.SQUARED_HINGE_LOSS,
       labelled(lambda rng: rng.integers(-2, 3, (6, 4)) * 1.0)),
    at("binary hinge loss at its margin", L.BINARY_HINGE_LOSS,
       lambda rng: (rng.integers(-1, 2, (6, 4)) * 1.0, rng.integers(0, 2, (6, 4)))),
    at("L1 loss at 0", L.L1_LOSS, same_in_part),
    at("smooth L1 loss at its turn", L.SMOOTH_L1_LOSS,
       lambda rng: (rng.integers(-2, 3, (6, 3)) * 0.5, np.zeros((6, 3)))),
    at("max pool of equal pixels", I.MAX_POOL, lambda rng: (np.full((2, 2, 4, 4), 0.5),)),
    at("max pool of whole numbers", I.MAX_POOL_OVERLAP, whole(0, 3, (2, 2, 7, 7))),
    at("max over an axis with ties", G.MAX, whole(0, 3, (5, 6))),
    at("max over an axis of near ties", G.MAX, near_ties(1e-7)),
    at("max over an axis of very near ties", G.MAX, near_ties(1e-10)),
    at("maxout of equal pieces", D.MAXOUT, equal_pieces),
    at("relu that is dead", A.RELU, lambda rng: (-1 - rng.random((5, 6)),)),
]  # fmt: skip

SCALES = [
    at("affine of tiny inputs", D.AFFINE, normal((6, 5), (5, 4), (4,), scale=1e-8)),
    at("affine of huge inputs", D.AFFINE, normal((6, 5), (5, 4), (4,), scale=1e6)),
    at("affine of mixed scales", D.AFFINE, mixed((6, 5), (5, 4), (4,))),
    at("affine beside a large bias", D.AFFINE, lambda rng: (*normal((6, 5), (5, 4))(rng), np.full(4, 1e6))),
    at("elementwise product of mixed scales", G.MULTIPLY, mixed((5, 4), (5, 4))),
    at("variance beside a large mean", G.VARIANCE, normal((7, 4), shift=1e4)),
    at("batch norm of pixels", N.BATCH_NORM,
       lambda rng: (120 + 5 * rng.normal(size=(6, 4)), *normal((4,), (4,))(rng))),
    at("batch norm of a constant feature", N.BATCH_NORM, one_constant_feature),
    at("L2 normalisation of short rows", G.NORMALISE, normal((5, 4), scale=1e-5)),
    at("cosine of nearly parallel rows", G.COSINE, nearly_parallel),
    at("cosine of tiny rows", G.COSINE, normal((5, 4), (5, 4), scale=1e-6)),
    at("reciprocal near 0", A.RECIPROCAL, lambda rng: (1e-3 * A.RECIPROCAL.inputs(rng)[0],)),
    at("square root near 0", A.ROOT, lambda rng: (1e-6 * rng.uniform(0.5, 4, (5, 6)),)),
    at("log-sum-exp at a thousand", G.LOGSUMEXP, normal((5, 6), shift=1000.0)),
    at("L2 penalty of huge weights", L.L2_PENALTY, normal((4, 5), scale=1e6)),
    at("steep exponential", A.STEEP, normal((5, 6), scale=2.0)),
    at("steep power", A.POWER, normal((5, 6), scale=3.0)),
    at("nearly saturated sigmoid", A.SIGMOID, normal((5, 6), scale=15.0)),
    at("nearly saturated tanh", A.TANH, normal((5, 6), scale=6.0)),
    at("saturated softmax", A.SOFTMAX, normal((5, 6), scale=30.0)),
    at("saturated softmax loss", L.SOFTMAX_LOSS, labelled(lambda rng: 50 * rng.normal(size=(6, 4)))),
    at("saturated LSTM step", S.LSTM_STEP, saturated_lstm),
    at("product over an axis with zeros", G.PRODUCT, with_zeros),
    at("distances of equal points", G.DISTANCES, lambda rng: (np.ones((4, 3)), np.ones((5, 3)))),
]  # fmt: skip

SHAPES = [
    at("affine of an empty batch", D.AFFINE, normal((0, 5), (5, 4), (4,))),
    at("affine of one example", D.AFFINE, normal((1, 1), (1, 1), (1,))),
    at("mean over an axis of length 1", G.MEAN, normal((1, 4))),
    at("sum over an empty axis", G.SUM, normal((3, 0))),
    at("softmax of one class", A.SOFTMAX, normal((5, 1))),
    at("batch norm of one example", N.BATCH_NORM, normal((1, 4), (4,), (4,))),
    at("layer norm of one feature", N.LAYER_NORM, normal((4, 1), (1,), (1,))),
    at("RNN of one step", S.RNN, normal((2, 1, 3), (2, 4), (3, 4), (4, 4), (4,))),
    at("convolution of one pixel", I.CONV, normal((2, 3, 1, 1), (4, 3, 3, 3), (4,))),
    at("max pool of one pixel", I.MAX_POOL, normal((2, 2, 1, 1)), options={"kernel": 1, "stride": 1}),
    at("attention to one word", S.ATTENTION, normal((2, 3, 4), (2, 1, 4), (2, 1, 3))),
    at("affine of strided inputs", D.AFFINE, strided),
    at("tanh of many numbers", A.TANH, normal((30, 40))),
    at("dropout of everything", A.DROPOUT, lambda rng: (rng.normal(size=(6, 5)), np.zeros((6, 5), bool))),
    at("embedding with bytes for indexes", S.EMBEDDING,
       lambda rng: (rng.integers(0, 5, (3, 4), np.uint8), rng.normal(size=(6, 3)))),
]  # fmt: skip


def counts_forward(counts, w):
    return counts @ w, counts


def counts_backward(dout, counts):
    return counts.T @ dout


def shifted_tanh_forward(x):
    out = np.tanh(x)
    return 1e6 + out, out


def shifted_tanh_backward(dout, out):
    return dout * (1 - out**2)


def faint_tanh_forward(x):
    out = np.tanh(x)
    return 1e-8 * out, out


def faint_tanh_backward(dout, out):
    return 1e-8 * dout * (1 - out**2)


def identity_forward(x):
    return x, None


def identity_backward(dout, _):
    return dout


def viewing_sum_backward(dout, shape):
    return np.broadcast_to(dout[:, None], shape)


def temperature_forward(x, t):
    return x * t, {"x": x, "t": t}


def temperature_backward(dout, cache):
    return dout * cache["t"], (dout * cache["x"]).sum()


def wave_forward(x):
    return np.sin(60 * x), x


def wave_backward(dout, x):
    return 60 * dout * np.cos(60 * x)


def sawtooth_forward(x):
    return x - np.floor(x), None


def sawtooth_backward(dout, _):
    return dout.copy()


def one_sided_square_forward(x):
    return np.maximum(x, 0) ** 2, x


def one_sided_square_backward(dout, x):
    return 2 * dout * np.maximum(x, 0)


FORMS = [
    Planted("affine of counts", "affine", counts_forward, counts_backward,
            lambda rng: (rng.integers(0, 5, (6, 5)), rng.normal(size=(5, 3)))),
    Planted("tanh beside a large offset", "tanh", shifted_tanh_forward, shifted_tanh_backward, normal((5, 6))),
    Planted("tanh of tiny outputs", "tanh", faint_tanh_forward, faint_tanh_backward, normal((5, 6))),
    Planted("identity", "reshape", identity_forward, identity_backward, normal((5, 6))),
    replace(G.SUM, name="sum whose gradient is a view", backward=viewing_sum_backward),
    Planted("temperature", "product", temperature_forward, temperature_backward,
            lambda rng: (rng.normal(size=(5, 6)), np.array(rng.uniform(1, 2)))),
    Planted("fast wave", "steep", wave_forward, wave_backward, normal((5, 6))),
    Planted("sawtooth", "floor", sawtooth_forward, sawtooth_backward, normal((5, 6))),
    Planted("one-sided square at 0", "relu", one_sided_square_forward, one_sided_square_backward,
            whole(-2, 3, (5, 6))),
]  # fmt: skip

HARD_POINTS = CORNERS + SCALES + SHAPES + FORMS
