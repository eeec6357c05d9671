"""Layers' functions that have a fused kernel give what their own formulas give, caches included, in one launch."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnscratch import kernels, layers
from nnscratch.kernels.gpu_fused import FUSED
from nnscratch.shapes import ShapeError
from tests import needs
from tests.kernels import checks
from tests.kernels.close import BOUND
from tests.strict.device import DEVICE

pytestmark = needs.compiler
few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PAIRS = sorted({name.rpartition("_")[0] for name in FUSED})


def leaves(tree):
    return [leaf for part in tree for leaf in leaves(part)] if isinstance(tree, tuple) else [tree]


def pair(name, x, dout, options):
    forward, backward = getattr(layers, f"{name}_forward"), getattr(layers, f"{name}_backward")
    out, cache = forward(x, **options)
    return [*leaves((out, cache)), backward(dout, cache)]


def assert_pair_is_right(cupy, name, x, dout, **options):
    ours = pair(name, cupy.asarray(x), cupy.asarray(dout), options)
    with kernels.reference_only():
        theirs = pair(name, x, dout, options)
    assert len(ours) == len(theirs)
    for ours_, theirs_ in zip(ours, theirs):
        if hasattr(theirs_, "dtype"):
            assert ours_.dtype == theirs_.dtype
            tolerance = BOUND[str(theirs_.dtype)]
            np.testing.assert_allclose(ours_.get(), theirs_, rtol=tolerance, atol=tolerance)
        else:
            assert ours_ == theirs_


@pytest.mark.parametrize("name", PAIRS)
@few
@given(arrays=checks.channels(count=2), spread=st.sampled_from([1, 30]))
def test_pairs(cupy, name, arrays, spread):
    x, dout = arrays if name != "lrn" else [a.reshape(*a.shape[:2], -1, 1) for a in arrays]
    assert_pair_is_right(cupy, name, spread * x, dout)


@pytest.mark.parametrize("options", [{"size": 3, "alpha": 1, "beta": 0.5, "k": 1}, {"size": 9}, {"within": True}])
def test_lrn_with_other_settings(cupy, options):
    x, dout = np.random.default_rng(0).normal(0, 9, (2, 2, 7, 5, 4))
    assert_pair_is_right(cupy, "lrn", x, dout, **options)


def test_settings_of_activations(cupy):
    x, dout = np.random.default_rng(0).normal(size=(2, 3, 4))
    assert_pair_is_right(cupy, "leaky_relu", x, dout, slope=0.3)
    assert_pair_is_right(cupy, "elu", x, dout, alpha=2)


@pytest.mark.parametrize("name", sorted(FUSED))
def test_it_is_one_launch(cupy, name):
    x = cupy.ones((2, 3, 4, 5))
    pair_name, _, way = name.rpartition("_")
    out, cache = getattr(layers, f"{pair_name}_forward")(x)
    before = DEVICE.counts["launch"]
    getattr(layers, name)(*((x,) if way == "forward" else (x, cache)))
    launches = DEVICE.counts["launch"] - before
    assert launches == (0 if hasattr(cupy, "__file__") else 1)  # the double counts, a card does not


def test_what_does_not_fit_is_left_to_the_layer(cupy):
    with pytest.raises(ShapeError, match="lrn"):
        layers.lrn_forward(cupy.ones((2, 3)))
    out, _ = layers.leaky_relu_forward(cupy.ones((0, 3)))
    assert out.shape == (0, 3)
