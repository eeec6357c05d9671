"""Every layer and loss on the GPU: gradients are right there, errors name what lies where, and nobody waits."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nnscratch.arrays import DeviceError, no_waiting, to_device
from nnscratch.gradcheck import assert_gradients
from nnscratch.layers.losses import LabelError
from tests.cases import CASES, LOSSES

CASES = [case for case in CASES if "loops" not in case.name]  # those are for reading, on the CPU
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
every_loss = pytest.mark.parametrize("case", LOSSES, ids=lambda case: case.name)


@every_case
def test_gradients(case, cupy):
    assert_gradients(case.layer().to("gpu"), cupy.asarray(case.draw()), train=case.train, rng=1, elements=20)


@every_case
def test_a_step_needs_nothing_from_the_host(case, cupy, waits):
    layer, x = case.layer(np.float32).to("gpu"), cupy.asarray(case.draw(dtype=np.float32))
    dout = cupy.ones_like(layer.forward(x, case.train)[0])
    with waits(0), no_waiting():
        _, cache = layer.forward(x, case.train)
        layer.backward(dout, cache)


@every_loss
def test_losses_equal_those_on_the_cpu(case, cupy, waits):
    x, y = case.draw()
    expected, dx = case.loss(x, y, **case.options)
    there = cupy.asarray(x), cupy.asarray(y)
    loss, gradient = case.loss(*there, **case.options)
    assert isinstance(loss, float)
    assert_allclose(loss, expected, rtol=1e-12)
    assert_allclose(gradient.get(), dx, rtol=1e-10, atol=1e-12)
    with waits(0), no_waiting():
        loss, _ = case.loss(*there, **case.options)
    assert_allclose(loss.get(), expected, rtol=1e-12)


@every_loss
def test_gradients_of_losses(case, cupy):
    x, y = case.draw()
    assert_gradients(case.loss, cupy.asarray(x), cupy.asarray(y), rng=1, **case.options)


@every_loss
def test_a_label_out_of_range_is_named(case, cupy):
    if not case.bad_label:
        pytest.skip("a regression takes any target")
    x, y = case.draw()
    y.flat[2] = 99
    with pytest.raises(LabelError, match="y"):
        case.loss(cupy.asarray(x), cupy.asarray(y), **case.options)


@every_case
def test_a_numpy_array_on_the_gpu_is_named(case, cupy):
    layer, x = case.layer(), case.draw()
    if case.name == "embedding" or not layer.params:
        pytest.skip("takes whole numbers, or has nothing else than x")
    with pytest.raises(DeviceError, match=r"on the CPU \(NumPy\), but .* on the GPU .*to_device\(\w+, \"gpu\"\)"):
        layer.to("gpu").forward(x, case.train)
    with pytest.raises(DeviceError, match="model.to"):
        layer.to("cpu").forward(cupy.asarray(x), case.train)


@every_loss
def test_labels_on_the_other_device_are_named(case, cupy):
    x, y = case.draw()
    with pytest.raises(DeviceError, match=r"y lies on the CPU \(NumPy\), but x on the GPU"):
        case.loss(cupy.asarray(x), y, **case.options)


def test_arrays_move_both_ways(cupy):
    x = np.arange(3.0)
    there = to_device(x, "gpu")
    assert isinstance(there, cupy.ndarray) and to_device(there, "gpu") is there
    assert to_device(there, "cpu").tolist() == x.tolist()
