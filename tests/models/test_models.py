"""Models have the shapes, the first loss, the gradients and the face that they promise."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch import layers as L
from nnscratch.gradcheck import assert_gradients
from nnscratch.models import (
    MODELS,
    Classifier,
    InputError,
    alexnet,
    alexnet_one_tower,
    alexnet_torchvision,
    build,
    cifar_googlenet,
    cifar_vgg,
    googlenet,
    lenet,
    mlp,
    net_11pct,
    net_13pct,
    net_18pct,
    net_19pct,
    net_80sec,
    nin,
    resnet18,
    resnet20,
    resnet32,
    resnet34,
    resnet50,
    resnet56,
    small_alexnet,
    vgg11,
    vgg13,
    vgg16,
    vgg19,
)  # fmt: skip
from nnscratch.shapes import ShapeError


def images(N=8, dtype=np.float32, size=32):
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, 3, size, size)).astype(dtype), rng.integers(0, 10, N)


# Small forms of the networks for large images: options, and the smallest image that suits them.
SMALLER = {
    "alexnet": ({"width": 12}, 67),
    "alexnet-one-tower": ({"width": 12}, 64),
    "alexnet-torchvision": ({"width": 8}, 64),
    "googlenet": ({"width": 8}, 79),
    "11pct": ({}, 24),
    **{name: ({"width": 4}, 32) for name in MODELS if name.startswith(("vgg", "resnet"))},
}


@pytest.mark.parametrize("name", [name for name in MODELS if name != "char-rnn"])
def test_every_model_starts_at_log_classes_and_learns(name):
    options, size = SMALLER.get(name, ({}, 32))
    model, (x, y) = build(name, classes=10, image=(3, size, size), **options), images(size=size)
    loss, grads = model.loss(x, y)
    # Two side heads count 0.3 each.
    assert abs(loss / (1.6 if name == "googlenet" else 1) - math.log(10)) < 0.7
    assert list(grads) == list(model.params)
    for _ in range(3):
        for key, grad in model.loss(x, y)[1].items():
            model.params[key] -= 0.001 * grad
    assert model.loss(x).shape == (8, 10)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "char-rnn"])
def test_images_of_another_size_are_taken_or_the_right_size_is_told(name):
    options, size = SMALLER.get(name, ({"width": 6} if name not in ("lenet", "mlp") else {}, 32))
    with pytest.raises(
        ShapeError, match=r"images of 0x0 pixels are too small: it needs at least \d+x\d+|needs at least one"
    ):
        build(name, image=(3, 0, 0), **options)
    model = build(name, classes=10, image=(3, size, size), **options)
    other, _ = images(N=2, size=9)
    for y in (None, np.zeros(2, int)):
        try:
            model.loss(other, y)
        except ShapeError as error:
            assert f"{name} was built for images of 3x{size}x{size}, but those of x are 3x9x9" in str(error)


def test_colours_that_come_last_are_told():
    with pytest.raises(ShapeError, match=r"3x32x32, but those of x are 32x32x3: the colours seem to come last"):
        build("lenet").loss(np.zeros((2, 32, 32, 3), np.float32))


SMALL = [
    (small_alexnet, (2, 9, 9), {"width": 2, "norm": "batch"}),
    (small_alexnet, (2, 9, 9), {"width": 2, "norm": "lrn", "activation": "tanh"}),
    (small_alexnet, (2, 9, 8), {"width": 2, "norm": "none", "pool": 2, "drop": 0.0}),
    (lenet, (2, 16, 16), {}),
    (alexnet, (2, 67, 67), {"width": 6}),
    (alexnet_one_tower, (2, 64, 64), {"width": 3}),
    (alexnet_torchvision, (2, 64, 64), {"width": 2}),
    (net_80sec, (2, 9, 8), {"width": 4}),
    (net_18pct, (2, 9, 8), {"width": 4}),
    (net_19pct, (2, 9, 8), {"width": 4}),
    (net_13pct, (2, 9, 8), {"width": 2}),
    (net_11pct, (2, 9, 8), {"width": 2}),
    (nin, (2, 9, 9), {"width": 6}),
    (vgg11, (2, 32, 32), {"width": 1}),
    (mlp, (2, 3, 3), {"hidden": (6, 5), "activation": "softplus", "norm": "batch", "drop": 0.3}),
]
# With so many parameters a check of each takes minutes: these are checked along directions through all of them.
DEEP = [
    *((vgg, (2, 32, 32), {"width": 1}) for vgg in (vgg13, vgg16, vgg19, cifar_vgg)),
    (googlenet, (1, 79, 79), {"width": 4}),
    (cifar_googlenet, (2, 9, 9), {"width": 4}),
    *((resnet, (2, 33, 33), {"width": 4, "order": order})
      for resnet in (resnet18, resnet34, resnet50) for order in ("post", "pre")),
    *((resnet, (2, 8, 8), {"width": 2, "order": order})
      for resnet in (resnet20, resnet32, resnet56) for order in ("post", "pre")),
]  # fmt: skip


def in_float64(builder, image, options):
    """Build a model in float64 with parameters that are nowhere special, and draw a batch for it."""
    rng = np.random.default_rng(0)
    model = builder(classes=3, image=image, dtype=np.float64, **options)
    for key, w in model.params.items():  # away from the kinks that biases of exactly 0 make
        model.params[key] = w + 0.1 * rng.normal(size=w.shape)
    return model, rng.normal(size=(4, *image)), np.array([0, 1, 2, 1])


@pytest.mark.parametrize(
    ("builder", "image", "options"), DEEP, ids=lambda value: getattr(value, "__name__", str(value))
)
def test_gradients_of_deep_models(builder, image, options):
    """The loss' slope along random directions, by central differences, is the gradient's share of them."""
    model, x, y = in_float64(builder, image, options)
    params, state = dict(model.params), dict(model.state)

    def loss(step, direction):
        model.state.update(state)  # the same dropout masks each time
        for key, w in params.items():
            model.params[key] = w + step * direction[key]
        return model.loss(x, y)

    _, grads = loss(0.0, params)
    rng = np.random.default_rng(1)
    for _ in range(4):
        # Each parameter's part is as long as its gradient is short, so that all of them count.
        direction = {
            key: rng.normal(size=w.shape) / (np.linalg.norm(grads[key]) or 1.0) for key, w in params.items()
        }
        direction = {key: d / np.sqrt(d.size) for key, d in direction.items()}
        longest = max(np.linalg.norm(d) for d in direction.values())
        step = 1e-6 / longest
        slope = (loss(step, direction)[0] - loss(-step, direction)[0]) / (2 * step)
        parts = np.array([(grads[key] * direction[key]).sum() for key in params])
        assert abs(slope - parts.sum()) < 1e-4 * np.linalg.norm(parts)


@pytest.mark.parametrize(
    ("builder", "image", "options"), SMALL, ids=lambda value: getattr(value, "__name__", str(value))
)
def test_gradients_of_whole_models(builder, image, options):
    model, x, y = in_float64(builder, image, options)
    assert_gradients(model, x, y, rng=1, elements=10 if len(model.params) < 16 else 1)


@pytest.mark.parametrize("norm", ["batch", "lrn", "none"])
def test_small_alexnet_layer_by_layer(norm):
    model = small_alexnet(norm=norm)
    shapes = {name: out.shape[1:] for name, _, out in model.layers.trace(images(2)[0])}
    assert shapes["conv1"] == (32, 32, 32)
    assert shapes["conv2"] == (64, 16, 16)
    assert shapes["conv3"] == (96, 8, 8)
    assert shapes["conv5"] == (64, 8, 8)
    assert shapes["maxpool3"] == (64, 4, 4)
    assert shapes["affine1"] == (512,)
    kinds = [type(layer).__name__ for layer in model.layers.children.values()]
    assert kinds.count("BatchNorm") == (5 if norm == "batch" else 0)
    assert kinds.count("LRN") == (2 if norm == "lrn" else 0)
    assert kinds.count("Dropout") == 2
    assert kinds.count("ReLU") == 6
    if norm == "lrn":
        assert [i for i, kind in enumerate(kinds) if kind == "LRN"] == [
            i + 1 for i, kind in enumerate(kinds) if kind == "MaxPool"
        ][:2]


def test_the_regulariser_prices_weights_only():
    layers = L.Sequential(L.Affine(4, 3, bias=1.0, rng=0), L.BatchNorm(3))
    x, y = np.ones((2, 4), np.float32), np.array([0, 1])
    plain, plain_grads = Classifier(layers).loss(x, y)
    priced, grads = Classifier(layers, regularizer=L.l2_penalty, strength=0.1).loss(x, y)
    w = layers.params["affine1.w"]
    assert_allclose(priced - plain, 0.05 * (w**2).sum(), rtol=1e-5)
    assert_allclose(grads["affine1.w"] - plain_grads["affine1.w"], 0.1 * w, rtol=1e-5)
    assert_array_equal(grads["affine1.b"], plain_grads["affine1.b"])
    assert_array_equal(grads["batchnorm1.gamma"], plain_grads["batchnorm1.gamma"])


def test_probabilities_and_predictions_in_batches():
    model, (x, _) = mlp(hidden=(5,)), images(7)
    assert_allclose(model.probabilities(x, batch_size=3).sum(axis=1), 1, rtol=1e-5)
    assert_array_equal(model.predict(x, batch_size=2), model.loss(x).argmax(axis=1))


def test_inputs_that_a_model_cannot_take():
    model, (x, y) = mlp(hidden=(5,)), images(3)
    with pytest.raises(InputError, match="uint8"):
        model.loss((x * 50 + 120).clip(0, 255).astype(np.uint8), y)
    with pytest.raises(InputError, match="asarray"):
        model.loss([[1.0]], y)
    with pytest.raises(ShapeError, match="affine: axis D"):
        model.loss(x[:, :, :5], y)
    assert model.loss(x.astype(np.float64)).dtype == np.float32


def test_an_empty_batch_has_scores_but_no_loss():
    for norm in ("batch", "none"):
        model = small_alexnet(width=2, norm=norm)
        before = {name: array.copy() for name, array in model.state.items()}
        x = np.zeros((0, 3, 32, 32), np.float32)
        assert model.loss(x).shape == (0, 10)
        with pytest.raises(InputError, match="no examples"):
            model.loss(x, np.zeros(0, int))
        for name, array in model.state.items():
            assert_array_equal(array, before[name])


def test_unknown_names_are_met_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'small-alexnet'"):
        build("smal-alexnet")
    with pytest.raises(ValueError, match="did you mean 'width'"):
        build("small-alexnet", widht=3)
    with pytest.raises(ValueError, match="did you mean 'batch'"):
        small_alexnet(norm="bacth")


def test_the_same_seed_builds_the_same_model():
    first, second, other = (small_alexnet(width=2, seed=seed) for seed in (4, 4, 5))
    for key in first.params:
        assert_array_equal(first.params[key], second.params[key])
    assert (first.params["conv1.w"] != other.params["conv1.w"]).any()
