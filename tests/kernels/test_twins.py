"""Every kernel twin equals its reference, over random geometries; and the switch between them works."""

import importlib
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch import kernels
from nnscratch.kernels import reference
from nnscratch.kernels.pool import share
from nnscratch.shapes import ShapeError, Window

pytest.importorskip("numba")
pair = st.tuples(st.integers(1, 4), st.integers(1, 4))
pads = st.tuples(st.integers(0, 2), st.integers(0, 2))
sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))


def fits(window, size):
    try:
        return window.places(*size)
    except ShapeError:
        return None


@given(pair, pair, pads, pair, sizes, st.sampled_from([1, 2, 4]), st.sampled_from(["float32", "float64"]))
def test_convolutions(kernel, stride, pad, dilation, size, groups, dtype):
    window = Window.of(kernel, stride, pad, dilation)
    places = fits(window, size)
    assume(places is not None)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 4, *size)).astype(dtype)
    w = rng.normal(size=(4, 4 // groups, *kernel)).astype(dtype)
    dout = rng.normal(size=(3, 4, *places)).astype(dtype)
    cols = rng.normal(size=(3, 4 * kernel[0] * kernel[1], places[0] * places[1])).astype(dtype)
    tolerance = {"rtol": 1e-10, "atol": 1e-10} if dtype == "float64" else {"rtol": 1e-4, "atol": 1e-4}
    for name, args in {
        "im2col": (x, window),
        "col2im": (cols, x.shape, window),
        "conv": (x, w, w[:, 0, 0, 0], window, groups),
        "conv_input_gradient": (dout, w, x.shape, window, groups),
        "conv_weight_gradient": (dout, x, w.shape, window, groups),
    }.items():
        expected = getattr(reference, name)(*args)
        for twins in (importlib.import_module(f"nnscratch.kernels.{module}") for module in ("cpu", "columns")):
            fast = getattr(twins, name)(*args)
            assert fast.dtype == dtype
            assert_allclose(fast, expected, **tolerance, err_msg=f"{twins.__name__}.{name}")


@given(pair, pair, pads, sizes, st.booleans(), st.sampled_from(["float32", "float64"]))
def test_pools(kernel, stride, pad, size, ceil, dtype):
    assume(pad[0] < kernel[0] and pad[1] < kernel[1])
    window = Window.of(kernel, stride, pad, ceil=ceil)
    places = fits(window, size)
    assume(places is not None)
    rng = np.random.default_rng(0)
    x = rng.integers(-3, 3, size=(2, 3, *size)).astype(dtype)  # whole numbers make many ties
    dout = rng.normal(size=(2, 3, *places)).astype(dtype)
    out, switches = kernels.max_pool(x, window)
    expected, places_won = reference.max_pool(x, window)
    assert_array_equal(out, expected)
    assert_array_equal(switches, places_won)
    for name, args in {
        "max_pool_backward": (dout, switches, x.shape),
        "average_pool": (x, window),
        "average_pool_backward": (dout, x, window),
    }.items():
        assert_allclose(
            getattr(kernels, name)(*args), getattr(reference, name)(*args), rtol=1e-4, atol=1e-5, err_msg=name
        )


def test_a_not_a_number_goes_through_the_max_pool():
    x = np.zeros((1, 1, 2, 4), np.float32)
    x[0, 0, 1, 1] = np.nan
    for pool in (kernels.max_pool, reference.max_pool):
        out, _ = pool(x, Window.of(2, 2))
        assert np.isnan(out[0, 0, 0, 0]) and out[0, 0, 0, 1] == 0


def test_reference_only_turns_the_twins_off_and_on_again():
    assert kernels.twin_of("conv", "numpy") is not reference.conv
    with kernels.reference_only():
        assert kernels.twin_of("conv", "numpy") is reference.conv
    assert kernels.twin_of("conv", "numpy") is not reference.conv


@pytest.mark.parametrize("blocked", ["numba", None])
def test_without_numba_or_by_the_environment_the_reference_serves(blocked):
    code = (
        f"import sys; sys.modules[{blocked!r}] = None\n" * bool(blocked)
        + "import numpy as np\nfrom nnscratch import kernels, layers\n"
        + "print(kernels.twin_of('conv', 'numpy').__module__, "
        + "layers.Conv(3, 4, rng=0).forward(np.ones((2, 3, 5, 5), np.float32))[0].shape)"
    )
    environment = {**os.environ, "NNSCRATCH_KERNELS": "" if blocked else "reference"}
    printed = subprocess.check_output([sys.executable, "-c", code], text=True, env=environment)
    assert printed.strip() == "nnscratch.kernels.reference (2, 4, 3, 3)"


def test_kernels_may_be_called_from_several_threads_at_once():
    x, window, results = np.random.default_rng(0).normal(size=(16, 4, 8, 8)), Window.of(3), []
    workers = [threading.Thread(target=lambda: results.append(kernels.im2col(x, window))) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert len(results) == 8
    for result in results:
        assert_array_equal(result, reference.im2col(x, window))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_kernels_work_in_a_forked_child():
    x, window = np.ones((8, 2, 6, 6)), Window.of(3)
    kernels.im2col(x, window)
    child = os.fork()
    if child == 0:
        right = np.array_equal(kernels.im2col(x, window), reference.im2col(x, window))
        os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_threads_follow_the_environment():
    code = "from nnscratch.kernels.pool import threads; print(threads())"
    environment = {**os.environ, "NNSCRATCH_THREADS": "3"}
    assert subprocess.check_output([sys.executable, "-c", code], text=True, env=environment).strip() == "3"
    environment["NNSCRATCH_THREADS"] = "many"
    failed = subprocess.run([sys.executable, "-c", code], text=True, env=environment, capture_output=True)
    assert "set it to a whole number" in failed.stderr


def test_mixed_dtypes_give_the_wider_one():
    x, w = np.ones((1, 1, 4, 4), np.float32), np.full((1, 1, 3, 3), 1 / 3)
    out = kernels.conv(x, w, None, Window.of(3))
    assert out.dtype == np.float64
    assert_array_equal(out, reference.conv(x, w, None, Window.of(3)))
    assert kernels.channel_affine(x, np.ones(1), np.ones(1), np.ones(1)).dtype == np.float64


def test_other_byte_orders_are_left_to_the_reference():
    x = np.arange(16.0, dtype=">f4").reshape(1, 1, 4, 4)
    assert_array_equal(kernels.max_pool(x, Window.of(2, 2))[0][0, 0], [[5, 7], [13, 15]])


def test_a_kernel_inside_a_kernel_does_not_wait_for_itself():
    x, window = np.ones((4, 1, 4, 4)), Window.of(3)
    inner = share(lambda start, stop: kernels.im2col(x[start:stop], window).sum(), 4)
    assert sum(inner) == kernels.im2col(x, window).sum()


def test_pixels_as_whole_numbers_are_convolved_too():
    x, w = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4), np.ones((1, 1, 3, 3), np.float32)
    out = kernels.conv(x, w, None, Window.of(3))
    assert_array_equal(out, reference.conv(x, w, None, Window.of(3)))
    dw = kernels.conv_weight_gradient(out, x, w.shape, Window.of(3))
    assert_allclose(dw, reference.conv_weight_gradient(out, x, w.shape, Window.of(3)))
