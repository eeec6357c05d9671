"""Shortcuts (a ReLU as part of the layer before it, no dx for the first layer) change nothing but the time."""

import contextlib
import os
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch import layers as L
from nnscratch.layers.base import Layer, infer, parameter_gradients, shortcuts
from nnscratch.layers.override import using
from nnscratch.models import MODELS, build
from nnscratch.shapes import ShapeError
from tests.contracts.test_layers import arrays_in
from tests.models.test_models import SMALLER


@contextlib.contextmanager
def no_shortcuts():
    """What NNSCRATCH_FUSE=0 does."""
    token = shortcuts.set(False)
    try:
        yield
    finally:
        shortcuts.reset(token)


@pytest.fixture(autouse=True)
def shortcuts_are_taken():
    """Though all tests may run with NNSCRATCH_FUSE=0."""
    token = shortcuts.set(True)
    yield
    shortcuts.reset(token)


def conv(C, F, **options):
    return L.Conv(C, F, 3, pad=1, rng=C + F, bias=0.1, **options)


NETS = {
    "conv, relu": lambda: L.Sequential(conv(3, 5), L.ReLU()),
    "conv, relu, conv": lambda: L.Sequential(conv(3, 5), L.ReLU(), conv(5, 4)),
    "conv, batch norm, relu": lambda: L.Sequential(conv(3, 5), L.BatchNorm(5), L.ReLU(), conv(5, 4)),
    "batch norm, relu": lambda: L.Sequential(L.BatchNorm(3), L.ReLU()),
    "conv, batch norm, batch norm, relu": lambda: L.Sequential(
        conv(3, 5), L.BatchNorm(5), L.BatchNorm(5), L.ReLU()
    ),
    "relu first": lambda: L.Sequential(L.ReLU(), conv(3, 5), L.ReLU()),
    "relu twice": lambda: L.Sequential(conv(3, 5), L.ReLU(), L.ReLU(), L.BatchNorm(5), L.ReLU(), L.ReLU()),
    "relu alone": lambda: L.Sequential(L.ReLU()),
    "nothing": lambda: L.Sequential(),
    "nested": lambda: L.Sequential(
        L.Sequential(conv(3, 5)),
        L.Sequential(L.ReLU(), L.Sequential(conv(5, 4), L.BatchNorm(4))),
        L.ReLU(),
        L.Sequential(L.BatchNorm(4), L.ReLU()),
    ),
    "branches": lambda: L.Sequential(
        L.Sum(L.Sequential(conv(3, 3), L.BatchNorm(3), L.ReLU()), L.Identity()),
        L.ReLU(),
        L.Concat(L.Sequential(conv(3, 4), L.ReLU()), conv(3, 2), L.Identity()),
        L.BatchNorm(9),
        L.ReLU(),
    ),
    "branches that share what a relu gave": lambda: L.Sequential(
        conv(3, 4), L.ReLU(), L.Sum(L.Identity(), L.Sequential(L.ReLU(), conv(4, 4)), L.Identity()), L.ReLU()
    ),
    "other layers between": lambda: L.Sequential(
        conv(3, 5), L.ReLU(), L.MaxPool(2), L.BatchNorm(5), L.LRN(3), L.ReLU(), L.Dropout(0.3, rng=0), L.Tanh()
    ),
    "layers without parameters first": lambda: L.Sequential(
        L.Dropout(0.3, rng=0), L.AveragePool(2), L.Flatten(), L.Affine(27, 4, rng=0), L.BatchNorm(4), L.ReLU()
    ),
}


