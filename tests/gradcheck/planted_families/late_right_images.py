"""Correct layers of images added late, and known ones at hard points: tiny, huge, offset, tied and mixed."""

import numpy as np

from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families import late_layers_blocks as B
from tests.gradcheck.planted_families import late_layers_convolutions as C
from tests.gradcheck.planted_families import late_layers_pools as P
from tests.gradcheck.planted_families.case import normal
from tests.gradcheck.planted_families.hard_points import at, mixed, whole


def scaled(right, *scales):
    """The right pair's inputs, each times a scale of its own."""
    return lambda rng: tuple(a * s if a.dtype.kind == "f" else a for a, s in zip(right.inputs(rng), scales))


def shifted(right, *shifts):
    return lambda rng: tuple(a + s if a.dtype.kind == "f" else a for a, s in zip(right.inputs(rng), shifts))


def scattered(right, low, high):
    """The right pair's inputs, every number times a power of ten of its own."""
    return lambda rng: tuple(a * 10.0 ** rng.integers(low, high, a.shape) for a in right.inputs(rng))


def faint_layers(rng):
    x, ws, scale = B.SCALED_STACK.inputs(rng)
    return x, ws * 10.0 ** -np.arange(0, 8, 2)[:, None, None], scale * 10.0 ** -np.arange(8, 0, -2)


def squeezed_shut(rng):
    x, w1, w2 = B.SQUEEZE.inputs(rng)
    return 30 * abs(x), abs(w1), 3 * w2 - 1


