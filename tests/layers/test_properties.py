"""Over random shapes and values, layers give the right result or a ShapeError, and never anything else."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose

from nnscratch import layers as L
from nnscratch.shapes import ShapeError, match_axes, window_count

any_shape = array_shapes(min_dims=1, max_dims=5, max_side=4)
small = st.integers(1, 3)
values = st.floats(-1e3, 1e3, width=32)


def ones(shape):
    return np.ones(shape)


def result_or_shape_error(function, *args, **options):
    """Return what the function gives, or None for a ShapeError whose message says more than one line."""
    try:
        return function(*args, **options)
    except ShapeError as error:
        assert ":" in str(error)
        return None


@given(any_shape, any_shape, any_shape, small, st.integers(0, 2), small, small)
def test_conv(x, w, b, stride, pad, dilation, groups):
    for forward in (L.conv_forward, L.conv_transpose_forward):
        result = result_or_shape_error(forward, ones(x), ones(w), ones(b), stride, pad, dilation, groups)
        if result is not None:
            assert result[0].shape[0] == x[0] and result[0].ndim == 4


@given(any_shape, any_shape, any_shape)
def test_layers_with_weights(x, w, b):
    for forward in (
        L.affine_forward,
        L.maxout_forward,
        L.local_conv_forward,
        L.batch_norm_forward,
        L.layer_norm_forward,
    ):
        result = result_or_shape_error(forward, ones(x), ones(w), ones(b))
        if result is not None:
            assert len(result[0]) == x[0]


@given(any_shape, st.integers(1, 4), small, st.integers(0, 3), st.booleans())
def test_pools(x, kernel, stride, pad, ceil):
    for forward in (L.max_pool_forward, L.average_pool_forward):
        result = result_or_shape_error(forward, ones(x), kernel, stride, pad, ceil)
        if result is not None:
            assert_allclose(result[0], 1)


@given(any_shape, st.integers(1, 4))
def test_layers_without_weights(x, number):
    result_or_shape_error(L.lrn_forward, ones(x), number)
    result_or_shape_error(L.group_norm_forward, ones(x), ones(x[1:2]), ones(x[1:2]), number)
    result_or_shape_error(L.global_average_pool_forward, ones(x))
    result_or_shape_error(L.prelu_forward, ones(x), ones(x[1:2]))
    result_or_shape_error(L.dropout_forward, ones(x), 0.5, (1,), True, True)
    assert L.flatten_forward(ones(x))[0].shape[0] == x[0]


@given(any_shape, any_shape)
def test_losses(x, y):
    for loss in (L.softmax_loss, L.svm_loss, L.logistic_loss, L.binary_svm_loss):
        result_or_shape_error(loss, ones(x), np.zeros(y, int))
    for loss in (L.l2_loss, L.l1_loss, L.smooth_l1_loss):
        result = result_or_shape_error(loss, ones(x), ones(y))
        assert (result is None) == (x != y)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 3), small, st.integers(0, 2), small)
def test_convolution_equals_its_loops_at_every_geometry(H, W, K, stride, pad, dilation):
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(2, 2, H, W)), rng.normal(size=(3, 2, K, K)), rng.normal(size=3)
    result = result_or_shape_error(L.conv_forward, x, w, b, stride, pad, dilation)
    if result is not None:
        expected, naive_cache = L.conv_naive_forward(x, w, b, stride, pad, dilation)
        assert_allclose(result[0], expected, atol=1e-10)
        dout = rng.normal(size=expected.shape)
        for ours, theirs in zip(L.conv_backward(dout, result[1]), L.conv_naive_backward(dout, naive_cache)):
            assert_allclose(ours, theirs, atol=1e-10)


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=values))
def test_probabilities_sum_to_one_whatever_the_scores(x):
    assert_allclose(L.softmax(x).sum(axis=1), 1, rtol=1e-5)
    loss, dx = L.softmax_loss(x, np.zeros(len(x), int))
    assert loss >= 0 and np.isfinite(dx).all()
    assert_allclose(dx.sum(axis=1), 0, atol=1e-6)


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=4, max_side=5), elements=values))
def test_activations_stay_finite_in_float32(x):
    for pair in ("relu", "leaky_relu", "elu", "gelu", "sigmoid", "tanh", "softplus"):
        out, cache = getattr(L, f"{pair}_forward")(x)
        dx = getattr(L, f"{pair}_backward")(np.ones_like(x), cache)
        assert out.dtype == dx.dtype == np.float32
        assert np.isfinite(out).all() and np.isfinite(dx).all()


@given(st.integers(1, 30), st.integers(1, 7), small, st.integers(0, 3), small, st.booleans())
def test_windows_cover_the_image_and_start_inside(size, kernel, stride, pad, dilation, ceil):
    try:
        count = window_count(size, kernel, stride, pad, dilation, ceil)
    except ShapeError:
        return
    reach = dilation * (kernel - 1) + 1
    last = (count - 1) * stride - pad
    assert count >= 1
    if ceil and pad < kernel:
        assert last < size
        assert last + reach >= size + pad or last + stride >= size
    elif not ceil:
        assert last + reach <= size + pad < last + stride + reach


@given(any_shape, any_shape)
def test_match_axes_agrees_with_the_shapes(x, w):
    try:
        sizes = match_axes("test", x=(ones(x), "N ... D"), w=(ones(w), "D M"))
    except ShapeError as error:
        assert len(x) < 2 or len(w) != 2 or x[-1] != w[0]
        assert str(x) in str(error) and str(w) in str(error)
    else:
        assert sizes == [x[0], x[-1], w[1]]
