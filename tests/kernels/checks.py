"""What every twin of a kernel must give, on whatever device it runs, and the arrays to try it on."""

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch.kernels import reference
from nnscratch.shapes import Window
from tests.kernels.close import (
    COUNTS,
    FLOATS,
    LAYOUTS,
    assert_same_not_finite,
    assert_twins_close,
    layouts,
    spoilt,
)


class Convolution(NamedTuple):
    """Arrays of one convolution: x (N, C, H, W), w (F, C/groups, KH, KW), b (F,) or None, dout as the output."""

    x: Any
    w: Any
    b: Any
    dout: Any
    window: Window
    groups: int


@st.composite
def axes(draw, padded=True):
    """Size, kernel, stride, pad and dilation along one axis; at least one window fits."""
    kernel, stride, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 6)), draw(st.integers(1, 3))
    pad = draw(st.sampled_from([0, 0, 1, 1, 2, 3, 6])) if padded else 0  # 6 is more than any kernel
    least = max(1, dilation * (kernel - 1) + 1 - 2 * pad)
    return least + draw(st.integers(0, 7)), kernel, stride, pad, dilation


@st.composite
def convolutions(draw, padded=True):
    """One of all the convolutions that a layer may ask for, at small sizes."""
    dtype = draw(FLOATS)
    (H, *down), (W, *across) = draw(axes(padded)), draw(axes(padded))
    C, F = draw(COUNTS), draw(COUNTS)
    kind = draw(st.sampled_from(["one group", "one group", "groups", "groups = channels"]))
    groups = 1
    if kind == "groups":
        groups = draw(st.integers(2, 5))
        C, F = groups * -(-C // groups), groups * -(-F // groups)
    elif kind == "groups = channels":
        groups, F = C, C * draw(st.integers(1, max(1, 70 // C)))
    window = Window.of(*zip(down, across))
    rng = np.random.default_rng(draw(st.integers(0, 9)))

    def numbers(*shape):
        return LAYOUTS[draw(layouts)](rng.normal(size=shape).astype(dtype))

    N = draw(st.integers(1, 9))
    b = rng.normal(size=F).astype(dtype) if draw(st.booleans()) else None
    dout = numbers(N, F, *window.places(H, W))
    return Convolution(numbers(N, C, H, W), numbers(F, C // groups, *window.kernel), b, dout, window, groups)


@st.composite
def pool_axes(draw, padded=True):
    """Size, kernel, stride and pad along one axis; pools pad by less than the kernel."""
    kernel, stride = draw(st.integers(1, 5)), draw(st.integers(1, 7))
    pad = draw(st.integers(0, kernel - 1)) if padded else 0
    return max(1, kernel - 2 * pad) + draw(st.integers(0, 8)), kernel, stride, pad


@st.composite
def pools(draw, padded=True):
    """(x, dout, window): whole numbers in x make many ties."""
    (H, *down), (W, *across) = draw(pool_axes(padded)), draw(pool_axes(padded))
    window = Window.of(*zip(down, across), ceil=draw(st.booleans()))
    dtype, rng = draw(FLOATS), np.random.default_rng(draw(st.integers(0, 9)))
    N, C = draw(st.integers(1, 9)), draw(COUNTS)
    x = rng.integers(-3, 3, size=(N, C, H, W)).astype(dtype)
    dout = rng.normal(size=(N, C, *window.places(H, W))).astype(dtype)
    return LAYOUTS[draw(layouts)](x), LAYOUTS[draw(layouts)](dout), window


LEAST = st.sampled_from([-np.inf, 0.0, -0.5])


@st.composite
def channels(draw, count=1, vectors=0):
    """`count` arrays of one shape (N, C, ...), each in a layout of its own, and `vectors` of (C,)."""
    dtype, rng = draw(FLOATS), np.random.default_rng(draw(st.integers(0, 9)))
    shape = (draw(st.integers(1, 9)), draw(COUNTS), *draw(st.lists(st.integers(1, 9), max_size=3)))
    arrays = [LAYOUTS[draw(layouts)](rng.normal(size=shape).astype(dtype)) for _ in range(count)]
    return arrays + [rng.normal(size=shape[1]).astype(dtype) for _ in range(vectors)]


def check_convolutions(twins, arrays, least):
    x, w, b, dout, window, groups = arrays
    assert_twins_close(twins, "conv", x, w, b, window, groups, least=least)
    assert_twins_close(twins, "conv_input_gradient", dout, w, x.shape, window, groups)
    assert_twins_close(twins, "conv_weight_gradient", dout, x, w.shape, window, groups)


def check_images_that_are_not_finite(twins, draw, arrays, least):
    x, w, b, dout, window, groups = arrays
    x, dout = spoilt(x, draw), spoilt(dout, draw)
    for name, args in {
        "conv": (x, w, b, window, groups, least),
        "conv_input_gradient": (dout, w, x.shape, window, groups),
        "conv_weight_gradient": (np.nan_to_num(dout, posinf=0, neginf=0), x, w.shape, window, groups),
    }.items():
        check_what_is_not_finite(twins, name, args)


def check_filters_and_gradients_that_are_not_finite(twins, draw, arrays):
    """Without padding: with it, the reference multiplies zeros by them, and the twins need not."""
    x, w, b, dout, window, groups = arrays
    w, dout = spoilt(w, draw), spoilt(dout, draw)
    for name, args in {
        "conv": (x, w, b, window, groups),
        "conv_input_gradient": (np.nan_to_num(dout, posinf=0, neginf=0), w, x.shape, window, groups),
        "conv_weight_gradient": (dout, x, w.shape, window, groups),
    }.items():
        check_what_is_not_finite(twins, name, args)


def check_what_is_not_finite(twins, name, args):
    with np.errstate(all="ignore"):
        exact = np.array(getattr(reference, name)(*args))
        for twin in twins.of(name):
            assert_same_not_finite(np.array(twin(*args)), exact)


def check_pools(twins, arrays):
    x, dout, window = arrays
    switches = check_maxima(twins, x, window)
    for places in (switches, reference.max_pool(x, window)[1]):  # in memory, their axes may be in another order
        assert_twins_close(twins, "max_pool_backward", dout, places, x.shape, window)
    assert_twins_close(twins, "average_pool", x, window)
    assert_twins_close(twins, "average_pool_backward", dout, x, window)


def check_maxima(twins, x, window):
    out, switches = twins.max_pool(x, window)
    expected, expected_switches = reference.max_pool(x, window)
    assert_array_equal(twins.window_max(x, window), expected)
    assert_array_equal(reference.window_max(x, window), expected)
    assert (out.dtype, switches.dtype) == (x.dtype, np.int32)
    assert_array_equal(out, expected)
    assert_array_equal(switches, expected_switches)
    return switches


def check_pixels_that_are_not_finite(twins, draw, arrays):
    x, dout, window = arrays
    x = spoilt(x, draw)
    check_maxima(twins, x, window)
    check_what_is_not_finite(twins, "average_pool", (x, window))


def check_pool_gradients_that_are_not_finite(twins, draw, arrays):
    x, dout, window = arrays
    dout = spoilt(dout, draw)
    switches = reference.max_pool(x, window)[1]
    check_what_is_not_finite(twins, "max_pool_backward", (dout, switches, x.shape, window))
    check_what_is_not_finite(twins, "average_pool_backward", (dout, x, window))


def check_moments(twins, arrays, offset):
    x = arrays[0] + arrays[0].dtype.type(offset)
    mean, var = twins.channel_moments(x)
    exact_mean, exact_var = reference.channel_moments(x.astype(np.longdouble))
    precise = np.finfo(x.dtype).eps
    assert mean.dtype == var.dtype == x.dtype
    assert_allclose(mean, exact_mean, rtol=0, atol=4 * precise * (5 + offset))
    assert_allclose(var, exact_var, rtol=50 * precise, atol=4 * precise * (5 + offset))


def check_moments_of_large_arrays_far_from_zero(twins, shape):
    rng = np.random.default_rng(0)
    one_by_one = rng.normal(size=(shape[0], *[1] * (len(shape) - 1)))  # every example has a mean of its own
    x = (1e4 + rng.normal(size=shape) + one_by_one).astype(np.float32)
    mean, var = twins.channel_moments(x)
    exact_mean, exact_var = reference.channel_moments(x.astype(np.float64))
    assert_allclose(mean, exact_mean, rtol=2e-7)
    assert_allclose(var, exact_var, rtol=1e-5)


def check_sums(twins, arrays, gated):
    x, y, centre, *gate = arrays
    assert_sums_close(twins, x, y, centre, tuple(gate) if gated else None)


def check_sums_of_large_arrays(twins, shape):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, *shape)).astype(np.float32)
    gate = tuple(rng.normal(size=(2, shape[1])).astype(np.float32))
    assert_sums_close(twins, x, y, y[0].reshape(shape[1], -1)[:, 0].copy(), gate)


def check_affine(twins, arrays, least):
    x, scale, shift, centre = arrays
    expected = reference.channel_affine(x, scale, shift, centre, least)
    bound = 100 * np.finfo(x.dtype).eps
    out = twins.channel_affine(x, scale, shift, centre, least)
    assert out.dtype == x.dtype
    assert_allclose(out, expected, rtol=bound, atol=10 * bound)


def check_blend(twins, arrays, gated):
    x, y, a, b, c, centre, *gate = arrays
    gate = tuple(gate) if gated else None
    expected = reference.channel_blend(x, a, y, b, c, centre, gate)
    bound = 100 * np.finfo(x.dtype).eps
    out = twins.channel_blend(x, a, y, b, c, centre, gate)
    assert out.dtype == x.dtype
    assert_allclose(out, expected, rtol=bound, atol=10 * bound)


def check_group_norm(twins, arrays, draw):
    """The forward and the backward pass, within rounding of what the definition gives in float64."""
    x, dout, gamma, beta = arrays
    groups = draw(st.sampled_from([n for n in range(1, x.shape[1] + 1) if x.shape[1] % n == 0]))
    double = [a.astype(np.float64) for a in arrays]
    forward = twins.group_norm(x, gamma, beta, groups, 0.1)
    exact = reference.group_norm(double[0], *double[2:], groups, 0.1)
    backward = twins.group_norm_backward(dout, x, gamma, *forward[1:])
    exact_backward = reference.group_norm_backward(double[1], double[0], double[2], *exact[1:])
    bound = 1e-12 if x.dtype == np.float64 else 2e-5
    for ours, theirs in zip((*forward, *backward), (*exact, *exact_backward), strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, x.dtype)
        assert_allclose(ours, theirs, rtol=bound, atol=bound * (1 + abs(theirs).max(initial=0)))


def check_group_norm_of_large_arrays(twins, shape, groups):
    rng = np.random.default_rng(0)
    x, dout = (1e3 + rng.normal(size=shape)).astype(np.float32), rng.normal(size=shape).astype(np.float32)
    gamma, beta = rng.normal(size=(2, shape[1])).astype(np.float32)
    forward = twins.group_norm(x, gamma, beta, groups, 1e-5)
    backward = twins.group_norm_backward(dout, x, gamma, *forward[1:])
    exact = reference.group_norm(x.astype(np.float64), gamma, beta, groups, 1e-5)
    exact_backward = reference.group_norm_backward(dout.astype(np.float64), x, gamma, *exact[1:])
    for ours, theirs in zip((*forward, *backward), (*exact, *exact_backward), strict=True):
        assert_allclose(ours, theirs, rtol=2e-3, atol=2e-3 * abs(theirs).max())


def check_mirrors_and_crops(twins, draw):
    rng, dtype = np.random.default_rng(0), draw(st.sampled_from(["uint8", "float32", "float64", "int64"]))
    rows, columns, pad = draw(st.integers(2, 9)), draw(st.integers(2, 9)), draw(st.integers(0, 8))
    mode = "constant" if pad >= min(rows, columns) else draw(st.sampled_from(["constant", "reflect"]))
    x = rng.integers(0, 256, (draw(st.integers(0, 5)), draw(st.integers(1, 4)), rows, columns)).astype(dtype)
    chosen = rng.random(len(x)) < 0.5
    assert_array_equal(twins.mirror(x, chosen), reference.mirror(x, chosen))
    size = draw(st.integers(1, rows + 2 * pad)), draw(st.integers(1, columns + 2 * pad))
    top, left = (rng.integers(side + 2 * pad - cut + 1, size=len(x)) for side, cut in zip((rows, columns), size))
    cropped = twins.crop(x, top, left, size, pad, mode)
    assert cropped.dtype == x.dtype
    assert_array_equal(cropped, reference.crop(x, top, left, size, pad, mode))


def check_channels_that_are_not_finite(twins, draw, arrays, least):
    x, y, a, b, c, centre, *gate = arrays
    x, y, gate = spoilt(x, draw), spoilt(y, draw), tuple(gate)
    a = abs(a) + 1  # whatever the rounding, no infinity meets a 0
    with np.errstate(all="ignore"):
        for name, args in {
            "channel_affine": (x, a, b, centre, least),
            "channel_sums": (x, y, centre, gate),
            "channel_blend": (x, a, y, b, c, centre, gate),
        }.items():
            ours, theirs = getattr(twins, name)(*args), getattr(reference, name)(*args)
            assert_same_not_finite(np.array(ours), np.array(theirs))
        for ours, theirs in zip(twins.channel_moments(x), reference.channel_moments(x)):
            assert_array_equal(np.isfinite(ours), np.isfinite(theirs))


def check_relu(twins, draw, arrays):
    x, dout = spoilt(arrays[0], draw), spoilt(arrays[1], draw)
    before = x.copy(), dout.copy()
    assert_array_equal(twins.relu(x), reference.relu(x))
    assert_array_equal(twins.relu_backward(dout, x), reference.relu_backward(dout, x))
    assert_array_equal(twins.relu_backward(dout, twins.relu(x)), reference.relu_backward(dout, x))
    assert_array_equal(x, before[0])
    assert_array_equal(dout, before[1])


def assert_sums_close(twins, x, y, centre, gate):
    double = [a.astype(np.float64) for a in (x, y, centre)]
    gate_in_double = gate and tuple(a.astype(np.float64) for a in gate)
    exact = reference.channel_sums(*double, gate_in_double)
    apart = abs(double[1] - double[2].reshape(-1, *[1] * (x.ndim - 2)))
    summed = reference.channel_sums(abs(double[0]), apart, 0 * double[2])
    bound = 1e-10 if y.dtype == np.float64 else 1e-5
    for fast, right, total in zip(twins.channel_sums(x, y, centre, gate), exact, summed):
        assert fast.dtype == y.dtype
        assert (abs(fast - right) <= bound * total).all()
