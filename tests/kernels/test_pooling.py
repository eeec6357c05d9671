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
from tests import needs
from tests.kernels.checks import (
    check_pixels_that_are_not_finite,
    check_pool_gradients_that_are_not_finite,
    check_pools,
    pools,
)
from tests.kernels.close import CPU

needs.package("numba")


@settings(max_examples=400)
@given(pools())
def test_pools_equal_the_reference(arrays):
    check_pools(CPU, arrays)


@given(st.data(), pools(padded=False))
def test_pixels_that_are_not_finite(data, arrays):
    check_pixels_that_are_not_finite(CPU, data.draw, arrays)


@given(st.data(), pools())
def test_gradients_that_are_not_finite(data, arrays):
    check_pool_gradients_that_are_not_finite(CPU, data.draw, arrays)


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
