"""Every kernel in CUDA C gives what its reference gives: on the emulation, and on a card where there is one."""

import contextlib
import functools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch import kernels
from nnscratch.kernels import reference
from nnscratch.shapes import ShapeError, Window
from tests import needs
from tests.cuda import emulation
from tests.kernels import checks
from tests.kernels.close import BOUND, FLOATS, LAYOUTS, assert_twins_close

pytestmark = needs.compiler
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
backwards = st.booleans()


class OnDevice:
    """The GPU's twins by name, as functions from NumPy arrays to NumPy arrays."""

    def __init__(self, cupy):
        self.cupy = cupy

    def of(self, name):
        twin = kernels.twin_of(name, "cupy")
        return [functools.partial(self._call, twin)]

    def __getattr__(self, name):
        return self.of(name)[0]

    def _call(self, twin, *args, **options):
        return self._moved(twin(*self._moved(args, np.ndarray, self.cupy.asarray), **options))

    def _moved(self, tree, kind=None, move=None):
        kind, move = kind or self.cupy.ndarray, move or self.cupy.asnumpy
        if isinstance(tree, tuple) and not hasattr(tree, "_fields"):
            return tuple(self._moved(part, kind, move) for part in tree)
        return move(tree) if isinstance(tree, kind) else tree


@pytest.fixture
def device(cupy):
    return OnDevice(cupy)


def order(reverse):
    """Threads and blocks from last to first, or from first to last; a card has its own order."""
    return emulation.from_the_end() if reverse else contextlib.nullcontext()


def test_the_kernels_are_the_gpu_s_own(cupy):
    ours = {name for name in kernels.KERNELS if kernels.twin_of(name, "cupy") is not getattr(reference, name)}
    assert {"conv", "max_pool", "channel_moments", "dropout_mask", "update_parameters", "softmax_loss"} <= ours
    assert kernels.twin_of("conv", "cupy", "int64") is reference.conv


@few
@given(checks.convolutions(), checks.LEAST, backwards)
def test_convolutions(device, arrays, least, reverse):
    with order(reverse):
        checks.check_convolutions(device, arrays, least)


@few
@given(st.data(), checks.convolutions(), checks.LEAST)
def test_images_that_are_not_finite(device, data, arrays, least):
    checks.check_images_that_are_not_finite(device, data.draw, arrays, least)


@few
@given(st.data(), checks.convolutions(padded=False))
def test_filters_and_gradients_that_are_not_finite(device, data, arrays):
    x, w, b, dout, window, groups = arrays
    w, dout, finite = checks.spoilt(w, data.draw), checks.spoilt(dout, data.draw), np.nan_to_num(dout)
    checks.check_what_is_not_finite(device, "conv", (x, w, b, window, groups))
    checks.check_what_is_not_finite(device, "conv_weight_gradient", (dout, x, w.shape, window, groups))
    with np.errstate(all="ignore"):
        exact = reference.conv_input_gradient(finite, w, x.shape, window, groups)
    dx = device.conv_input_gradient(finite, w, x.shape, window, groups)
    assert not np.isfinite(dx[~np.isfinite(exact)]).any()  # beyond the border, zeros meet the filters too


@pytest.mark.parametrize("name", ["tf32", "bf16"])
@pytest.mark.parametrize("F", [30, 70])
def test_a_rounded_convolution_is_that_of_rounded_factors(device, name, F):
    rng, window = np.random.default_rng(0), Window.of(3, 1, 1)
    x, w = rng.normal(size=(2, 5, 9, 8)).astype(np.float32), rng.normal(size=(F, 5, 3, 3)).astype(np.float32)
    dout = rng.normal(size=(2, F, 9, 8)).astype(np.float32)
    short_x, short_w, short_dout = (rounded(a, name) for a in (x, w, dout))
    with kernels.use_precision(name):
        out = device.conv(x, w, None, window)
        dx, dw = (
            device.conv_input_gradient(dout, w, x.shape, window),
            device.conv_weight_gradient(dout, x, w.shape, window),
        )
        product = device.matmul(x.reshape(10, 72), x.reshape(10, 72).T)
        exact = device.conv(x.astype(np.float64), w.astype(np.float64), None, window)
    assert_allclose(out, reference.conv(short_x, short_w, None, window), atol=1e-4)
    assert_allclose(dx, reference.conv_input_gradient(short_dout, short_w, x.shape, window), atol=1e-4)
    assert_allclose(dw, reference.conv_weight_gradient(short_dout, short_x, w.shape, window), atol=1e-4)
    assert_allclose(product, short_x.reshape(10, 72) @ short_x.reshape(10, 72).T, atol=1e-4)
    assert abs(out - reference.conv(x, w, None, window)).max() > 1e-3  # it was rounded
    assert_allclose(exact, reference.conv(x.astype(np.float64), w.astype(np.float64), None, window), atol=1e-12)


