"""Weights in and out under torchvision's names: state dicts and safetensors files for AlexNet, VGG and ResNet."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnscratch.arrays import to_device
from nnscratch.layers import Affine, BatchNorm, Conv, MaxPool, ReLU

NAMES = {
    "w": "weight",
    "b": "bias",
    "gamma": "weight",
    "beta": "bias",
    "mean": "running_mean",
    "var": "running_var",
}
COUNTER = "num_batches_tracked"  # of PyTorch's batch norms, which nothing here uses


class WeightsError(ValueError):
    """Weights that cannot be read, or do not fit the model; the message lists all that is wrong."""


def load_torch(model: Any, weights: Mapping[str, Any] | Path | str) -> None:
    """Write weights under torchvision's names into a model that torchvision has too.

    model: one that `build` made as alexnet-torchvision, vgg11, 13, 16, 19 or resnet18, 34, 50.
    weights: a state dict (tensors or arrays), or the path of a file that `read_weights` reads; each takes the
    dtype of the model's. Raises WeightsError that lists all missing, extra and misshapen tensors; nothing is then
    written.

    >>> from nnscratch.models import build
    >>> options = {"classes": 3, "image": (3, 64, 64), "width": 4}
    >>> one, other = (build("alexnet-torchvision", seed=seed, **options) for seed in (0, 1))
    >>> load_torch(one, to_torch(other))
    >>> bool((one.params["conv1.w"] == other.params["conv1.w"]).all())
    True
    >>> load_torch(one, {"features.0.weight": np.zeros((4, 3, 5, 5)), "fc.bias": np.zeros(3)})
    Traceback (most recent call last):
    nnscratch.interop.torch_weights.WeightsError: the weights do not fit alexnet-torchvision:
      features.0.weight has shape (4, 3, 5, 5), but (4, 3, 11, 11) is needed
      features.0.bias is missing
      ...
      fc.bias is not in this model
    """
    given = read_weights(weights) if isinstance(weights, (str, Path)) else weights
    arrays = {name: _as_array(tensor) for name, tensor in given.items() if not name.endswith(COUNTER)}
    places = {theirs: place for theirs, *place in _places(model)}
    problems = []
    for theirs, (target, key, turned) in places.items():
        shape = target[key].shape[::-1] if turned else target[key].shape
        if theirs not in arrays:
            problems.append(f"{theirs} is missing")
        elif arrays[theirs].shape != shape:
            problems.append(f"{theirs} has shape {arrays[theirs].shape}, but {shape} is needed")
    problems += [f"{name} is not in this model" for name in arrays if name not in places]
    if problems:
        listed = "".join(f"\n  {problem}" for problem in problems)
        raise WeightsError(f"the weights do not fit {model.spec['name']}:{listed}")
    for theirs, (target, key, turned) in places.items():
        value = arrays[theirs].T if turned else arrays[theirs]
        target[key] = np.ascontiguousarray(value, dtype=target[key].dtype)


def to_torch(model: Any) -> dict[str, np.ndarray]:
    """Return a model's weights and running statistics as arrays under torchvision's names, in its layout.

    The model must come from `build`, by one of the names of load_torch. Raises WeightsError for another model.

    >>> from nnscratch.models import build
    >>> list(to_torch(build("vgg11", classes=3, image=(3, 32, 32), width=1)))[:3]
    ['features.0.weight', 'features.0.bias', 'features.3.weight']
    """
    found = {}
    for theirs, target, key, turned in _places(model):
        array = np.asarray(to_device(target[key], "cpu"))
        found[theirs] = np.ascontiguousarray(array.T if turned else array)
        if key == "var":
            found[theirs.replace("running_var", COUNTER)] = np.array(0, np.int64)
    return found


def save_torch(model: Any, path: Path | str) -> None:
    """Write a model's weights as a safetensors file under torchvision's names.

    >>> from nnscratch.models import build
    >>> path = getfixture("tmp_path") / "weights.safetensors"
    >>> model = build("vgg11", classes=3, image=(3, 32, 32), width=1)
    >>> save_torch(model, path)
    >>> load_torch(model, path)
    """
    from safetensors.numpy import save_file

    save_file(to_torch(model), path)


def read_weights(path: Path | str) -> dict[str, np.ndarray]:
    """Return the tensors of a .safetensors file, or of a state dict that torch.save wrote (.pt, .pth), as arrays.

    The latter needs PyTorch, which is asked to load weights alone: nothing in the file is run.
    Raises WeightsError when the file cannot be read.

    >>> read_weights("weights.zip")
    Traceback (most recent call last):
    nnscratch.interop.torch_weights.WeightsError: weights.zip: give a .safetensors, .pt or .pth file
    """
    path = Path(path)
    if path.suffix not in (".safetensors", ".pt", ".pth"):
        raise WeightsError(f"{path}: give a .safetensors, .pt or .pth file")
    if not path.is_file():
        raise WeightsError(f"{path}: there is no such file")
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            return load_file(path)
        except (SafetensorError, TypeError) as error:
            raise WeightsError(f"{path} cannot be read: {error}. Fetch it again") from error
    try:
        import torch
    except ImportError:
        raise WeightsError(
            f"{path} was written by PyTorch, which is not installed: pip install torch, or convert the file to "
            "safetensors where it is"
        ) from None
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # PyTorch raises many kinds
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"{path} holds more than weights, or is damaged ({first}): save its state_dict()"
        ) from error
    if not isinstance(tensors, dict) or not all(hasattr(tensor, "shape") for tensor in tensors.values()):
        raise WeightsError(f"{path} holds no state dict: save model.state_dict() itself")
    return {name: _as_array(tensor) for name, tensor in tensors.items()}


def _as_array(tensor):
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu()
        return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()
    return np.asarray(tensor)


def _places(model) -> Iterator[tuple[str, Any, str, bool]]:
    """Yield (their name, dict, key, whether it is turned) for every array of a model, in torchvision's order."""
    name = (model.spec or {}).get("name", "")
    if name in ("alexnet-torchvision", "vgg11", "vgg13", "vgg16", "vgg19"):
        layers = _plain(model)
    elif name in ("resnet18", "resnet34", "resnet50") and model.spec.get("order", "post") == "post":
        layers = _resnet(model)
    else:
        raise WeightsError(
            f"{name or 'this model'} has no twin in torchvision: build one of alexnet-torchvision, vgg11, vgg13, "
            "vgg16, vgg19, resnet18, resnet34, resnet50 (order post) with nnscratch.models.build"
        )
    for prefix, layer in layers:
        turned = isinstance(layer, Affine)
        for arrays in (layer.params, layer.state):
            for key in arrays:
                yield f"{prefix}.{NAMES[key]}", arrays, key, turned and key == "w"


