"""The twins of the pools equal the reference at random geometries, with ties, and for what is not finite."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch import kernels
from nnscratch.kernels import reference
from nnscratch.shapes import ShapeError, Window
from tests.kernels.close import (
    COUNTS,
    FLOATS,
    LAYOUTS,
    assert_same_not_finite,
    assert_twins_close,
    layouts,
    spoilt,
)

pytest.importorskip("numba")
from nnscratch.kernels import cpu  # noqa: E402


@st.composite
def axes(draw, padded=True):
    """Size, kernel, stride and pad along one axis; pools pad by less than the kernel."""
    kernel, stride = draw(st.integers(1, 5)), draw(st.integers(1, 7))
    pad = draw(st.integers(0, kernel - 1)) if padded else 0
    return max(1, kernel - 2 * pad) + draw(st.integers(0, 8)), kernel, stride, pad


@st.composite
def pools(draw, padded=True):
    """(x, dout, window): whole numbers in x make many ties."""
    (H, *down), (W, *across) = draw(axes(padded)), draw(axes(padded))
    window = Window.of(*zip(down, across), ceil=draw(st.booleans()))
    dtype, rng = draw(FLOATS), np.random.default_rng(draw(st.integers(0, 9)))
    N, C = draw(st.integers(1, 9)), draw(COUNTS)
    x = rng.integers(-3, 3, size=(N, C, H, W)).astype(dtype)
    dout = rng.normal(size=(N, C, *window.places(H, W))).astype(dtype)
    return LAYOUTS[draw(layouts)](x), LAYOUTS[draw(layouts)](dout), window


@settings(max_examples=400)
@given(pools())
def test_pools_equal_the_reference(arrays):
    x, dout, window = arrays
    out, switches = cpu.max_pool(x, window)
    expected, expected_switches = reference.max_pool(x, window)
    assert_array_equal(cpu.window_max(x, window), expected)
    assert_array_equal(reference.window_max(x, window), expected)
    assert (out.dtype, switches.dtype) == (x.dtype, np.int32)
    assert_array_equal(out, expected)
    assert_array_equal(switches, expected_switches)
    for places in (switches, expected_switches):  # images lie channels last in one, first in the other
        assert_twins_close("max_pool_backward", dout, places, x.shape)
    assert_twins_close("average_pool", x, window)
    assert_twins_close("average_pool_backward", dout, x, window)


@given(st.data(), pools(padded=False))
def test_pixels_that_are_not_finite(data, arrays):
    x, dout, window = arrays
    x = spoilt(x, data.draw)
    out, switches = cpu.max_pool(x, window)
    expected, expected_switches = reference.max_pool(x, window)
    assert_array_equal(cpu.window_max(x, window), expected)
    assert_array_equal(reference.window_max(x, window), expected)
    assert_array_equal(out, expected)
    assert_array_equal(switches, expected_switches)
    with np.errstate(invalid="ignore"):
        assert_same_not_finite(cpu.average_pool(x, window), reference.average_pool(x, window))


@given(st.data(), pools())
def test_gradients_that_are_not_finite(data, arrays):
    x, dout, window = arrays
    dout = spoilt(dout, data.draw)
    switches = reference.max_pool(x, window)[1]
    with np.errstate(invalid="ignore"):
        for name, args in {
            "max_pool_backward": (dout, switches, x.shape),
            "average_pool_backward": (dout, x, window),
        }.items():
            assert_same_not_finite(getattr(cpu, name)(*args), getattr(reference, name)(*args))


def test_the_first_not_a_number_of_a_window_wins():
    x = np.zeros((1, 1, 2, 4), np.float32)
    x[0, 0, 1, :2] = np.nan
    for pool in (kernels.max_pool, reference.max_pool):
        out, switches = pool(x, Window.of(2, 2))
        assert np.isnan(out[0, 0, 0, 0]) and out[0, 0, 0, 1] == 0
        assert switches[0, 0, 0].tolist() == [4, 2]


def test_windows_with_gaps_are_left_to_the_reference():
    x, window = np.random.default_rng(0).normal(size=(2, 3, 7, 6)), Window.of(2, 1, 0, dilation=(2, 3))
    for ours, theirs in zip(kernels.max_pool(x, window), reference.max_pool(x, window)):
        assert_array_equal(ours, theirs)
    out = kernels.average_pool(x, window)
    assert_allclose(out, reference.average_pool(x, window))
    assert_allclose(kernels.average_pool_backward(out, x, window), reference.average_pool_backward(out, x, window))


def test_an_empty_batch():
    x, window = np.zeros((0, 3, 4, 4)), Window.of(2, 2)
    for switch in (contextlib.nullcontext(), kernels.reference_only()):
        with switch:
            out, switches = kernels.max_pool(x, window)
            assert out.shape == switches.shape == kernels.average_pool(x, window).shape == (0, 3, 2, 2)
            assert kernels.max_pool_backward(out, switches, x.shape).shape == x.shape
            assert kernels.average_pool_backward(out, x, window).shape == x.shape


def test_a_window_that_does_not_fit_is_refused():
    for pool in (kernels.max_pool, kernels.average_pool):
        with pytest.raises(ShapeError, match="does not fit"):
            pool(np.zeros((1, 1, 2, 2)), Window.of(3))
