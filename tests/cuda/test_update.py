"""One launch moves all parameters as the optimisers move them one by one, and the rate may lie on the GPU."""

import numpy as np
import pytest

from nnscratch import kernels
from nnscratch.training import OPTIMIZERS
from nnscratch.training.optimizers import SGD
from tests import needs
from tests.strict.device import DEVICE

pytestmark = needs.compiler
SHAPES = {"conv1.w": (4, 3, 5, 5), "conv1.b": (4,), "fc.w": (300, 7), "norm.gamma": (1,), "empty.w": (0, 2)}


def run(asarray, name, dtype, rate=None, steps=3, grown=1, **options):
    """Take a few steps and return all that they changed; `grown` times as many parameters as in SHAPES."""
    shapes = {f"{i}{key}": shape for i in range(grown) for key, shape in SHAPES.items()}
    rng, optimizer = np.random.default_rng(0), OPTIMIZERS[name](**options)
    params = {key: asarray(rng.normal(size=shape).astype(dtype)) for key, shape in shapes.items()}
    for _ in range(steps):
        grads = {key: asarray(rng.normal(size=shape).astype(dtype)) for key, shape in shapes.items()}
        optimizer.step(params, grads, rate)
    return {**params, **optimizer.state}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(
    "options",
    [{}, {"rate": 0.1, "weight_decay": {"*.w": 0.01, "*": 0.0}, "rate_scale": {"*.b": 2.0, "*fc*": 0.0}}],
)
def test_every_rule_equals_the_cpu_s(cupy, name, dtype, options):
    before = kernels.twin_of("update_parameters", "cupy")
    assert before.__module__ == "nnscratch.kernels.gpu_update"
    ours, theirs = run(cupy.asarray, name, dtype, **options), run(np.asarray, name, dtype, **options)
    assert ours.keys() == theirs.keys()
    for key, array in theirs.items():
        assert ours[key].dtype == array.dtype
        tolerance = 1e-5 if dtype == np.float32 else 1e-12
        np.testing.assert_allclose(ours[key].get(), array, rtol=tolerance, atol=tolerance, err_msg=key)


@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_more_parameters_than_one_launch_takes(cupy, name):
    ours, theirs = run(cupy.asarray, name, np.float64, grown=12), run(np.asarray, name, np.float64, grown=12)
    for key, array in theirs.items():
        np.testing.assert_allclose(ours[key].get(), array, rtol=1e-12, atol=1e-12, err_msg=key)


def test_a_rate_on_the_gpu(cupy):
    there = cupy.asarray(np.array(0.25))
    ours, theirs = (
        run(cupy.asarray, "momentum", np.float64, rate=there),
        run(np.asarray, "momentum", np.float64, rate=0.25),
    )
    for key, array in theirs.items():
        np.testing.assert_allclose(ours[key].get(), array, rtol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_flag_on_the_gpu_holds_everything_back(cupy, name):
    params, optimizer = {"w": cupy.ones((3, 4))}, OPTIMIZERS[name](weight_decay=0.5)
    for go in (True, False):
        before = {key: array.get() for key, array in {**params, **optimizer.state}.items()}
        optimizer.step(params, {"w": cupy.ones((3, 4))}, go=cupy.asarray(np.array(go)))
        after = {key: array.get() for key, array in {**params, **optimizer.state}.items()}
        assert all((after[key] != array).any() == go for key, array in before.items())


def test_a_user_s_rule_and_arrays_with_gaps_are_left_to_the_reference(cupy):
    class SignDescent(SGD):
        def update(self, w, dw, rate):
            w -= rate * cupy.sign(dw)

    wide = cupy.asarray(np.ones((4, 6)))
    SignDescent(rate=0.5).step({"w": wide}, {"w": cupy.asarray(np.full((4, 6), -3.0))})
    np.testing.assert_array_equal(wide.get(), np.full((4, 6), 1.5))
    SGD(rate=0.5).step({"w": wide[:, ::2]}, {"w": cupy.asarray(np.ones((4, 3)))})
    np.testing.assert_array_equal(wide.get()[0], [1, 1.5, 1, 1.5, 1, 1.5])
    w, dw = cupy.asarray(np.ones((4, 3))), cupy.asarray(np.ones((4, 6)))[:, ::2]
    SGD(rate=0.5).step({"w": w}, {"w": dw})  # a gradient with gaps is copied
    np.testing.assert_array_equal(w.get(), np.full((4, 3), 0.5))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e38])
@pytest.mark.parametrize("place", [None, 0, 3, 99])
def test_a_number_that_is_not_finite_clears_the_flag(cupy, value, place):
    rng = np.random.default_rng(0)
    shapes, dtypes = [(), (3, 5), (0, 2), (2, 3, 4), (40000,)] * 20, [np.float32, np.float64, np.float32]
    arrays = [rng.normal(size=shape).astype(dtypes[i % 3]) for i, shape in enumerate(shapes)]
    if place is not None:
        arrays[place].flat[-1] = value
    there, flag = [cupy.asarray(array) for array in arrays], cupy.ones((), bool)
    kernels.clear_unless_finite(flag, [*there, cupy.ones(2, np.int64), there[3].T, cupy.ones(2, np.float16)])
    assert bool(flag) == (place is None or np.isfinite(value))
    cleared = cupy.zeros((), bool)
    kernels.clear_unless_finite(cleared, there)
    assert not bool(cleared)


def test_all_gradients_are_looked_at_in_one_launch(cupy):
    flag, arrays = cupy.ones((), bool), [cupy.ones((3, 4), np.float32) for _ in range(20)]
    before = DEVICE.counts["launch"]
    kernels.clear_unless_finite(flag, arrays)
    assert DEVICE.counts["launch"] - before == (0 if hasattr(cupy, "__file__") else 1)