def rounded(x, name):
    """The nearest number with 10 (tf32) or 7 (bf16) bits after the first; halves go away from 0, or to even."""
    mantissa, exponent = np.frexp(x.astype(np.float64))
    bits, nearest = {"tf32": (11, lambda a: np.trunc(a + np.copysign(0.5, a))), "bf16": (8, np.rint)}[name]
    return np.ldexp(nearest(np.ldexp(mantissa, bits)), exponent - bits).astype(np.float32)


@few
@given(st.integers(1, 200), st.integers(1, 600), st.integers(1, 100), st.booleans(), st.booleans(), backwards)
def test_products_of_rounded_matrices_in_any_layout(device, M, K, N, a_turned, b_turned, reverse):
    rng = np.random.default_rng(0)
    a, b = (rounded(rng.normal(size=size).astype(np.float32), "tf32") for size in ((M, K), (K, N)))
    with kernels.use_precision("tf32"), order(reverse):
        there = (
            device.cupy.asarray(a.T.copy() if a_turned else a),
            device.cupy.asarray(b.T.copy() if b_turned else b),
        )
        out = kernels.matmul(there[0].T if a_turned else there[0], there[1].T if b_turned else there[1]).get()
    assert (abs(out - a.astype(np.float64) @ b) <= BOUND["float32"] * (abs(a) @ abs(b))).all()


def test_precision_is_named_rightly_and_is_for_the_gpu():
    with pytest.raises(kernels.PrecisionError, match="choose float32, tf32, bf16"), kernels.use_precision("fp8"):
        pass
    with kernels.use_precision("bf16"), pytest.raises(kernels.PrecisionError, match=r'model.to\("gpu"\)'):
        kernels.matmul(np.ones((2, 2)), np.ones((2, 2)))
    assert kernels.precision() == "float32"


def test_pixels_as_whole_numbers_and_an_empty_batch(device):
    x, w = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4), np.ones((1, 1, 3, 3), np.float32)
    assert_array_equal(device.conv(x, w, None, Window.of(3)), reference.conv(x, w, None, Window.of(3)))
    x, w, window = np.zeros((0, 3, 8, 8)), np.ones((4, 3, 3, 3)), Window.of(3)
    dout = device.conv(x, w, None, window)
    assert dout.shape == (0, 4, 6, 6) and device.conv_input_gradient(dout, w, x.shape, window).shape == x.shape
    assert_array_equal(device.conv_weight_gradient(dout, x, w.shape, window), np.zeros(w.shape))
    assert device.max_pool(x, window)[0].shape == (0, 3, 6, 6)
    assert_array_equal(device.channel_sum(x), np.zeros(3))


@few
@given(checks.pools(), backwards)
def test_pools(device, arrays, reverse):
    with order(reverse):
        checks.check_pools(device, arrays)


@few
@given(st.data(), checks.pools(padded=False))
def test_pixels_that_are_not_finite(device, data, arrays):
    checks.check_pixels_that_are_not_finite(device, data.draw, arrays)


@few
@given(st.data(), checks.pools())
def test_pool_gradients_that_are_not_finite(device, data, arrays):
    checks.check_pool_gradients_that_are_not_finite(device, data.draw, arrays)


@few
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(0, 9))
def test_pools_whose_windows_have_gaps(device, kernel, stride, gap, more):
    x = np.random.default_rng(more).normal(size=(2, 3, gap * (kernel - 1) + 1 + more, 9))
    window = Window.of(kernel, stride, kernel - 1, dilation=gap)
    dout = np.random.default_rng(1).normal(size=(2, 3, *window.places(*x.shape[2:])))
    held = np.isfinite(reference.window_max(x, window))  # a window with gaps may hold no pixel at all
    assert_allclose(device.window_max(x, window)[held], reference.window_max(x, window)[held])
    if held.all():
        checks.check_pools(device, (x, dout, window))


