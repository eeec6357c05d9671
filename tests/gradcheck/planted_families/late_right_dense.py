"""Correct pairs of the late set: its layers, and networks and losses at tiny, huge, mixed or saturated points."""

from dataclasses import replace

import numpy as np

from tests.gradcheck.planted_families import activations as A
from tests.gradcheck.planted_families import algebra as G
from tests.gradcheck.planted_families import dense as D
from tests.gradcheck.planted_families import late_layers_activations as LA
from tests.gradcheck.planted_families import late_layers_algebra as LG
from tests.gradcheck.planted_families import late_layers_dense as LD
from tests.gradcheck.planted_families import late_layers_losses as LL
from tests.gradcheck.planted_families import late_layers_norms as LN
from tests.gradcheck.planted_families import losses as L
from tests.gradcheck.planted_families import normalization as N
from tests.gradcheck.planted_families.case import normal


def at(name, right, inputs, **changes):
    return replace(right, name=name, inputs=inputs, **changes)


def scaled(right, *scales):
    """The pair's inputs, the i-th floating-point one times scales[i]."""

    def draw(rng):
        left = iter(scales)
        return tuple(a * next(left) if a.dtype.kind == "f" else a for a in right.inputs(rng))

    return draw


def shifted(right, *shifts):
    def draw(rng):
        left = iter(shifts)
        return tuple(a + next(left) if a.dtype.kind == "f" else a for a in right.inputs(rng))

    return draw


def whole(low, high, *shapes):
    return lambda rng: tuple(rng.integers(low, high, shape).astype(float) for shape in shapes)


def steep_columns(rng):
    return (rng.normal(size=(5, 6)) * 10.0 ** np.arange(-8, 4, 2),)


def one_tiny_unit(rng):
    x, w1, b1, w2, b2 = D.TWO_LAYER.inputs(rng)
    w2[2] *= 1e-7
    return x, w1, b1, w2, b2


def mixed_rows(rng):
    x, *rest = LD.PROJECTED.inputs(rng)
    return x * 10.0 ** np.array([[0], [-3], [-6], [3], [-8]]), *rest


def equal_scores(rng):
    return np.full((7, 4), 0.25), rng.integers(0, 4, 7)


def one_hot_scores(rng):
    y = rng.integers(0, 4, 7)
    return 14.0 * (y[:, None] == np.arange(4)) + rng.normal(size=(7, 4)), y


def same_word(rng):
    return np.full((4, 6), 2), rng.normal(size=(6, 3))


def margins_at_zero(rng):
    return whole(-2, 3, (12,))(rng)[0] / 2, whole(-2, 3, (12,))(rng)[0] / 2


TINY_NETS = [
    at("two-layer network of tiny second weights", D.TWO_LAYER, scaled(D.TWO_LAYER, 1, 1, 1, 1e-8, 1)),
    at("two-layer network of tiny weights", D.TWO_LAYER, scaled(D.TWO_LAYER, 1, 1e-4, 1e-4, 1e-4, 1e-4)),
    at("two-layer network with one tiny unit", D.TWO_LAYER, one_tiny_unit),
    at("residual block of tiny weights", D.RESIDUAL, scaled(D.RESIDUAL, 1, 1e-4, 1e-4)),
    at("residual block of a tiny input", D.RESIDUAL, scaled(D.RESIDUAL, 1e-6, 1, 1)),
    at("three layers of tanh, tiny weights", LD.THREE_TANH, scaled(LD.THREE_TANH, 1, 1e-3, 1e-3, 1e-3)),
    at("three layers of tanh, tiny first weights", LD.THREE_TANH, scaled(LD.THREE_TANH, 1, 1e-8, 1, 1)),
    at("residual branch at scale 1e-6", LD.SCALED_RESIDUAL, scaled(LD.SCALED_RESIDUAL, 1, 1, 1, 1e-6)),
    at("residual branch of tiny first weights", LD.SCALED_RESIDUAL, scaled(LD.SCALED_RESIDUAL, 1, 1e-7, 1, 1)),
    at("block normalised first, tiny weights", LD.PRE_NORM, scaled(LD.PRE_NORM, 1, 1e-3, 1e-5)),
    at("block normalised first, large input", LD.PRE_NORM, scaled(LD.PRE_NORM, 1e3, 1, 1e-3)),
    at("projection beside a tiny branch", LD.PROJECTED, scaled(LD.PROJECTED, 1, 1e-5, 1e-3, 1)),
    at("projection block of rows of mixed scale", LD.PROJECTED, mixed_rows),
    at("shared blocks of tiny weights", LD.SHARED_BLOCKS, scaled(LD.SHARED_BLOCKS, 1, 1e-4, 1e-4)),
    at("shared blocks of tiny inputs", LD.SHARED_BLOCKS, scaled(LD.SHARED_BLOCKS, 1e-8, 1, 1e-8)),
    at("highway of tiny weights", D.HIGHWAY, scaled(D.HIGHWAY, 1, 1e-5, 1e-5)),
    at("tied autoencoder of tiny weights", D.TIED, scaled(D.TIED, 1, 1e-3)),
    at("adapter begun near zero", LD.LOW_RANK, scaled(LD.LOW_RANK, 1, 1, 1, 1e-8)),
    at("excitation gate of tiny weights", LD.EXCITE, scaled(LD.EXCITE, 1, 1e-4, 1e-4)),
    at("experts of tiny weights", LD.EXPERTS, scaled(LD.EXPERTS, 1, 1e-3, 1e-4)),
    at("swish-gated unit of tiny weights", LD.SWISH_UNIT, scaled(LD.SWISH_UNIT, 1, 1e-3, 1e-3, 1e-3)),
    at("block normalised last, tiny weights", LN.POST_NORM, scaled(LN.POST_NORM, 1, 1e-6, 1)),
    at("siamese pair seen faintly", D.SIAMESE, scaled(D.SIAMESE, 1e-3, 1, 1e-5)),
]  # fmt: skip

