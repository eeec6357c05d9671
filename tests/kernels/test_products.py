"""The twins of the matrix product equal the reference over shapes, strides and dtypes."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from nnscratch import kernels
from nnscratch.kernels import reference
from tests import needs
from tests.kernels.close import CPU, FLOATS, LAYOUTS, assert_same_not_finite, assert_twins_close, layouts, spoilt

needs.package("numba")
from nnscratch.kernels import cpu  # noqa: E402

sides = st.sampled_from([1, 5, 6, 7, 8, 9, 16, 31, 32, 33, 64, 65, 129]) | st.integers(1, 140)
depths = st.sampled_from([1, 2, 1023, 1024, 1025, 2049]) | st.integers(1, 140)  # a panel is 1024 deep


@pytest.fixture(autouse=True, scope="module")
def no_product_is_small():
    """Small products go to BLAS otherwise."""
    with mock.patch.object(cpu.products, "SMALL", 1, create=True):
        yield


@st.composite
def factors(draw):
    """Two matrices that fit, in any layout."""
    M, K, N, dtype = draw(sides), draw(depths), draw(sides), draw(FLOATS)
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    a, b = rng.normal(size=(M, K)).astype(dtype), rng.normal(size=(K, N)).astype(dtype)
    return LAYOUTS[draw(layouts)](a), LAYOUTS[draw(layouts)](b)


@settings(max_examples=100)
@given(factors())
def test_products_equal_the_reference(matrices):
    assert_twins_close(CPU, "matmul", *matrices)


@given(st.data(), factors())
def test_numbers_that_are_not_finite(data, matrices):
    a, b = spoilt(matrices[0], data.draw), spoilt(matrices[1], data.draw)
    with np.errstate(all="ignore"):
        exact = reference.matmul(a, b)
        for matmul in CPU.of("matmul"):
            assert_same_not_finite(matmul(a, b), exact)


@pytest.mark.parametrize("M, K, N", [(0, 3, 4), (3, 0, 4), (3, 4, 0), (0, 0, 0), (9, 0, 9)])
def test_matrices_without_numbers(M, K, N):
    product = kernels.matmul(np.ones((M, K)), np.ones((K, N)))
    assert_array_equal(product, np.zeros((M, N)))


def test_a_matrix_that_repeats_a_row_and_one_that_cannot_be_written_to():
    a = np.broadcast_to(np.arange(40.0), (50, 40))
    b = np.random.default_rng(0).normal(size=(40, 60))
    b.flags.writeable = False
    assert_twins_close(CPU, "matmul", a, b)
    assert_twins_close(CPU, "matmul", b.T, a.T)


@pytest.mark.parametrize("whole", [np.uint8, np.int32, np.int64, bool])
def test_whole_numbers_times_floats(whole):
    a, b = np.arange(6400).reshape(80, 80).astype(whole), np.ones((80, 80), np.float32)
    for pair in ((a, b), (b, a)):
        product = kernels.matmul(*pair)
        assert product.dtype == np.result_type(a, b)
        assert_array_equal(product, pair[0] @ pair[1])