@few
@given(checks.channels(), st.sampled_from([1, 3, 5, 9]), FLOATS)
def test_sums_over_neighbours(device, arrays, size, dtype):
    assert_twins_close(device, "channel_window_sum", arrays[0], size)
    assert_twins_close(device, "spatial_window_sum", np.ones((2, 2, 7, len(arrays[0])), dtype), size)
    with pytest.raises(ShapeError, match="odd size"):
        device.channel_window_sum(arrays[0], 4)


@few
@given(checks.channels(), st.sampled_from([0, 100.0, 1e4]), backwards)
def test_moments(device, arrays, offset, reverse):
    with order(reverse):
        checks.check_moments(device, arrays, offset)


@pytest.mark.parametrize("shape", [(64, 5, 16, 17), (3, 5000), (2, 4097, 3), (1, 1, 300, 301), (20000, 2)])
def test_large_arrays(device, shape):
    checks.check_moments_of_large_arrays_far_from_zero(device, shape)
    checks.check_sums_of_large_arrays(device, shape)


@few
@given(checks.channels(count=2, vectors=6), st.booleans(), checks.LEAST, backwards)
def test_sweeps_over_channels(device, arrays, gated, least, reverse):
    x, y, *vectors = arrays
    with order(reverse):
        checks.check_sums(device, [x, y, *vectors[:3]], gated)
        checks.check_affine(device, [x, *vectors[:3]], least)
        checks.check_blend(device, arrays, gated)
        assert_twins_close(device, "channel_sum", x)


@few
@given(st.data(), checks.channels(count=2, vectors=2), backwards)
def test_group_norm(device, data, arrays, reverse):
    with order(reverse):
        checks.check_group_norm(device, arrays, data.draw)


@pytest.mark.parametrize(("shape", "groups"), [((8, 8, 40, 41), 2), ((300, 512), 1), ((2, 6, 9001), 3)])
def test_group_norm_of_large_arrays(device, shape, groups):
    checks.check_group_norm_of_large_arrays(device, shape, groups)


@few
@given(st.data(), checks.channels(count=2, vectors=6), checks.LEAST)
def test_channels_that_are_not_finite(device, data, arrays, least):
    checks.check_channels_that_are_not_finite(device, data.draw, arrays, least)


@few
@given(st.data(), backwards)
def test_mirrors_and_crops(device, data, reverse):
    with order(reverse):
        checks.check_mirrors_and_crops(device, data.draw)


@few
@given(st.data(), checks.channels(count=2))
def test_relu_and_its_backward_pass(device, data, arrays):
    checks.check_relu(device, data.draw, arrays)


@few
@given(st.integers(0, 40), st.integers(1, 300), st.integers(1, 9), FLOATS, st.sampled_from(sorted(LAYOUTS)))
def test_look_ups(device, N, D, V, dtype, layout):
    rows = LAYOUTS[layout](np.random.default_rng(0).normal(size=(N, D)).astype(dtype))
    for indexes in (np.random.default_rng(1).integers(V, size=N), np.zeros(N, np.int32)):
        assert_twins_close(device, "scatter_rows", rows, indexes, V)


@few
@given(st.integers(1, 9), st.integers(1, 600), st.sampled_from([0.0, 0.1]), FLOATS, backwards)
def test_the_softmax_loss(device, N, C, smoothing, dtype, reverse):
    x, y = (
        np.random.default_rng(0).normal(0, 30, (N, C)).astype(dtype),
        np.random.default_rng(1).integers(C, size=N),
    )
    with order(reverse):
        loss, dx = device.softmax_loss(x, y, smoothing)
    exact_loss, exact_dx = reference.softmax_loss(x.astype(np.float64), y, smoothing)
    assert loss.dtype == dx.dtype == dtype and loss.shape == ()
    assert_allclose(loss, exact_loss, rtol=10 * BOUND[dtype], atol=BOUND[dtype])
    assert_allclose(dx, exact_dx, atol=BOUND[dtype])


def test_a_label_that_is_no_class_makes_the_loss_no_number(device):
    for label in (-1, 3):
        loss, dx = device.softmax_loss(np.zeros((2, 3), np.float32), np.array([0, label]))
        assert np.isnan(loss) and np.isnan(dx[1]).all() and np.isfinite(dx[0]).all()
    loss, _ = device.softmax_loss(np.array([[0, np.nan, 0]]), np.array([0]))
    assert np.isnan(loss)
