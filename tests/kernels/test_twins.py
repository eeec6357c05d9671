"""The switch between twins and reference, dtypes that no twin takes, threads and forks."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from nnscratch import kernels
from nnscratch.kernels import reference
from nnscratch.kernels.pool import share
from nnscratch.shapes import Window
from tests import needs

needs.package("numba")


@pytest.fixture(autouse=True)
def twins_are_on(monkeypatch):
    """Though all tests may run with NNSCRATCH_KERNELS=reference."""
    monkeypatch.setitem(kernels._switch, "reference", False)


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which Windows has not")
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
