"""Both twins of a convolution equal the reference: random geometries, all layouts, numbers that are not finite."""

import contextlib
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from nnscratch import kernels
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
    twins,
)

pytest.importorskip("numba")


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


@settings(max_examples=400)
@given(convolutions(), st.sampled_from([-np.inf, 0.0, 0.5]))
def test_convolutions_equal_the_reference(arrays, least):
    x, w, b, dout, window, groups = arrays
    assert_twins_close("conv", x, w, b, window, groups, least=least)
    assert_twins_close("conv_input_gradient", dout, w, x.shape, window, groups)
    assert_twins_close("conv_weight_gradient", dout, x, w.shape, window, groups)


@given(convolutions(), st.sampled_from([-np.inf, 0.0]), st.integers(1, 5), st.integers(1, 4), st.booleans())
def test_a_convolution_with_its_pool_equals_the_reference(arrays, least, kernel, stride, ceil):
    x, w, b, dout, window, groups = arrays
    kernel = tuple(min(kernel, size) for size in dout.shape[2:])
    pool = Window.of(kernel, stride, pad=tuple(k // 2 for k in kernel), ceil=ceil)
    assert_twins_close("conv_pooled", x, w, b, window, groups, least, pool)


@given(convolutions())
def test_columns_equal_the_reference(arrays):
    x, window = arrays.x, arrays.window
    cols = reference.im2col(x, window)
    for im2col in twins("im2col"):
        assert_array_equal(im2col(x, window), cols)
    assert_twins_close("col2im", cols[..., ::-1], x.shape, window)


@given(st.data(), convolutions(), st.sampled_from([-np.inf, 0.0]))
def test_images_that_are_not_finite(data, arrays, least):
    x, w, b, dout, window, groups = arrays
    x, dout = spoilt(x, data.draw), spoilt(dout, data.draw)
    with np.errstate(all="ignore"):
        for name, args in {
            "conv": (x, w, b, window, groups, least),
            "conv_input_gradient": (dout, w, x.shape, window, groups),
            "conv_weight_gradient": (np.nan_to_num(dout, posinf=0, neginf=0), x, w.shape, window, groups),
        }.items():
            exact = getattr(reference, name)(*args)
            for twin in twins(name):
                assert_same_not_finite(twin(*args), exact)


@given(st.data(), convolutions(padded=False))
def test_filters_and_gradients_that_are_not_finite(data, arrays):
    """Without padding: with it, the reference multiplies zeros by them, and the twins need not."""
    x, w, b, dout, window, groups = arrays
    w, dout = spoilt(w, data.draw), spoilt(dout, data.draw)
    with np.errstate(all="ignore"):
        for name, args in {
            "conv": (x, w, b, window, groups),
            "conv_input_gradient": (np.nan_to_num(dout, posinf=0, neginf=0), w, x.shape, window, groups),
            "conv_weight_gradient": (dout, x, w.shape, window, groups),
        }.items():
            exact = getattr(reference, name)(*args)
            for twin in twins(name):
                assert_same_not_finite(twin(*args), exact)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_batch_that_is_worked_on_in_several_parts(dtype):
    rng = np.random.default_rng(0)
    for C, F, N in ((3, 16, 50), (32, 5, 20), (48, 64, 9)):  # 125 000 numbers are a part
        x, w = rng.normal(size=(N, C, 20, 19)).astype(dtype), rng.normal(size=(F, C, 3, 5)).astype(dtype)
        window = Window.of((3, 5), (1, 2), (1, 2))
        dout = rng.normal(size=(N, F, *window.places(20, 19))).astype(dtype)
        assert_twins_close("conv", x, w, None, window)
        assert_twins_close("conv_input_gradient", dout, w, x.shape, window)
        assert_twins_close("conv_weight_gradient", dout, x, w.shape, window)


def test_an_empty_batch():
    x, w, window = np.zeros((0, 3, 8, 8)), np.ones((4, 3, 3, 3)), Window.of(3)
    for switch in (contextlib.nullcontext(), kernels.reference_only()):
        with switch:
            dout = kernels.conv(x, w, None, window)
            assert dout.shape == (0, 4, 6, 6)
            assert kernels.conv_input_gradient(dout, w, x.shape, window).shape == x.shape
            assert_array_equal(kernels.conv_weight_gradient(dout, x, w.shape, window), np.zeros(w.shape))


def test_pixels_as_whole_numbers_are_convolved_too():
    x, w = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4), np.ones((1, 1, 3, 3), np.float32)
    out = kernels.conv(x, w, None, Window.of(3))
    assert out.dtype == np.float32
    assert_array_equal(out, reference.conv(x, w, None, Window.of(3)))
    dw = kernels.conv_weight_gradient(out, x, w.shape, Window.of(3))
    assert dw.dtype == np.float32
    np.testing.assert_allclose(dw, reference.conv_weight_gradient(out, x, w.shape, Window.of(3)))
