"""Both twins of a convolution equal the reference: random geometries, all layouts, numbers that are not finite."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from nnscratch import kernels
from nnscratch.kernels import reference
from nnscratch.shapes import Window
from tests import needs
from tests.kernels.checks import (
    check_convolutions,
    check_filters_and_gradients_that_are_not_finite,
    check_images_that_are_not_finite,
    convolutions,
)
from tests.kernels.close import CPU, assert_twins_close

needs.package("numba")


@settings(max_examples=400)
@given(convolutions(), st.sampled_from([-np.inf, 0.0, 0.5]))
def test_convolutions_equal_the_reference(arrays, least):
    check_convolutions(CPU, arrays, least)


@given(convolutions(), st.sampled_from([-np.inf, 0.0]), st.integers(1, 5), st.integers(1, 4), st.booleans())
def test_a_convolution_with_its_pool_equals_the_reference(arrays, least, kernel, stride, ceil):
    x, w, b, dout, window, groups = arrays
    kernel = tuple(min(kernel, size) for size in dout.shape[2:])
    pool = Window.of(kernel, stride, pad=tuple(k // 2 for k in kernel), ceil=ceil)
    assert_twins_close(CPU, "conv_pooled", x, w, b, window, groups, least, pool)


@given(convolutions())
def test_columns_equal_the_reference(arrays):
    x, window = arrays.x, arrays.window
    cols = reference.im2col(x, window)
    for im2col in CPU.of("im2col"):
        assert_array_equal(im2col(x, window), cols)
    assert_twins_close(CPU, "col2im", cols[..., ::-1], x.shape, window)


@given(st.data(), convolutions(), st.sampled_from([-np.inf, 0.0]))
def test_images_that_are_not_finite(data, arrays, least):
    check_images_that_are_not_finite(CPU, data.draw, arrays, least)


@given(st.data(), convolutions(padded=False))
def test_filters_and_gradients_that_are_not_finite(data, arrays):
    check_filters_and_gradients_that_are_not_finite(CPU, data.draw, arrays)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_batch_that_is_worked_on_in_several_parts(dtype):
    rng = np.random.default_rng(0)
    for C, F, N in ((3, 16, 50), (32, 5, 20), (48, 64, 9)):  # 125 000 numbers are a part
        x, w = rng.normal(size=(N, C, 20, 19)).astype(dtype), rng.normal(size=(F, C, 3, 5)).astype(dtype)
        window = Window.of((3, 5), (1, 2), (1, 2))
        dout = rng.normal(size=(N, F, *window.places(20, 19))).astype(dtype)
        assert_twins_close(CPU, "conv", x, w, None, window)
        assert_twins_close(CPU, "conv_input_gradient", dout, w, x.shape, window)
        assert_twins_close(CPU, "conv_weight_gradient", dout, x, w.shape, window)


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
