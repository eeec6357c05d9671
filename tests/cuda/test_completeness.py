"""No kernel is forgotten: every one in the sources is launched here, and what calls it gives what NumPy gives."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nnscratch import kernels, layers
from nnscratch.arrays import to_device
from nnscratch.kernels import cuda, reference
from nnscratch.kernels.gpu_fused import FUSED
from nnscratch.kernels.gpu_update import RULES
from nnscratch.shapes import Window
from nnscratch.training import OPTIMIZERS
from tests import needs
from tests.cuda import emulation

pytestmark = needs.compiler
SOURCES = sorted(path.stem for path in cuda.FOLDER.glob("*.cu") if path.stem != "common")


def numbers(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


WINDOW, X, W, V = Window.of(3, 2, 1), numbers(2, 4, 7, 6), numbers(5, 4, 3, 3), numbers(4)
DOUT, POOLED, KEY = numbers(2, 5, 4, 3), numbers(2, 4, 4, 3), (3, 4)
SWITCHES = reference.max_pool(X, WINDOW)[1]
CALLS = {
    "matmul": (numbers(3, 5), numbers(5, 4)),
    "conv": (X, W, numbers(5), WINDOW),
    "conv_input_gradient": (DOUT, W, X.shape, WINDOW),
    "conv_weight_gradient": (DOUT, X, W.shape, WINDOW),
    "conv_pooled": (X, W, numbers(5), WINDOW, 1, 0.0, Window.of(2)),
    "im2col": (X, WINDOW),
    "col2im": (reference.im2col(X, WINDOW), X.shape, WINDOW),
    "max_pool": (X, WINDOW),
    "window_max": (X, WINDOW),
    "max_pool_backward": (POOLED, SWITCHES, X.shape, WINDOW),
    "average_pool": (X, WINDOW),
    "average_pool_backward": (POOLED, X, WINDOW),
    "channel_window_sum": (X, 3),
    "spatial_window_sum": (X, 3),
    "scatter_rows": (numbers(5, 3), np.array([0, 2, 2, 1, 0]), 4),
    "dropout_mask": None,  # its draws are others than NumPy's: tests/cuda/test_random.py
    "softmax_loss": (numbers(5, 3), np.array([0, 2, 2, 1, 0])),
    "clear_unless_finite": None,  # tests/cuda/test_update.py
    "update_parameters": None,  # with the optimisers, below
    "channel_moments": (X,),
    "channel_sum": (X,),
    "channel_sums": (X, X[:, ::-1].copy(), V),
    "channel_affine": (X, V, V, V),
    "channel_blend": (X, V, X[:, ::-1].copy(), V, V, V),
    "group_norm": (X, V, V, 2, 0.1),
    "group_norm_backward": (X, X[:, ::-1].copy(), V, *reference.group_norm(X[:, ::-1], V, V, 2, 0.1)[1:]),
    "mirror": (X, np.array([True, False])),
    "crop": (X, np.array([0, 3]), np.array([2, 1]), (7, 6), 2, "reflect"),
    "relu": (X,),
    "relu_backward": (X, X[:, ::-1].copy()),
    "sweep": None,  # with the layers, below
    "random_uniform": (np.zeros(1, np.uint8), (3, 5), KEY),
}


def moved(tree, device):
    """Arrays in nested tuples, brought to a device."""
    if isinstance(tree, tuple) and not hasattr(tree, "_fields"):
        return tuple(moved(part, device) for part in tree)
    return to_device(tree, device) if hasattr(tree, "dtype") else tree


@pytest.fixture
def launched(monkeypatch):
    """The names of the kernels that were launched, as (source, kernel)."""
    names, real = set(), cuda._function

    def recorded(cupy, name, kernel, *options):
        names.add((name, kernel))
        return real(cupy, name, kernel, *options)

    monkeypatch.setattr(cuda, "_function", recorded)
    return names


def test_every_kernel_of_every_source_is_launched(cupy, launched):
    assert CALLS.keys() == set(kernels.KERNELS)
    for name, args in CALLS.items():
        if args is not None:
            ours = moved(getattr(kernels, name)(*moved(args, "gpu")), "cpu")
            theirs = getattr(reference, name)(*args)
            for our, their in zip(*((ours, theirs) if isinstance(theirs, tuple) else ([ours], [theirs]))):
                assert_allclose(our, their, rtol=1e-4, atol=1e-5, err_msg=name)
    with kernels.use_precision("tf32"):
        assert_allclose(
            kernels.matmul(*moved(CALLS["matmul"], "gpu")).get(), np.matmul(*CALLS["matmul"]), atol=0.01
        )
    kernels.dropout_mask(cupy.zeros(1), (9,), 0.5, KEY)
    for name in sorted({name.rpartition("_")[0] for name in FUSED}):
        _, cache = getattr(layers, f"{name}_forward")(cupy.asarray(X))
        getattr(layers, f"{name}_backward")(cupy.asarray(X), cache)
    kernels.clear_unless_finite(cupy.ones((), bool), [cupy.ones(3)])
    for rule in OPTIMIZERS.values():
        rule().step({"w": cupy.ones(3)}, {"w": cupy.ones(3)})
    written = {
        (name, kernel)
        for name in SOURCES
        for kernel in emulation.KERNEL.findall((cuda.FOLDER / f"{name}.cu").read_text())
    }
    assert launched == written
    assert {name for source, name in written if source == "update"} == RULES | {"count_steps", "look_for_finite"}
