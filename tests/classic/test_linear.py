"""Loops and array code give one loss and one gradient, and SGD finds what can be found by hand."""

import numpy as np
import pytest

from nnscratch.classic import LinearClassifier, LinearError, linear_loss, softmax_naive, svm_naive
from nnscratch.data.dataset import DataError
from nnscratch.gradcheck.numeric import numerical_gradient
from nnscratch.layers import softmax_loss, svm_loss
from nnscratch.layers.losses import LabelError
from nnscratch.shapes import ShapeError


def problem(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(6, 4)), rng.normal(size=4), rng.normal(size=(9, 6)), rng.integers(0, 4, 9)


@pytest.mark.parametrize(("naive", "criterion"), [(svm_naive, svm_loss), (softmax_naive, softmax_loss)])
def test_loops_and_array_code_agree(naive, criterion):
    slow, fast = naive(*problem(), 0.3), linear_loss(*problem(), 0.3, criterion)
    for a, b in zip(slow, fast):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("naive", [svm_naive, softmax_naive])
def test_gradients_of_the_loops(naive):
    w, b, x, y = problem()
    _, dw, db = naive(w, b, x, y, 0.3)
    np.testing.assert_allclose(dw, numerical_gradient(lambda w: naive(w, b, x, y, 0.3)[0], w), atol=1e-7)
    np.testing.assert_allclose(db, numerical_gradient(lambda b: naive(w, b, x, y, 0.3)[0], b), atol=1e-7)


def test_huge_scores_do_not_overflow():
    loss, dw, _ = softmax_naive(np.eye(2) * 1e4, np.zeros(2), np.eye(2), np.array([1, 1]))
    assert loss == 5e3 and np.isfinite(dw).all()


@pytest.mark.parametrize("criterion", ["svm", "softmax", softmax_loss])
def test_sgd_separates_what_is_linearly_separable(criterion):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    x = 3 * np.eye(3)[y] + 0.3 * rng.normal(size=(300, 3))
    model = LinearClassifier(criterion, rate=0.1, epochs=5, batch_size=30).fit(x, y)
    assert (model.predict(x) == y).all()
    assert len(model.losses) == 50 and model.losses[-1] < 0.3 * model.losses[0]
    again = LinearClassifier(criterion, rate=0.1, epochs=5, batch_size=30).fit(x, y)
    assert (again.w == model.w).all()


def test_a_strong_penalty_keeps_weights_small():
    w, b, x, y = problem()
    free, priced = (LinearClassifier(rate=0.1, strength=s, epochs=50).fit(x, y) for s in (0.0, 1.0))
    assert np.linalg.norm(priced.w) < 0.5 * np.linalg.norm(free.w)


def test_templates_are_the_weights_as_images():
    x, y = np.random.default_rng(0).normal(size=(10, 3, 4, 5)), np.arange(10) % 2
    model = LinearClassifier(epochs=1).fit(x, y)
    assert model.templates((3, 4, 5)).shape == (2, 3, 4, 5)
    np.testing.assert_allclose(
        np.einsum("nchw,kchw->nk", x, model.templates((3, 4, 5))) + model.b, model.scores(x), rtol=1e-4, atol=1e-5
    )


def test_clear_errors():
    w, b, x, y = problem()
    with pytest.raises(ShapeError, match="axis D is 6 in x but 5 in w"):
        svm_naive(w[:5], b, x, y)
    with pytest.raises(LabelError, match=r"y\[0\] is 4"):
        softmax_naive(w, b, x, np.full(9, 4))
    with pytest.raises(LinearError, match="call fit"):
        LinearClassifier().predict(x)
    with pytest.raises(LinearError, match="no templates"):
        LinearClassifier(epochs=1).fit(x, y).templates((3, 4, 4))
    with pytest.raises(LinearError, match="rate=0"):
        LinearClassifier(rate=0)
    with pytest.raises(ValueError, match="did you mean 'softmax'"):
        LinearClassifier("sofmax")
    with pytest.raises(DataError, match="NaN"):
        LinearClassifier().fit(np.full((9, 2), np.nan), y)
    with pytest.raises(DataError, match="no images"):
        LinearClassifier().fit(np.zeros((0, 2)), y[:0])
