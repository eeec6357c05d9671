"""Gradient clipping: the direction stays, the norm is bounded, the arrays given are left alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnscratch.training import clip_by_norm, clip_by_value
from nnscratch.training.clipping import global_norm

gradients = st.dictionaries(
    st.text("abc", min_size=1),
    arrays(np.float32, st.integers(1, 5), elements=st.floats(-1e6, 1e6, width=32)),
    min_size=1,
)


@given(gradients, st.floats(1e-3, 1e3))
def test_the_norm_is_bounded_and_the_direction_kept(grads, limit):
    before = {name: g.copy() for name, g in grads.items()}
    clipped, norm = clip_by_norm(grads, limit)
    stacked = np.concatenate(list(before.values())).astype(float)
    assert norm == pytest.approx(np.linalg.norm(stacked), rel=1e-9)
    assert global_norm(clipped) <= limit * (1 + 1e-5) or norm <= limit
    factor = min(1.0, limit / norm) if norm else 1.0
    for name in grads:
        assert clipped[name].dtype == np.float32
        np.testing.assert_array_equal(grads[name], before[name])
        np.testing.assert_allclose(clipped[name], factor * before[name], rtol=1e-5, atol=1e-30)


def test_a_norm_beyond_float32_is_measured():
    huge = {"w": np.full(4, 1e30, np.float32)}
    clipped, norm = clip_by_norm(huge, 1.0)
    assert norm == pytest.approx(2e30)
    np.testing.assert_allclose(clipped["w"], 0.5, rtol=1e-6)


@given(gradients, st.integers(1, 1000))
def test_values_are_cut_off(grads, limit):
    clipped = clip_by_value(grads, limit)
    for name, g in grads.items():
        np.testing.assert_array_equal(clipped[name], np.clip(g, -limit, limit))
        assert clipped[name].dtype == np.float32


@pytest.mark.parametrize("clip", [clip_by_norm, clip_by_value])
@pytest.mark.parametrize("limit", [0, -1.0, float("nan")])
def test_a_limit_that_makes_no_sense_is_an_error(clip, limit):
    with pytest.raises(ValueError, match="give a number above 0"):
        clip({"w": np.ones(2)}, limit)