IMAGE_HARD_POINTS = [
    at("residual block of tiny filters", B.RESIDUAL, scaled(B.RESIDUAL, 1, 1e-6, 1e-6, 1e-6, 1e-6)),
    at("residual block whose second filters are tiny", B.RESIDUAL, scaled(B.RESIDUAL, 1, 1, 1, 1e-8, 1e-8)),
    at("residual block of a tiny image", B.RESIDUAL, scaled(B.RESIDUAL, 1e-7, 1, 1e-7, 1, 1e-7)),
    at("residual block of scattered scales", B.RESIDUAL, scattered(B.RESIDUAL, -4, 2)),
    at("projecting residual block of a tiny shortcut", B.PROJECTED, scaled(B.PROJECTED, 1, 1, 1, 1e-7)),
    at("projecting residual block of a tiny branch", B.PROJECTED, scaled(B.PROJECTED, 1, 1e-5, 1e-5, 1)),
    at("norm-first residual block of a tiny gamma", B.PREACTIVATION, scaled(B.PREACTIVATION, 1, 1e-6, 1e-6, 1, 1)),
    at("norm-first residual block of a tiny image", B.PREACTIVATION, scaled(B.PREACTIVATION, 1e-4, 1, 1, 1, 1)),
    at("residual stack of tiny scales", B.SCALED_STACK, scaled(B.SCALED_STACK, 1, 1, 1e-4)),
    at("residual stack of scales of zero", B.SCALED_STACK, scaled(B.SCALED_STACK, 1, 1, 0)),
    at("residual stack fading layer by layer", B.SCALED_STACK, faint_layers),
    at("stochastic depth of tiny weights", B.DEPTH, scaled(B.DEPTH, 1, 1e-8, 1)),
    at("dense block of tiny weights", B.DENSE_BLOCK, scaled(B.DENSE_BLOCK, 1, 1e-3, 1e-5)),
    at("dense block of columns of mixed scales", B.DENSE_BLOCK, mixed((2, 3, 2, 2), (2, 3), (2, 5))),
    at("squeeze and excitation, gates saturated", B.SQUEEZE, squeezed_shut),
    at("squeeze and excitation of a faint image", B.SQUEEZE, scaled(B.SQUEEZE, 1e-5, 1, 1)),
    at("gated convolution, gates nearly shut", B.GATED,
       lambda rng: (*normal((2, 2, 4, 4), (4, 2, 3, 3))(rng), np.array([0.0, 0, -18, -25]))),
    at("highway layer that carries all", B.HIGHWAY, shifted(B.HIGHWAY, 0, 0, 0, 0, -16)),
    at("highway layer of tiny gate weights", B.HIGHWAY, scaled(B.HIGHWAY, 1, 1, 1, 1e-6, 1)),
    at("instance norm beside an offset", B.INSTANCE_NORM, shifted(B.INSTANCE_NORM, 1e4, 0, 0)),
    at("instance norm of a faint image", B.INSTANCE_NORM, scaled(B.INSTANCE_NORM, 1e-3, 1, 1)),
    at("pixel norm of scattered scales", B.PIXEL_NORM, scattered(B.PIXEL_NORM, -3, 4)),
    at("conv, norm, relu of a tiny gamma", B.CONV_NORM_RELU, scaled(B.CONV_NORM_RELU, 1, 1, 1e-8, 1e-8)),
    at("small network that is nearly sure", B.SMALL_NET, scaled(B.SMALL_NET, 1, 1, 1, 1, 12, 12)),
    at("small network of tiny filters", B.SMALL_NET, scaled(B.SMALL_NET, 1, 1, 1e-5, 1e-5, 1, 1)),
    at("small network of a dark image", B.SMALL_NET, scaled(B.SMALL_NET, 1e-6, 1, 1, 1, 1, 1)),
    at("separable convolution of tiny depth filters", C.SEPARABLE, scaled(C.SEPARABLE, 1, 1e-7, 1, 1)),
    at("separable convolution of mixed scales", C.SEPARABLE, scattered(C.SEPARABLE, -3, 3)),
    at("depthwise convolution of pixels", C.DEPTHWISE, shifted(C.DEPTHWISE, 1e6, 0, 0)),
    at("convolution in time beside a large bias", C.CONV1D, shifted(C.CONV1D, 0, 0, 1e6)),
    at("convolution in time of one window", C.CONV1D, normal((2, 3, 3), (4, 3, 3), (4,))),
    at("causal convolution longer than its sequence", C.CAUSAL_CONV, normal((4, 2, 3), (2, 3, 2), (3,))),
    at("convolution by columns of one pixel and one filter", C.COLUMN_CONV,
       normal((1, 1, 1, 1), (1, 1, 1, 1), (1,))),
    at("standardised filters that are faint", C.STANDARDISED, scaled(C.STANDARDISED, 1, 1e-2, 1)),
    at("filters used twice, tiny", C.TIED_CONV, scaled(C.TIED_CONV, 1e-4, 1)),
    at("transposed convolution of huge filters", I.CONV_TRANSPOSE, scaled(I.CONV_TRANSPOSE, 1e-6, 1e6, 1)),
    at("padded max pool of negative whole numbers", P.PADDED_MAX_POOL, whole(-4, -1, (2, 2, 5, 6))),
    at("overlapping max pool in time with ties", P.TIME_POOL_OVERLAP, whole(0, 3, (3, 8, 2))),
    at("global max pool of a flat image", P.GLOBAL_MAX_POOL, lambda rng: (np.full((2, 2, 3, 3), -0.25),)),
    at("mixed pool of ties", P.MIXED_POOL, lambda rng: (*whole(0, 2, (2, 3, 4, 4))(rng), rng.normal(size=3))),
    at("soft max pool beside an offset", P.SOFT_POOL, shifted(P.SOFT_POOL, 1e6)),
    at("soft max pool that is sharp", P.SOFT_POOL, normal((2, 2, 4, 4)), options={"r": 60.0}),
    at("mean place of a sharp softmax", P.PLACE, scaled(P.PLACE, 25, 1, 1)),
    at("mean place on far rulers", P.PLACE, shifted(P.PLACE, 0, 1e6, -1e3)),
    at("power pool of scattered scales", P.POWER_POOL, scattered(P.POWER_POOL, -4, 3)),
    at("adaptive average pool to more bins than pixels", P.ADAPTIVE_POOL, normal((2, 2, 2, 3)),
       options={"size": (3, 4)}),
]  # fmt: skip

LATE_RIGHT_IMAGES = C.LATE_CONV_LAYERS + P.LATE_POOL_LAYERS + B.LATE_BLOCK_LAYERS + IMAGE_HARD_POINTS