SATURATED = [
    at("highway with shut gates", D.HIGHWAY, scaled(D.HIGHWAY, 1, 1, 12)),
    at("swish far out", A.SWISH, normal((5, 6), scale=25.0)),
    at("mish far out", LA.MISH, normal((5, 6), scale=12.0)),
    at("logarithm of a saturated sigmoid", LA.LOG_SIGMOID, normal((5, 6), scale=60.0)),
    at("selu far below", LA.SELU, normal((5, 6), scale=3.0, shift=-20.0)),
    at("softmax nearly cold", LA.TEMPERED, lambda rng: (rng.normal(size=(4, 5)), np.array(0.02))),
    at("smoothed labels of sure scores", LL.SMOOTHED, one_hot_scores),
    at("softmax loss of right and sure scores", L.SOFTMAX_LOSS, one_hot_scores),
    at("smoothed labels of equal scores", LL.SMOOTHED, equal_scores),
    at("contrast of large rows", LL.IN_BATCH, normal((4, 4), (4, 4), scale=4.0)),
    at("focal loss of sure scores", LL.FOCAL, scaled(LL.FOCAL, 8)),
    at("experts with one sure gate", LD.EXPERTS, scaled(LD.EXPERTS, 1, 25, 1)),
    at("radial basis layer far away", LD.RADIAL, scaled(LD.RADIAL, 5, 1, 1)),
]  # fmt: skip

OFFSETS = [
    at("layer norm far from zero", LN.PLAIN_NORM, normal((5, 5), shift=1e4)),
    at("layer norm of tokens beside a large shift", LN.TOKEN_NORM, shifted(LN.TOKEN_NORM, 0, 0, 1e6)),
    at("affine rows beside a large bias", LD.OUTPUT_ROWS, shifted(LD.OUTPUT_ROWS, 0, 0, 1e6)),
    at("softmax of columns far from zero", LA.COLUMN_SOFTMAX, normal((5, 6), shift=1e5)),
    at("differences beside a large offset", G.DIFFERENCES, normal((3, 6), shift=1e6)),
    at("huber mean far off", LL.HUBER, shifted(LL.HUBER, 1e5, 0)),
    at("deviation beside a large mean", LG.DEVIATION, normal((5, 4), shift=1e4)),
    at("blend of far arrays", LG.BLEND, shifted(LG.BLEND, 1e6, 1e6, 0)),
    at("tanh of columns of mixed scale", A.TANH, steep_columns),
    at("swish of columns of mixed scale", A.SWISH, steep_columns),
    at("RMS norm of tiny rows", N.RMS_NORM, scaled(N.RMS_NORM, 1e-4, 1)),
    at("sandwich product of mixed scale", LG.SANDWICH, scaled(LG.SANDWICH, 1e-5, 1e7)),
    at("gaussian likelihood of narrow widths", LL.GAUSSIAN, shifted(LL.GAUSSIAN, 0, -8, 0)),
    at("complex magnitude of a tiny part", LG.MAGNITUDE, scaled(LG.MAGNITUDE, 1, 1e-6)),
    at("signed square root near 0", LA.SIGNED_ROOT, normal((5, 6), scale=1e-5)),
]  # fmt: skip

CORNERS = [
    at("relu6 at its corners", LA.RELU6, whole(-1, 8, (5, 6))),
    at("hard swish at its corners", LA.HARD_SWISH, whole(-4, 5, (5, 6))),
    at("soft shrinkage at its edges", LA.SOFT_SHRINK, lambda rng: (rng.integers(-2, 3, (5, 6)) / 2,)),
    at("prelu of rows at 0", LA.ROW_PRELU, lambda rng: (whole(-1, 2, (6, 4))(rng)[0], rng.normal(size=4))),
    at("selu beside 0", LA.SELU, lambda rng: (1e-9 * rng.choice([-1.0, 1.0], (5, 6)),)),
    at("sorted rows of near ties", LG.SORTED_ROWS, lambda rng: (1 + 1e-8 * rng.normal(size=(4, 6)),)),
    at("ranking loss at its margin", LL.RANKING, margins_at_zero),
    at("elastic penalty of zeros", LL.ELASTIC, whole(-1, 2, (4, 5))),
    at("pinball loss of equals", LL.PINBALL, whole(-1, 2, (5, 4), (5, 4))),
    at("bag of one word", LD.BAG, same_word),
    at("affine in groups of one number", LD.GROUPED, normal((1, 1, 1), (1, 1, 1), (1, 1))),
    at("experts of which there is one", LD.EXPERTS, normal((3, 2), (2, 1), (1, 2, 2))),
    at("smooth distances of equal points", LG.SMOOTH_DISTANCE, lambda rng: (np.ones((4, 3)), np.ones((4, 3)))),
    at("sparsemax of equal scores", LA.SPARSEMAX, lambda rng: (np.full((5, 6), 0.3),)),
]  # fmt: skip

LATE_RIGHT_DENSE = [*LA.LATE_LAYERS_ACTIVATIONS, *LD.LATE_LAYERS_DENSE, *LL.LATE_LAYERS_LOSSES,
                    *LG.LATE_LAYERS_ALGEBRA, *LN.LATE_LAYERS_NORMS, *TINY_NETS, *SATURATED, *OFFSETS,
                    *CORNERS]  # fmt: skip
