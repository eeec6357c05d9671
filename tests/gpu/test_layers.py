"""Every layer and loss on the GPU: gradients are right there, errors name what lies where, and nobody waits."""

import functools
import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch import kernels
from nnscratch.arrays import DeviceError, no_waiting, to_device
from nnscratch.gradcheck import assert_gradients
from nnscratch.kernels.steps import dropout_mask
from nnscratch.layers.losses import LabelError
from tests.cases import CASES, LOSSES

CASES = [case for case in CASES if "loops" not in case.name]  # those are for reading, on the CPU
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
every_loss = pytest.mark.parametrize("case", LOSSES, ids=lambda case: case.name)


@every_case
def test_gradients(case, cupy):
    assert_gradients(case.layer().to("gpu"), cupy.asarray(case.draw()), train=case.train, rng=1, elements=20)


def with_gaps(cupy, array):
    """The array on the GPU, every other number of its memory being another one."""
    wide = cupy.full((*array.shape, 2), 7, array.dtype)
    wide[..., 0] = cupy.asarray(array)
    return wide[..., 0]


@every_case
@pytest.mark.parametrize("gaps", [False, True], ids=["whole", "with gaps"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_a_layer_gives_what_it_gives_on_the_cpu(case, dtype, gaps, cupy, monkeypatch):
    """With the masks of dropout drawn as on the CPU; on the GPU they are others."""
    monkeypatch.setattr(kernels._twins("cupy"), "dropout_mask", dropout_mask)
    bound = {"rtol": 1e-9, "atol": 1e-9} if dtype == np.float64 else {"rtol": 2e-4, "atol": 2e-5}
    move = functools.partial(with_gaps, cupy) if gaps else cupy.asarray
    here, there = case.layer(dtype), case.layer(dtype).to("gpu")
    before = {name: array.get() for name, array in there.params.items()}
    for shape, train in itertools.product([case.x, *case.others], {case.train, False}):
        x = case.draw(shape, dtype)
        our_x = move(x)
        (out, cache), (our_out, our_cache) = here.forward(x, train), there.forward(our_x, train)
        dout = np.random.default_rng(1).normal(size=out.shape).astype(dtype)
        our_dout = move(dout)
        (dx, grads), (our_dx, our_grads) = here.backward(dout, cache), there.backward(our_dout, our_cache)
        results = {"out": (our_out, out), "dx": (our_dx, dx), **{k: (our_grads[k], grads[k]) for k in grads}}
        results |= {f"state {name}": (there.state[name], array) for name, array in here.state.items()}
        for name, (our, their) in results.items():
            assert (our is None) == (their is None)
            if their is not None:
                assert our.dtype == their.dtype and isinstance(our, cupy.ndarray)
                assert_allclose(our.get(), their, err_msg=name, **bound)
        left_alone = [(our_x, x), (our_dout, dout), *((there.params[name], before[name]) for name in before)]
        for our, their in left_alone:
            assert_array_equal(our.get(), their)


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
