"""The contracts that every layer keeps, row by row."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch import kernels
from nnscratch.gradcheck import assert_gradients
from nnscratch.shapes import ShapeError
from tests.cases import CASES

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])


def arrays_in(tree):
    """Yield every array inside nested tuples, lists and dicts."""
    if isinstance(tree, np.ndarray):
        yield tree
    elif isinstance(tree, dict):
        yield from arrays_in(list(tree.values()))
    elif isinstance(tree, (tuple, list)):
        for part in tree:
            yield from arrays_in(part)


def run(layer, x, seed=1, train=True):
    """Go forward and back with a random dout; return out, dx and grads."""
    out, cache = layer.forward(x, train)
    dout = np.random.default_rng(seed).normal(size=out.shape).astype(out.dtype)
    return out, *layer.backward(dout, cache)


@every_case
def test_gradients(case):
    assert_gradients(case.layer(), case.draw(), train=case.train, rng=1)


@every_case
def test_gradients_at_other_shapes(case):
    for shape in case.others:
        assert_gradients(case.layer(), case.draw(shape), train=case.train, rng=1)


@every_case
@both_dtypes
def test_shapes_and_dtypes(case, dtype):
    layer = case.layer(dtype)
    x = case.draw(dtype=dtype)
    out, dx, grads = run(layer, x, train=case.train)
    assert out.dtype == dtype
    assert dx is None if case.indexes else (dx.shape == x.shape and dx.dtype == dtype)
    assert list(grads) == list(layer.params)
    for name, w in layer.params.items():
        assert (grads[name].shape, grads[name].dtype) == (w.shape, dtype), name
    for name, value in layer.state.items():
        assert value.dtype.kind == "i" or value.dtype == dtype, name


@every_case
def test_nothing_is_written_into(case):
    layer = case.layer()
    x = case.draw()
    out, cache = layer.forward(x, case.train)
    dout = np.random.default_rng(1).normal(size=out.shape)
    held = [x, dout, *layer.params.values(), *arrays_in(cache)]
    before = [array.copy() for array in held]
    for array in held:
        array.flags.writeable = False
    layer.backward(dout, cache)
    layer.forward(x, case.train)
    for array, copied in zip(held, before):
        assert_array_equal(array, copied)


@every_case
def test_forward_does_not_write_into_x(case):
    x = case.draw()
    x.flags.writeable = False
    case.layer().forward(x, case.train)


@every_case
def test_two_forwards_then_backward_with_the_first_cache(case):
    expected = run(case.layer(), case.draw(), train=case.train)
    layer = case.layer()
    out, cache = layer.forward(case.draw(), case.train)
    layer.forward(case.draw(seed=9), case.train)
    dout = np.random.default_rng(1).normal(size=out.shape)
    dx, grads = layer.backward(dout, cache)
    if dx is not None:
        assert_array_equal(dx, expected[1])
    for name in grads:
        assert_array_equal(grads[name], expected[2][name])


@every_case
def test_non_contiguous_input_and_dout(case):
    x = case.draw()
    strided = np.repeat(x, 2, axis=-1)[..., ::2]
    turned = np.asfortranarray(x)
    expected = run(case.layer(), x, train=case.train)
    for other in (strided, turned):
        layer = case.layer()
        out, cache = layer.forward(other, case.train)
        dout = np.random.default_rng(1).normal(size=out.shape)
        dx, grads = layer.backward(np.repeat(dout, 2, axis=0)[::2], cache)
        assert_allclose(out, expected[0], atol=1e-12)
        if dx is not None:
            assert_allclose(dx, expected[1], atol=1e-12)
        for name in grads:
            assert_allclose(grads[name], expected[2][name], atol=1e-12)


@every_case
def test_a_batch_gives_what_its_examples_give(case):
    layer, x = case.layer(), case.draw()
    out, _ = layer.forward(x, train=False)
    singles = [layer.forward(x[i : i + 1], train=False)[0] for i in range(len(x))]
    assert_allclose(out, np.concatenate(singles), atol=1e-12)


@every_case
@both_dtypes
def test_twins_equal_the_reference(case, dtype):
    fast = run(case.layer(dtype), case.draw(dtype=dtype), train=case.train)
    with kernels.reference_only():
        plain = run(case.layer(dtype), case.draw(dtype=dtype), train=case.train)
    tolerance = 1e-4 if dtype == np.float32 else 1e-10
    for a, b in zip(arrays_in(list(fast)), arrays_in(list(plain))):
        assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@every_case
def test_a_wrong_shape_is_named(case):
    if case.wrong is None:
        pytest.skip("takes any shape")
    shape, words = case.wrong
    with pytest.raises(ShapeError) as caught:
        case.layer().forward(case.draw(shape), case.train)
    for word in words:
        assert word in str(caught.value)


@every_case
def test_float32_gives_what_float64_gives(case):
    double = run(case.layer(), case.draw(), train=case.train)
    single = run(case.layer(np.float32), case.draw(dtype=np.float32), train=case.train)
    for a, b in zip(arrays_in(list(double)), arrays_in(list(single))):
        assert_allclose(a, b, rtol=1e-3, atol=1e-3)


@every_case
def test_an_empty_batch_stays_empty(case):
    if len(case.x) == 1:
        pytest.skip("no batch axis")
    out, _ = case.layer().forward(case.draw((0, *case.x[1:])), train=False)
    assert len(out) == 0


@every_case
def test_layers_can_be_copied_and_converted(case):
    layer = copy.deepcopy(case.layer()).astype(np.float32)
    assert layer.forward(case.draw(dtype=np.float32))[0].dtype == np.float32
    assert type(layer).__name__ in repr(layer)


@every_case
@both_dtypes
def test_cupy_equals_numpy(case, dtype, cupy, monkeypatch):
    monkeypatch.delattr(kernels._twins("cupy"), "dropout_mask")  # the GPU draws other masks
    if "loops" in case.name:
        pytest.skip("the loops are NumPy only")
    expected = run(case.layer(dtype), case.draw(dtype=dtype), train=case.train)
    layer = case.layer(dtype).to("gpu")
    out, cache = layer.forward(cupy.asarray(case.draw(dtype=dtype)), case.train)
    dout = np.random.default_rng(1).normal(size=out.shape).astype(dtype)
    dx, grads = layer.backward(cupy.asarray(dout), cache)
    tolerance = 1e-4 if dtype == np.float32 else 1e-10
    for ours, theirs in zip([out, dx, *grads.values()], [*expected[:2], *expected[2].values()]):
        if theirs is not None:
            assert_allclose(ours.get(), theirs, rtol=tolerance, atol=tolerance)


@every_case
def test_a_dout_of_another_shape_is_refused(case):
    if case.wrong is None or case.pair in ("", "dropout"):
        pytest.skip("works number by number, or is made of other layers")
    layer = case.layer()
    out, cache = layer.forward(case.draw(), case.train)
    for shape in [(len(out) + 1, *out.shape[1:]), (*out.shape[:-1], out.shape[-1] + 1), out.shape[:-1]]:
        with pytest.raises(ShapeError, match="the dout of this cache"):
            layer.backward(np.ones(shape), cache)
