"""How good the predictions are: accuracy, top-k accuracy, confusion matrix, accuracy per class."""

from typing import Any

import numpy as np

from nnscratch.arrays import number, to_device
from nnscratch.shapes import match_axes


class MetricError(ValueError):
    """A metric was asked for on examples or labels for which it has no value."""


def accuracy(scores: Any, y: Any) -> float:
    """Return the share of examples whose highest score is that of the right class.

    scores: (N, C, ...); y: (N, ...) whole numbers. Raises ShapeError, and MetricError when N is 0.

    >>> accuracy(np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), np.array([0, 1, 1])).__round__(3)
    0.667
    """
    match_axes("accuracy", scores=(scores, "N C ..."), y=(y, "N ..."))
    match_axes("accuracy", best=(scores[:, 0], "N ..."), y=(y, "N ..."))
    _check_any("accuracy", y)
    return number((scores.argmax(axis=1) == y).mean())


def top_k_accuracy(scores: Any, y: Any, k: int = 5) -> float:
    """Return the share of examples whose right class is among the k highest scores; the first of equals counts.

    scores: (N, C); y: (N,). Raises ShapeError, and MetricError when N is 0 or k is not between 1 and C.

    >>> top_k_accuracy(np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]), np.array([1, 0]), k=2)
    0.5
    """
    _, C = match_axes("top_k_accuracy", scores=(scores, "N C"), y=(y, "N"))
    _check_any("top_k_accuracy", y)
    if not 1 <= k <= C:
        raise MetricError(f"top_k_accuracy: k is {k}: there are {C} classes, so give 1 to {C}")
    best = (-scores).argsort(axis=1, kind="stable")[:, :k]
    return number((best == y[:, None]).any(axis=1).mean())


def confusion_matrix(predicted: Any, y: Any, classes: int) -> np.ndarray:
    """Return counts (classes, classes): row = right class, column = predicted class.

    predicted, y: (N,) whole numbers. Raises ShapeError, and MetricError for labels outside 0 .. classes - 1.

    >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 1, 0]), classes=2)
    array([[1, 1],
           [0, 1]])
    """
    match_axes("confusion_matrix", predicted=(predicted, "N"), y=(y, "N"))
    for name, labels in (("predicted", predicted), ("y", y)):
        if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
            raise MetricError(
                f"confusion_matrix: {name} holds labels from {labels.min()} to {labels.max()}, but {classes} "
                f"classes go from 0 to {classes - 1}: check the labels, or give a larger number of classes"
            )
    predicted, y = to_device(predicted, "cpu"), to_device(y, "cpu")
    return np.bincount(y * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def per_class_accuracy(predicted: Any, y: Any, classes: int) -> np.ndarray:
    """Return (classes,): of each class's examples, the share predicted right; nan for a class without examples.

    >>> per_class_accuracy(np.array([0, 1, 1]), np.array([0, 1, 0]), classes=3)
    array([0.5, 1. , nan])
    """
    matrix = confusion_matrix(predicted, y, classes)
    count = matrix.sum(axis=1)
    return np.where(count > 0, matrix.diagonal() / np.maximum(count, 1), np.nan)


def _check_any(metric, y):
    if len(y) == 0:
        raise MetricError(f"{metric}: there are no examples: give at least one")
