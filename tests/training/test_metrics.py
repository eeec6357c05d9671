"""Metrics: known values, agreement among themselves, and errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnscratch.shapes import ShapeError
from nnscratch.training import MetricError, accuracy, confusion_matrix, per_class_accuracy, top_k_accuracy

SCORES = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
LABELS = np.array([1, 1, 2, 2])


def test_known_values():
    assert accuracy(SCORES, LABELS) == 0.5
    assert [top_k_accuracy(SCORES, LABELS, k) for k in (1, 2, 3)] == [0.5, 0.75, 1.0]
    predicted = SCORES.argmax(axis=1)
    assert confusion_matrix(predicted, LABELS, 3).tolist() == [[0, 0, 0], [1, 1, 0], [1, 0, 1]]
    np.testing.assert_array_equal(per_class_accuracy(predicted, LABELS, 3), [np.nan, 0.5, 0.5])


@given(st.integers(1, 30), st.integers(1, 8), st.integers(0, 2**32))
def test_the_metrics_agree(N, C, seed):
    rng = np.random.default_rng(seed)
    scores, y = rng.integers(0, 4, size=(N, C)).astype(float), rng.integers(0, C, size=N)
    matrix = confusion_matrix(scores.argmax(axis=1), y, C)
    assert accuracy(scores, y) == top_k_accuracy(scores, y, k=1) == pytest.approx(np.trace(matrix) / N)
    assert matrix.sum(axis=1).tolist() == np.bincount(y, minlength=C).tolist()
    assert top_k_accuracy(scores, y, k=C) == 1.0
    shares = per_class_accuracy(scores.argmax(axis=1), y, C)
    assert np.nansum(shares * matrix.sum(axis=1)) == pytest.approx(np.trace(matrix))


def test_accuracy_takes_one_label_per_place():
    scores = np.zeros((1, 2, 1, 3))
    scores[0, 1, 0, :2] = 1
    assert accuracy(scores, np.array([[[1, 0, 0]]])) == pytest.approx(2 / 3)


def test_bad_input():
    with pytest.raises(ShapeError, match="accuracy: axis N is 4"):
        accuracy(SCORES, LABELS[:3])
    with pytest.raises(MetricError, match="there are no examples"):
        accuracy(SCORES[:0], LABELS[:0])
    with pytest.raises(MetricError, match="k is 4: there are 3 classes"):
        top_k_accuracy(SCORES, LABELS, k=4)
    with pytest.raises(MetricError, match="y holds labels from 1 to 2, but 2 classes go from 0 to 1"):
        confusion_matrix(np.zeros(4, int), LABELS, classes=2)
