"""The contracts that every loss keeps, row by row."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch.gradcheck import assert_gradients
from nnscratch.layers.losses import LabelError
from nnscratch.shapes import ShapeError
from tests.cases import LOSSES

every_loss = pytest.mark.parametrize("case", LOSSES, ids=lambda case: case.name)


@every_loss
def test_gradient(case):
    x, y = case.draw()
    assert_gradients(case.loss, x, y, rng=1, **case.options)


@every_loss
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_types_and_untouched_inputs(case, dtype):
    x, y = case.draw(dtype)
    before, labels = x.copy(), y.copy()
    loss, dx = case.loss(x, y, **case.options)
    assert isinstance(loss, float)
    assert (dx.shape, dx.dtype) == (x.shape, dtype)
    assert_array_equal(x, before)
    assert_array_equal(y, labels)


@every_loss
def test_the_loss_is_a_mean_over_the_batch(case):
    x, y = case.draw()
    loss, dx = case.loss(x, y, **case.options)
    singles = [case.loss(x[i : i + 1], y[i : i + 1], **case.options) for i in range(len(x))]
    assert_allclose(loss, np.mean([single for single, _ in singles]))
    assert_allclose(dx, np.concatenate([d for _, d in singles]) / len(x))


@every_loss
def test_a_wrong_shape_is_named(case):
    x, y = case.draw()
    with pytest.raises(ShapeError) as caught:
        case.loss(x, y[:-1], **case.options)
    assert "axis N" in str(caught.value) and str(x.shape) in str(caught.value)


@every_loss
@pytest.mark.parametrize("label", [-1, 99])
def test_a_label_out_of_range_is_named(case, label):
    if not case.bad_label:
        pytest.skip("a regression takes any target")
    x, y = case.draw()
    y.flat[2] = label
    with pytest.raises(LabelError, match="y"):
        case.loss(x, y, **case.options)


@every_loss
def test_large_scores_stay_finite(case):
    x, y = case.draw()
    loss, dx = case.loss(1000 * x, y, **case.options)
    assert np.isfinite(loss) and np.isfinite(dx).all()
