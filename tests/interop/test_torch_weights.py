"""Weights go to and from torchvision's networks, which then agree with ours forward and backward."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch.interop import WeightsError, load_torch, read_weights, save_torch, to_torch
from nnscratch.models import build
from tests import needs

SMALL = {"alexnet-torchvision": {"width": 4, "image": (3, 64, 64)}, "vgg11": {"width": 2, "image": (3, 32, 32)},
         "resnet18": {"width": 4}, "resnet50": {"width": 4}}  # fmt: skip
FULL = {"alexnet-torchvision": "alexnet", "vgg11": "vgg11", "resnet18": "resnet18", "resnet50": "resnet50"}


@pytest.mark.parametrize("name", SMALL)
def test_there_and_back_through_a_file(name, tmp_path):
    one, other = (build(name, classes=3, seed=seed, **SMALL[name]) for seed in (0, 1))
    save_torch(other, tmp_path / "weights.safetensors")
    load_torch(one, tmp_path / "weights.safetensors")
    for mine, theirs in ((one.params, other.params), (one.state, other.state)):
        for key in mine:
            if not key.endswith(("seed", "draws")):
                assert_array_equal(mine[key], theirs[key])


def test_all_that_does_not_fit_is_listed_and_nothing_is_written():
    model = build("resnet18", classes=3, width=4)
    weights = {**to_torch(model), "extra.weight": np.zeros(2), "fc.weight": np.zeros((5, 32))}
    del weights["layer1.0.bn1.running_var"]
    before = model.params["conv1.w"].copy()
    weights["conv1.weight"] = weights["conv1.weight"] + 1
    with pytest.raises(WeightsError) as raised:
        load_torch(model, weights)
    for part in ("layer1.0.bn1.running_var is missing", "extra.weight is not in this model",
                 "fc.weight has shape (5, 32), but (3, 32) is needed"):  # fmt: skip
        assert part in str(raised.value)
    assert_array_equal(model.params["conv1.w"], before)


def test_models_without_a_twin_and_files_that_cannot_be_read(tmp_path):
    with pytest.raises(WeightsError, match="lenet has no twin"):
        to_torch(build("lenet"))
    with pytest.raises(WeightsError, match="resnet18 has no twin"):
        to_torch(build("resnet18", width=4, order="pre"))
    with pytest.raises(WeightsError, match="no such file"):
        read_weights(tmp_path / "none.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"12345678 nothing")
    with pytest.raises(WeightsError, match="cannot be read"):
        read_weights(tmp_path / "broken.safetensors")


def test_a_file_that_would_run_code_is_refused(tmp_path):
    torch = needs.package("torch")
    torch.save({"w": torch.ones(2)}, tmp_path / "good.pt")
    assert_array_equal(read_weights(tmp_path / "good.pt")["w"], [1, 1])
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    with pytest.raises(WeightsError, match="more than weights"):
        read_weights(tmp_path / "module.pt")


def torchvision_models():
    needs.package("torch")
    return needs.package("torchvision").models


@pytest.mark.slow
@pytest.mark.parametrize("name", FULL)
def test_torchvisions_network_agrees_with_the_same_weights(name):
    """In float64 to 1e-8: scores in evaluation, and loss and all gradients in training, without dropout."""
    models = torchvision_models()
    import torch

    torch.manual_seed(0)
    size = 64 if name.startswith("resnet") else 224
    theirs = getattr(models, FULL[name])(weights=None, num_classes=10).double()
    options = {} if name.startswith("resnet") else {"drop": 0.0}
    ours = build(name, classes=10, image=(3, size, size), dtype=np.float64, **options)
    load_torch(ours, theirs.state_dict())
    for module in theirs.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 3, size, size)), np.array([3, 7])
    theirs.eval()
    with torch.no_grad():
        expected = theirs(torch.tensor(x)).numpy()
    assert_allclose(ours.loss(x), expected, atol=1e-8 * max(1, abs(expected).max()))
    theirs.train()
    loss = torch.nn.functional.cross_entropy(theirs(torch.tensor(x)), torch.tensor(y))
    loss.backward()
    our_loss, grads = ours.loss(x, y)
    assert abs(our_loss - loss.item()) < 1e-8
    their_grads = {key: p.grad for key, p in theirs.named_parameters()}
    for key, grad in as_torch(ours, grads).items():
        expected = their_grads[key].numpy()
        assert_allclose(grad, expected, atol=1e-8 * max(1, abs(expected).max()), err_msg=key)


def as_torch(model, grads):
    """Return gradients under torchvision's names: they take the places of the parameters for a moment."""
    before = dict(model.params)
    for key, grad in grads.items():
        model.params[key] = grad
    named = to_torch(model)
    for key, w in before.items():
        model.params[key] = w
    return {key: value for key, value in named.items() if "running" not in key and "tracked" not in key}
