"""Measure a model on images it does not learn from: loss and accuracy in evaluation mode, batch by batch."""

from collections.abc import Iterator
from typing import Any

from nnscratch.arrays import no_waiting
from nnscratch.data.batches import Batches
from nnscratch.training.metrics import accuracy
from nnscratch.training.weights import device_of_model


def evaluate(model: Any, x: Any, y: Any, batch_size: int = 500, preprocess: Any = None) -> dict[str, float]:
    """Return the mean loss and the accuracy of a model on images x (N, C, H, W) with labels y (N,).

    `preprocess` is applied to x, as in training. Raises DataError for images or labels that cannot be used.

    >>> import numpy as np
    >>> from nnscratch.models import mlp
    >>> x, y = np.ones((5, 1, 2, 2), np.float32), np.zeros(5, int)
    >>> sorted(evaluate(mlp(image=(1, 2, 2)), x, y))
    ['accuracy', 'loss']
    """
    loss = right = 0.0
    with no_waiting():
        for images, labels in in_order(x, y, batch_size, preprocess, device_of_model(model)):
            scores = model.loss(images)
            loss += model.criterion(scores, labels)[0] * len(labels)
            right += getattr(model, "accuracy", accuracy)(scores, labels) * len(labels)
    return {"loss": float(loss) / len(y), "accuracy": float(right) / len(y)}


def in_order(
    x: Any, y: Any, batch_size: int, preprocess: Any = None, device: str | None = None
) -> Iterator[tuple[Any, Any]]:
    """Return an iterator over preprocessed batches in the order of the set, on a device (unless given, that of x).

    >>> import numpy as np
    >>> [len(labels) for _, labels in in_order(np.ones((5, 1, 2, 2)), np.zeros(5, int), batch_size=3)]
    [3, 2]
    """
    return Batches(x, y, min(batch_size, len(x)), shuffle=False, preprocess=preprocess, device=device).epoch(0)
