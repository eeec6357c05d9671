"""Say where a loss that is not finite came from: the data, a parameter, a layer, the criterion or a gradient."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nnscratch.arrays import array_module, to_device


class NonFiniteLoss(RuntimeError):
    """The loss or a gradient is infinite or not a number; the model is as it was before the step."""


def all_finite(array: Any) -> bool:
    """True when no entry is infinite or nan; whole numbers always are finite.

    >>> all_finite(np.array([1.0, np.inf])), all_finite(np.arange(3))
    (False, True)
    """
    return array.dtype.kind != "f" or bool(array_module(array).isfinite(array).all())


def explain_non_finite(model: Any, x: Any, y: Any, loss: float, grads: Mapping[str, Any]) -> str:
    """Return one sentence that names the first place where a value is not finite.

    x, y: the batch. The model is run over it once more in training mode, layer by layer; state that this
    changes is the caller's to restore.

    >>> from nnscratch.layers import Affine, Sequential
    >>> from nnscratch.models import Classifier
    >>> model = Classifier(Sequential(Affine(2, 2, rng=0)))
    >>> x = np.array([[1.0, np.nan]], np.float32)
    >>> explain_non_finite(model, x, np.array([0]), float("nan"), {})
    'the input is not finite: first in example 0 of the batch; look at the data and its preprocessing'
    """
    for name, array in (("input", x), ("label", y)):
        if not all_finite(array):
            example = int(np.argwhere(~np.isfinite(to_device(array, "cpu")))[0][0])
            return (
                f"the {name} is not finite: first in example {example} of the batch; "
                "look at the data and its preprocessing"
            )
    for name, w in model.params.items():
        if not all_finite(w):
            return f"the parameter {name} was not finite before this step; look at its initial value"
    if not np.isfinite(loss):
        return _first_bad_layer(model, x) or (
            f"every layer's output is finite but the loss is {loss}; look at the criterion and the labels"
        )
    bad = [name for name, g in grads.items() if not all_finite(g)]
    return (
        f"the loss is finite but the gradient of {bad[-1]} is not, the first that backward came to; "
        "look at the backward of that layer and of the one after it"
    )


def trace_layers(model: Any, x: Any, train: bool = False) -> Iterator[tuple[str, Any, Any]]:
    """Yield (name, layer, output) for every layer of a model in turn; a model of one layer yields that.

    >>> from nnscratch.models import mlp
    >>> [name for name, layer, out in trace_layers(mlp(hidden=(), image=(4,)), np.ones((1, 4), np.float32))]
    ['flatten1', 'affine1']
    """
    if hasattr(model.layers, "trace"):
        yield from model.layers.trace(x, train)
    else:
        yield type(model.layers).__name__.lower(), model.layers, model.layers.forward(x, train)[0]


def _first_bad_layer(model, x):
    """Name the first layer whose output is not finite, or None."""
    largest = float(abs(x).max())
    with np.errstate(all="ignore"):
        for name, layer, out in trace_layers(model, x, train=True):
            if not all_finite(out):
                return (
                    f"the first layer whose output is not finite is {name}, a {type(layer).__name__}; "
                    f"its input reaches {largest:.3g}"
                )
            largest = float(abs(out).max())
    return None
