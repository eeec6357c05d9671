"""Whole networks agree with PyTorch's layers on the same weights, in float64: scores, loss and every gradient."""

import numpy as np
import pytest

from nnscratch.models import MODELS, CaptioningRNN, build
from nnscratch.models.captioning import SPECIAL
from tests import needs
from tests.models.test_models import SMALLER

needs.package("torch")
from experiments.in_torch import differences, without_dropout  # noqa: E402

WIDTHS = {"nin": 12, "cifar-vgg": 8, "cifar-googlenet": 8, "small-alexnet": 8}
IMAGES = [name for name in MODELS if "image" in MODELS[name].__code__.co_varnames]
CELLS = pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])


def shaken(model, size):
    """Bring parameters to where nothing is special: zero biases and equal scores would hide much."""
    rng = np.random.default_rng(0)
    for key, w in model.params.items():
        model.params[key] = w + size * rng.normal(size=w.shape)
    without_dropout(model.layers)
    return model


def check(model, x, y):
    found = differences(model, x, y)
    assert set(found) == {"scores", "loss", *model.params}
    assert max(found.values()) < 1e-8, found


@pytest.mark.parametrize("name", IMAGES)
def test_networks_for_images(name):
    options, size = SMALLER.get(name, ({"width": WIDTHS[name]} if name in WIDTHS else {}, 32))
    model = shaken(build(name, classes=10, image=(3, size, size), dtype=np.float64, **options), 0.02)
    check(model, np.random.default_rng(1).normal(size=(3, 3, size, size)), np.array([1, 7, 4]))


@CELLS
def test_char_rnn(cell):
    options = {"hidden": 6, "embed": 4, "depth": 2, "drop": 0.3, "cell": cell}
    model = shaken(build("char-rnn", characters="abcde", dtype=np.float64, **options), 0.1)
    x = np.random.default_rng(1).integers(0, 5, (3, 8))
    check(model, x[:, :-1], x[:, 1:])


@CELLS
def test_captioning(cell):
    model = CaptioningRNN([*SPECIAL, "a", "cat"], features=4, embed=3, hidden=5, cell=cell, dtype=np.float64)
    captions = model.encode(["a cat", "cat", "a a a"])
    check(shaken(model, 0.1), np.random.default_rng(1).normal(size=(3, 4)), captions)
