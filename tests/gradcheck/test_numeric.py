"""Central differences give the derivatives that calculus gives, and leave x as it was."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from nnscratch.gradcheck import NumericError, numerical_gradient
from nnscratch.gradcheck.numeric import slope


@pytest.mark.parametrize(
    ("f", "derivative"),
    [(np.square, lambda x: 2 * x), (np.sin, np.cos), (np.exp, np.exp), (np.tanh, lambda x: 1 - np.tanh(x) ** 2)],
)
def test_elementwise_functions_have_the_derivatives_of_calculus(f, derivative):
    x = np.linspace(-2, 2, 12).reshape(3, 4)
    df = np.cos(np.arange(12.0)).reshape(3, 4)
    assert np.allclose(numerical_gradient(f, x, df), df * derivative(x), rtol=0, atol=1e-8)


def test_the_gradient_of_a_quadratic_form_is_the_matrix_times_x():
    draws = np.random.default_rng(0)
    a, x = draws.standard_normal((4, 4)), draws.standard_normal(4)
    assert np.allclose(numerical_gradient(lambda x: x @ a @ x, x), (a + a.T) @ x, atol=1e-8)


@given(arrays(np.float64, array_shapes(max_dims=3, max_side=3), elements=st.floats(-1e6, 1e6)))
def test_x_is_restored_bit_for_bit(x):
    before = x.copy()
    gradient = numerical_gradient(np.square, x)
    assert np.array_equal(x, before)
    assert gradient.shape == x.shape


def test_x_is_restored_when_f_raises():
    x = np.zeros(3)
    calls = []

    def f(x):
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("third call")
        return x

    with pytest.raises(RuntimeError):
        numerical_gradient(f, x)
    assert np.array_equal(x, np.zeros(3))


def test_f_may_return_x_itself_or_a_view_of_it():
    x = np.ones((2, 3))
    assert np.allclose(numerical_gradient(lambda x: x, x), 1)
    assert np.allclose(numerical_gradient(lambda x: x.reshape(-1), x, df=np.arange(6.0)).ravel(), np.arange(6))


def test_strided_and_zero_dimensional_x():
    base = np.arange(12.0).reshape(3, 4)
    assert np.allclose(numerical_gradient(np.square, base.T[::2]), 2 * base.T[::2], atol=1e-6)
    assert np.isclose(numerical_gradient(np.square, np.array(3.0)), 6)


def test_a_sample_gives_values_and_their_indexes():
    x = np.linspace(-1, 1, 30).reshape(5, 6)
    values, indexes = numerical_gradient(np.square, x, sample=7, rng=3)
    assert values.shape == (7,)
    assert len({tuple(place) for place in zip(*indexes)}) == 7
    assert np.allclose(values, 2 * x[indexes], atol=1e-9)
    values, indexes = numerical_gradient(np.square, x, sample=100)
    assert np.allclose(values.reshape(x.shape), 2 * x, atol=1e-9)


def test_other_precisions_and_wrong_upstream_shapes_are_refused_with_the_remedy():
    with pytest.raises(NumericError, match="float32.*astype"):
        numerical_gradient(np.square, np.ones(3, np.float32))
    with pytest.raises(NumericError, match=r"\(2,\).*\(3,\)"):
        numerical_gradient(np.square, np.ones(3), df=np.ones(2))


def test_one_sided_differences_are_judged_one_output_at_a_time():
    x = np.zeros(1)
    df = np.array([1.0, -1.0])
    kink = slope(lambda x: np.abs(np.repeat(x, 2)), x, (0,), df, 2.0**-20)
    assert (kink.value, kink.low, kink.high) == (0.0, -2.0, 2.0)
