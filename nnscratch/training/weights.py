"""All arrays of a model, parameters and state, as one flat dict: to copy, to put back, to save."""

from collections.abc import Mapping
from typing import Any

from nnscratch.arrays import device_of


def model_arrays(model: Any) -> dict[str, Any]:
    """Return the model's own arrays, named as in a checkpoint: `params.conv1.w`, `state.batchnorm1.mean`.

    >>> from nnscratch.models import mlp
    >>> list(model_arrays(mlp(hidden=(), image=(4,))))
    ['params.affine1.w', 'params.affine1.b']
    """
    return {
        f"{part}.{name}": array for part in ("params", "state") for name, array in getattr(model, part).items()
    }


def device_of_model(model: Any) -> str:
    """Return where a model's parameters lie, `"cpu"` or `"gpu"`; a model without any is on the CPU.

    >>> from nnscratch.models import mlp
    >>> device_of_model(mlp(hidden=(), image=(4,)))
    'cpu'
    """
    return next((device_of(array) for array in model.params.values()), "cpu")


def copy_arrays(model: Any) -> dict[str, Any]:
    """Return copies of the model's arrays, for `put_arrays` to put back.

    >>> from nnscratch.models import mlp
    >>> model = mlp(hidden=(), image=(4,))
    >>> before = copy_arrays(model)
    >>> model.params["affine1.b"] += 1
    >>> put_arrays(model, before)
    >>> float(model.params["affine1.b"].max())
    0.0
    """
    return {name: array.copy() for name, array in model_arrays(model).items()}


def put_arrays(model: Any, arrays: Mapping[str, Any]) -> None:
    """Give the model copies of these arrays, named as in `model_arrays`."""
    for full_name, array in arrays.items():
        part, _, name = full_name.partition(".")
        getattr(model, part)[name] = array.copy()


def with_prefix(prefix: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arrays with `prefix.` before their names, as a checkpoint keeps them.

    >>> with_prefix("optimizer", {"w.velocity": 1})
    {'optimizer.w.velocity': 1}
    """
    return {f"{prefix}.{name}": array for name, array in arrays.items()}


def part_of(arrays: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return the arrays whose names start with `prefix.`, without it.

    >>> part_of({"params.w": 1, "state.mean": 2}, "params")
    {'w': 1}
    """
    return {name[len(prefix) + 1 :]: array for name, array in arrays.items() if name.startswith(f"{prefix}.")}
