"""Sanity checks before a long training: the first loss to expect, and learning a few examples by heart."""

import math
from typing import Any

from nnscratch.training.optimizers import Adam, Optimizer
from nnscratch.training.solver import Solver
from nnscratch.training.splits import split_of, spread
from nnscratch.training.weights import copy_arrays, put_arrays


def expected_first_loss(classes: int) -> float:
    """Return log(classes), the softmax loss of a model that finds every class equally likely.

    Source: CS231n notes, "Neural networks part 3", sanity checks.

    >>> round(expected_first_loss(10), 3)
    2.303
    """
    return math.log(classes)


def overfit_small_batch(
    model: Any,
    data: Any,
    examples: int = 20,
    steps: int = 200,
    optimizer: Optimizer | None = None,
    preprocess: Any = None,
) -> dict[str, float]:
    """Train on a handful of examples; return their final loss and accuracy, and leave the model as it was.

    A sound model, loss and backward reach an accuracy of 1 and a loss near 0. Where they do not, something is
    wrong: look for it here, where a run takes seconds. The examples are spread over the training set.

    >>> import numpy as np
    >>> from nnscratch.models import mlp
    >>> x = np.random.default_rng(0).normal(size=(50, 1, 2, 2)).astype(np.float32)
    >>> data = {"x_train": x, "y_train": np.arange(50) % 3}
    >>> result = overfit_small_batch(mlp(hidden=(50,), classes=3, image=(1, 2, 2)), data, optimizer=Adam(0.02))
    >>> result["accuracy"], result["loss"] < 0.05
    (1.0, True)
    """
    x, y = spread(*split_of(data, "train"), examples)
    small = {"x_train": x, "y_train": y}
    solver = Solver(model, small, optimizer or Adam(), batch_size=len(x), seed=0, preprocess=preprocess)
    before = copy_arrays(model)
    try:
        [(images, labels)] = solver.batches.epoch(0)
        for _ in range(steps):
            solver.step(images, labels)
        return solver.evaluate("train")
    finally:
        put_arrays(model, before)