def _plain(model):
    """AlexNet and VGG: two rows of layers, `features` and `classifier`, each counted from 0."""
    room, number = "features", 0
    for layer in _flat(model.layers):
        if room == "features" and not isinstance(layer, (Conv, ReLU, MaxPool)):
            room, number = "classifier", 0
            continue  # the layer that flattens
        if layer.params:
            yield f"{room}.{number}", layer
        number += 1


def _flat(layer):
    """The layers of nested containers in order."""
    if not layer.children:
        yield layer
    for child in layer.children.values():
        yield from _flat(child)


def _resnet(model):
    """ResNet: a stem, four stages of blocks, each with a body and perhaps a downsample, and the last layer."""
    stage = 0
    for layer in model.layers.children.values():
        if isinstance(layer, (Conv, BatchNorm)):
            yield ("conv1" if isinstance(layer, Conv) else "bn1"), layer
        elif layer.children:
            stage += 1
            for number, block in enumerate(layer.children.values()):
                yield from _block(f"layer{stage}.{number}", block["sum1"])
        elif layer.params:
            yield "fc", layer


def _block(prefix, total):
    with_params = [layer for layer in total["body"].children.values() if layer.params]
    for number, layer in enumerate(with_params):
        kind = "conv" if isinstance(layer, Conv) else "bn"
        yield f"{prefix}.{kind}{number // 2 + 1}", layer
    for number, layer in enumerate(total["shortcut"].children.values()):
        yield f"{prefix}.downsample.{number}", layer
