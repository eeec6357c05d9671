"""Several models as one: the mean of what they predict, or the mean of their weights."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnscratch.arrays import array_module
from nnscratch.layers import BatchNorm
from nnscratch.training.checkpoint import load_checkpoint


class EnsembleError(ValueError):
    """Models or weights that cannot be taken together."""


class Ensemble:
    """Models that vote: their class probabilities are averaged.

    Source: Krizhevsky et al. 2012, sec. 6.1, where averaging several networks lowers the error.

    >>> from nnscratch.models import mlp
    >>> models = [mlp(hidden=(), classes=3, image=(4,), seed=seed) for seed in range(5)]
    >>> x = np.ones((2, 4), np.float32)
    >>> mean = sum(model.probabilities(x) for model in models) / 5
    >>> bool(np.allclose(Ensemble(models).probabilities(x), mean))
    True
    """

    def __init__(self, models: Sequence[Any]) -> None:
        if not models:
            raise EnsembleError("an ensemble of no models: give at least one")
        self.models = list(models)

    def probabilities(self, x: Any, batch_size: int = 500) -> Any:
        """Return the mean of the models' class probabilities, (N, classes)."""
        total = sum(model.probabilities(x, batch_size) for model in self.models)
        return total / len(self.models)

    def loss(self, x: Any) -> Any:
        """Return scores (N, classes), as a model's `loss(x)` does: the logarithm of the mean probabilities."""
        mean = self.probabilities(x)
        return array_module(mean).log(mean + np.finfo(mean.dtype).tiny)

    def predict(self, x: Any, batch_size: int = 500) -> Any:
        """Return the likeliest class of every example, (N,)."""
        return self.probabilities(x, batch_size).argmax(axis=1)


def average_weights(sources: Sequence[Mapping[str, Any] | Path | str]) -> dict[str, Any]:
    """Return the mean of several models' parameters, each given as a dict or as the folder of a checkpoint.

    Running statistics do not average: put the result into a model and call `refresh_statistics`.
    Raises EnsembleError when names or shapes differ, CheckpointError for a folder without a sound checkpoint.
    Source: Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization", sec. 3.

    >>> average_weights([{"w": np.array([1.0])}, {"w": np.array([4.0])}])
    {'w': array([2.5])}
    """
    if not sources:
        raise EnsembleError("average_weights of nothing: give at least one dict or folder")
    members = [_params_of(source) for source in sources]
    first = {name: array.shape for name, array in members[0].items()}
    for number, member in enumerate(members[1:], start=2):
        other = {name: array.shape for name, array in member.items()}
        differing = [name for name in {**first, **other} if first.get(name) != other.get(name)]
        if differing:
            raise EnsembleError(
                f"average_weights: model {number} differs from the first in {', '.join(differing)}: "
                "only models of one architecture can be averaged"
            )
    return {
        name: (sum(member[name].astype(np.float64) for member in members) / len(members)).astype(array.dtype)
        for name, array in members[0].items()
    }


def refresh_statistics(model: Any, batches: Iterable[tuple[Any, Any]]) -> None:
    """Set the running statistics of every batch norm to their means over some batches (x, y), in place.

    Needed when the parameters have been set from elsewhere, such as by `average_weights`.
    Source: Izmailov et al. 2018, sec. 3.2.

    >>> from nnscratch.layers import Sequential
    >>> from nnscratch.models import Classifier
    >>> model = Classifier(Sequential(BatchNorm(1)))
    >>> refresh_statistics(model, [(np.ones((2, 1)), None), (np.full((2, 1), 4.0), None)])
    >>> model.state["batchnorm1.mean"].tolist()
    [2.5]
    """
    norms = [layer for layer in _all_layers(model.layers) if isinstance(layer, BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    try:
        for number, (x, _) in enumerate(batches):
            for norm in norms:
                norm.momentum = number / (number + 1)  # makes the running mean the plain mean of all batches
            model.layers.forward(x, train=True)
    finally:
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum


def _params_of(source):
    if isinstance(source, Mapping):
        return source
    arrays, _ = load_checkpoint(source)
    return {name.removeprefix("params."): a for name, a in arrays.items() if name.startswith("params.")}


def _all_layers(layer):
    yield layer
    for child in layer.children.values():
        yield from _all_layers(child)