def run(net, dtype=np.float64, train=True, times=1):
    """Go forward once and back so many times; return out, dx and grads, the state, and the grads alone."""
    net = net().astype(dtype)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 3, 6, 6)).astype(dtype)
    out, cache = net.forward(x, train)
    dout = rng.normal(size=out.shape).astype(dtype)
    backs = [net.backward(dout, cache) for _ in range(times)]
    return out, backs, dict(net.state), parameter_gradients(net, dout, cache)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("train", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", NETS)
def test_nothing_changes_but_the_time(name, train, dtype):
    short = run(NETS[name], dtype, train)
    with no_shortcuts():
        long = run(NETS[name], dtype, train)
    assert_same(short, long, 1e-4 if dtype == np.float32 else 1e-10)


def assert_same(ours, theirs, bound=1e-12):
    for a, b in zip(arrays_in(list(ours)), arrays_in(list(theirs)), strict=True):
        assert_allclose(a, b, rtol=bound, atol=bound)
    assert [list(grads) for _, grads in ours[1]] == [list(grads) for _, grads in theirs[1]]


@pytest.mark.parametrize("name", NETS)
def test_a_cache_may_be_used_twice(name):
    _, (first, second), _, _ = run(NETS[name], times=2)
    for a, b in zip(arrays_in(list(first)), arrays_in(list(second)), strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("way", ["forward", "backward"])
@pytest.mark.parametrize("name", NETS)
def test_a_cache_made_with_shortcuts_serves_without_and_the_other_way_round(name, way):
    expected, rng = run(NETS[name]), np.random.default_rng(0)
    net, x = NETS[name]().astype(np.float64), rng.normal(size=(4, 3, 6, 6))
    with no_shortcuts() if way == "forward" else contextlib.nullcontext():
        out, cache = net.forward(x, train=True)
    with no_shortcuts() if way == "backward" else contextlib.nullcontext():
        back = net.backward(rng.normal(size=out.shape), cache)
    assert_same((out, [back]), expected[:2])


@pytest.mark.parametrize("name", NETS)
def test_gradients_of_parameters_alone_are_those_of_the_whole_backward_pass(name):
    _, [(_, grads)], _, alone = run(NETS[name])
    assert list(alone) == list(grads)
    for key in grads:
        assert_allclose(alone[key], grads[key], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "char-rnn"])
def test_gradients_of_parameters_alone_in_every_model(name):
    options, size = SMALLER.get(name, ({}, 32))
    model, rng = build(name, image=(3, size, size), **options), np.random.default_rng(0)
    x = rng.normal(size=(4, 3, size, size)).astype(np.float32)
    out, cache = model.layers.forward(x, train=True)
    dout = rng.normal(size=out.shape).astype(np.float32)
    _, grads = model.layers.backward(dout, cache)
    alone = parameter_gradients(model.layers, dout, cache)
    assert list(alone) == list(grads) == list(model.params)
    for key in grads:
        assert_array_equal(alone[key], grads[key])


@contextlib.contextmanager
def counted(*methods):
    """Count the calls of methods, given as (class, name)."""
    with contextlib.ExitStack() as stack:
        calls = {}
        for kind, name in methods:
            own = mock.patch.object(kind, name, autospec=True, side_effect=getattr(kind, name))
            calls[f"{kind.__name__}.{name}"] = stack.enter_context(own)
        yield lambda: {name: call.call_count for name, call in calls.items()}


def test_shortcuts_are_taken_where_they_can_be():
    kinds = [(L.Conv, "forward_relu"), (L.BatchNorm, "forward_relu"), (L.BatchNorm, "backward_relu")]
    rest = [(L.ReLU, "forward"), (L.ReLU, "backward"), (L.Conv, "backward"), (L.Conv, "parameter_gradients")]
    with counted(*kinds, *rest) as calls:
        model = build("small-alexnet", width=2, norm="batch")
        x = np.zeros((2, 3, 32, 32), np.float32)
        before = calls()
        model.loss(x, np.array([0, 1]))
        made = {name: count - before[name] for name, count in calls().items()}
    assert made == {
        "Conv.forward_relu": 0,
        "BatchNorm.forward_relu": 5,
        "BatchNorm.backward_relu": 5,
        "ReLU.forward": 1,
        "ReLU.backward": 1,
        "Conv.backward": 4,
        "Conv.parameter_gradients": 1,
    }


def tripled(layer):
    """Make this layer, and no other, give three times as much."""
    plain = layer.forward

    def forward(x, train=False):
        out, cache = plain(x, train)
        return 3 * out, cache

    layer.forward = forward
    return layer


class Shifted(L.ReLU):
    def forward(self, x, train=False):
        out, cache = super().forward(x - 1, train)
        return out + 7, cache

    def backward(self, dout, cache):
        dx, grads = super().backward(dout, cache)
        return 5 * dx, grads


class Clipped(L.Conv):
    def forward(self, x, train=False):
        return super().forward(np.clip(x, -0.5, 0.5), train)


class Doubled(L.Conv):
    def backward(self, dout, cache):
        dx, grads = super().backward(dout, cache)
        return dx, {name: 2 * grad for name, grad in grads.items()}


class Frozen(L.BatchNorm):
    def backward(self, dout, cache):
        dx, grads = super().backward(dout, cache)
        return 11 * dx, {name: 0 * grad for name, grad in grads.items()}


class Reversed(L.Sequential):
    def backward(self, dout, cache):
        dx, grads = super().backward(dout, cache)
        return -dx, {name: -grad for name, grad in grads.items()}


def with_a_patched_backward():
    net = L.Sequential(conv(3, 5), L.BatchNorm(5), L.ReLU())
    net["relu1"].backward = lambda dout, cache: (0 * dout + 1, {})
    return net


def with_a_patched_norm():
    net = L.Sequential(conv(3, 5), L.BatchNorm(5), L.ReLU())
    plain = net["batchnorm1"].backward
    net["batchnorm1"].backward = lambda dout, cache: plain(4 * dout, cache)
    return net


CHANGED = {
    "a subclass of ReLU": lambda: L.Sequential(conv(3, 5), Shifted(), L.BatchNorm(5), Shifted()),
    "a subclass of Conv, forward": lambda: L.Sequential(Clipped(3, 5, 3, rng=0), L.ReLU()),
    "a subclass of Conv, backward": lambda: L.Sequential(Doubled(3, 5, 3, rng=0), L.ReLU()),
    "a subclass of BatchNorm": lambda: L.Sequential(conv(3, 5), Frozen(5), L.ReLU()),
    "a subclass of Sequential": lambda: Reversed(conv(3, 5), L.ReLU()),
    "a subclass of Sequential, first of all": lambda: L.Sequential(Reversed(conv(3, 5), L.ReLU()), L.ReLU()),
    "a patched Conv": lambda: L.Sequential(tripled(conv(3, 5)), L.ReLU()),
    "a patched ReLU": lambda: L.Sequential(conv(3, 5), tripled(L.ReLU())),
    "a patched ReLU, backward": with_a_patched_backward,
    "a patched BatchNorm": lambda: L.Sequential(conv(3, 5), tripled(L.BatchNorm(5)), L.ReLU()),
    "a patched BatchNorm, backward": with_a_patched_norm,
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_a_user_has_changed_is_not_passed_by(name):
    short = run(CHANGED[name])
    with no_shortcuts():
        long = run(CHANGED[name])
    assert_same(short, long)
    _, [(_, grads)], _, alone = short
    for key in grads:
        assert_allclose(alone[key], grads[key], rtol=1e-12)


def test_pairs_that_a_user_has_put_in_are_not_passed_by():
    calls = []

    def called(name):
        built_in = getattr(L, name)

        def own(*args, **options):
            calls.append(name)
            return built_in(*args, **options)

        return own

    pairs = ["conv_forward", "conv_backward", "batch_norm_forward", "batch_norm_backward"]
    pairs += ["relu_forward", "relu_backward"]
    expected = run(NETS["conv, batch norm, relu"])
    with using({name: called(name) for name in pairs}):
        given = run(NETS["conv, batch norm, relu"])
    assert_same(given, expected)
    # Backward twice: once with dx, and once for the gradients of the parameters alone.
    assert sorted(calls) == sorted(
        ["conv_forward", "batch_norm_forward", "relu_forward", "conv_forward"]
        + 2 * ["conv_backward", "batch_norm_backward", "relu_backward", "conv_backward"]
    )


def test_layers_of_a_users_own_need_no_shortcuts():
    class Twice(Layer):
        def forward(self, x, train=False):
            return 2 * x, None

        def backward(self, dout, cache):
            return 2 * dout, {}

    short = run(lambda: L.Sequential(Twice(), conv(3, 5), Twice(), L.ReLU(), Twice()))
    with no_shortcuts():
        assert_same(short, run(lambda: L.Sequential(Twice(), conv(3, 5), Twice(), L.ReLU(), Twice())))


def test_two_forwards_open_at_once_do_not_meet():
    net, rng = build("small-alexnet", width=8, drop=0.0).layers, np.random.default_rng(0)
    first, second = rng.normal(size=(2, 24, 3, 32, 32)).astype(np.float32)
    out, cache = net.forward(first, train=True)
    kept = [(array, array.copy()) for array in (out, *arrays_in(cache))]
    expected = net.backward(np.ones_like(out), cache)
    kept += [(array, array.copy()) for array in arrays_in(list(expected))]
    for _ in range(2):
        other, other_cache = net.forward(second, train=True)
        net.backward(other, other_cache)
    for array, copied in kept:
        assert_array_equal(array, copied)
    again = net.backward(np.ones_like(out), cache)
    for ours, theirs in zip(arrays_in(list(again)), arrays_in(list(expected)), strict=True):
        assert_array_equal(ours, theirs)


@pytest.mark.parametrize("value, taken", [("0", "False"), ("1", "True"), ("", "True")])
def test_the_environment_turns_them_off(value, taken):
    code = "from nnscratch.layers.base import shortcuts; print(shortcuts.get())"
    environment = {**os.environ, "NNSCRATCH_FUSE": value}
    assert subprocess.check_output([sys.executable, "-c", code], text=True, env=environment).strip() == taken


def test_a_dout_of_another_shape_is_refused_by_relu():
    out, cache = L.relu_forward(np.ones((2, 3)))
    with pytest.raises(ShapeError, match="the dout of this cache"):
        L.relu_backward(np.ones((2, 1)), cache)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_inference_gives_what_the_forward_pass_gives_in_evaluation(name, dtype):
    net = NETS[name]().astype(dtype)
    rng = np.random.default_rng(0)
    for key, value in net.state.items():
        if value.dtype.kind == "f":
            net.state[key] = (1 + rng.random(value.shape)).astype(dtype)
    x = rng.normal(size=(3, 3, 6, 6)).astype(dtype)
    before = x.copy()
    out = infer(net, x)
    expected, _ = net.forward(x, train=False)
    with no_shortcuts():
        assert_array_equal(infer(net, x), net.forward(x, train=False)[0])
    assert out.dtype == expected.dtype
    assert_allclose(out, expected, rtol=1e-5, atol=1e-5 if dtype == "float32" else 1e-12)
    assert_array_equal(x, before)


def test_inference_does_not_pass_a_subclass_by():
    class Shifted(L.MaxPool):
        def forward(self, x, train=False):
            out, cache = super().forward(x, train)
            return out + 1, cache

    class Doubled(L.BatchNorm):
        def forward(self, x, train=False):
            out, cache = super().forward(x, train)
            return 2 * out, cache

    x = np.random.default_rng(0).normal(size=(2, 3, 6, 6))
    for net in (L.Sequential(conv(3, 4), Doubled(4), L.ReLU(), Shifted(2)), Shifted(2), Doubled(3)):
        assert_allclose(infer(net, x), net.forward(x)[0])
