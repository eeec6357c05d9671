"""How the ten crops and the small AlexNet of a3-convnets are checked."""

from functools import partial

import numpy as np

from nnscratch.course import expect, slips
from nnscratch.course.exercises import exercise


@exercise(
    "a3.ten_crop",
    file="crops.py",
    minutes=10,
    points=1,
    hints=(
        "Five places, then the same five seen in a mirror: where does each crop begin?",
        "Rows begin at 0, H - size or (H - size) // 2, columns likewise. A mirror image is [..., ::-1].",
        "crops = np.stack([x[:, :, i : i + size, j : j + size] for i, j in places], axis=1); "
        "np.concatenate([crops, crops[..., ::-1]], axis=1)",
    ),
)
def ten_crop(mine, rng):
    """Each of the ten by itself; float32; the error."""
    names = ("top left", "top right", "bottom left", "bottom right", "centre")
    for (H, W), size in (((6, 9), 4), ((5, 5), 5)):
        x = rng.normal(size=(2, 3, H, W)).astype(np.float32)
        crops = expect.unchanged(lambda: mine(x, size), x=x)
        expect.shape(crops, (2, 10, 3, size, size), "crops", given=dict(x=x, size=size))
        starts = [(0, 0), (0, W - size), (H - size, 0), (H - size, W - size), ((H - size) // 2, (W - size) // 2)]
        for k in range(10):
            (i, j), mirror = starts[k % 5], "the mirror image of " if k >= 5 else ""
            cut = np.roll(x, (-i, -j), axis=(2, 3))[:, :, :size, :size]
            expected = np.flip(cut, axis=3) if mirror else cut
            mistakes = {
                "up and down were swapped, not left and right": lambda: np.flip(cut, axis=2),
                "the channels were mirrored": lambda: np.flip(cut, axis=1),
                "it were not mirrored": lambda: cut,
            }
            name = f"crops[:, {k}] ({mirror}{names[k % 5]})"
            slips.equal(crops[:, k], expected, name, given=dict(x=x, size=size), slips=mistakes if mirror else {})
    expect.raises(ValueError, lambda: mine(np.zeros((1, 3, 4, 8)), 5), "a crop of 5 from an image of 4 x 8")


@exercise(
    "a3.alexnet_parameters",
    file="alexnet.py",
    minutes=20,
    points=2,
    hints=(
        "Write the seven shapes into a dict first, and loop over it.",
        "D: send H and W three times through output_size(H, 3, 2). fan_in of a filter is the product of its "
        "shape without the first number.",
        "rng.normal(0, np.sqrt(2 / fan_in), shape).astype(dtype) for weights, np.zeros for biases, 0.01 for "
        "affine7.w.",
    ),
)
def alexnet_parameters(mine, rng):
    """Keys, shapes, dtypes and the spread of the numbers."""
    for width, image, hidden, classes, dtype in (
        (8, (3, 32, 32), 50, 10, np.float32),
        (4, (1, 24, 17), 9, 5, float),
    ):
        given = dict(width=width, image=image, hidden=hidden, classes=classes)
        params = mine(**given, rng=np.random.default_rng(3), dtype=dtype)
        expect.true(
            isinstance(params, dict), f"alexnet_parameters should return a dict, not {type(params).__name__}"
        )
        shapes = _alexnet_shapes(**given)
        words = f"the keys should be {', '.join(shapes)}; they are {', '.join(map(str, params))}"
        expect.true(list(params) == list(shapes), words)
        for name, shape in shapes.items():
            expect.shape(params[name], shape, name, given=given)
            expect.true(
                params[name].dtype == dtype, f"{name} has dtype {params[name].dtype}, not {np.dtype(dtype)}"
            )
            if name.endswith(".b"):
                expect.equal(params[name], np.zeros(shape, dtype), name, given=given)
    params = mine(16, rng=np.random.default_rng(int(rng.integers(1000))))
    for name, value in params.items():
        if name.endswith(".w"):
            fan_in = value[0].size if value.ndim == 4 else len(value)
            std = 0.01 if name == "affine7.w" else np.sqrt(2 / fan_in)
            words = f"{name} has standard deviation {value.std():.4f}, it should be about {std:.4f}"
            expect.true(abs(value.std() / std - 1) < 0.12, words)
            expect.true(abs(value.mean()) < 0.2 * std, f"{name} has mean {value.mean():.4f}, it should be about 0")
    again = [mine(4, rng=np.random.default_rng(5))["conv1.w"] for _ in range(2)]
    expect.true(
        np.array_equal(*again), "the same rng should give the same numbers: draw from rng, not from np.random"
    )


@exercise(
    "a3.alexnet_loss",
    file="alexnet.py",
    minutes=40,
    points=5,
    seconds=40,
    hints=(
        "Write forward line by line, keep each layer's cache in a variable or list, and write backward from "
        "the last line to the first.",
        "A loop over layers with a list of (name, cache) makes backward short: for name, cache in reversed(done).",
        "d, grads[name + '.w'], grads[name + '.b'] = conv_backward(d, cache) for a convolution or "
        "affine_backward for an affine layer; d = relu_backward(d, cache), max_pool_backward or lrn_backward "
        "for the others.",
    ),
)
def alexnet_loss(mine, rng):
    """Scores, loss and every gradient against the built-in layers; then it learns eight images by heart."""
    from nnscratch import kernels

    params = {name: rng.normal(size=shape) / 4 for name, shape in _alexnet_shapes(2, (3, 16, 16), 7, 10).items()}
    x, y = rng.normal(size=(3, 3, 16, 16)), rng.integers(10, size=3)
    scores = expect.unchanged(lambda: mine(params, x), x=x, **params)
    with kernels.reference_only():
        model = _built_in_alexnet(params)
        expect.equal(scores, model.loss(x), "scores", tolerance=1e-7, given=dict(x=x))
        expected, expected_grads = model.loss(x, y)
    loss, grads = expect.pair(
        expect.unchanged(lambda: mine(params, x, y), x=x, **params), "alexnet_loss with labels"
    )
    expect.equal(loss, float(expected), "loss", given=dict(x=x, y=y))
    expect.true(isinstance(grads, dict), f"grads should be a dict, not {type(grads).__name__}")
    for name, (_, theirs) in reversed(list(zip(params, expected_grads.items()))):
        expect.true(name in grads, f"grads has no {name}: every parameter needs its gradient")
        expect.equal(grads[name], theirs, f"the gradient of {name}", tolerance=1e-6, given=dict(x=x, y=y))
    _check_learning(mine, np.random.default_rng(1))


def _check_learning(mine, rng):
    """Eighty steps with momentum on eight images."""
    shapes = _alexnet_shapes(4, (3, 16, 16), 16, 10)
    spread = {name: 0.0 if len(shape) == 1 else np.sqrt(2 / np.prod(shape[1:])) for name, shape in shapes.items()}
    spread |= {"affine6.w": 0.35, "affine7.w": 0.1}
    params = {name: rng.normal(0, spread[name], shape).astype(np.float32) for name, shape in shapes.items()}
    velocity = dict.fromkeys(params, 0.0)
    x, y = rng.normal(0, 2, size=(8, 3, 16, 16)).astype(np.float32), np.arange(8)
    losses = []
    for _ in range(80):
        loss, grads = mine(params, x, y)
        losses.append(loss)
        for name in params:
            kind = grads[name].dtype
            expect.true(kind == np.float32, f"with float32 parameters, the gradient of {name} is {kind}")
            velocity[name] = 0.5 * velocity[name] - 0.02 * grads[name]
            params[name] = params[name] + velocity[name]
    way = f"from {losses[0]:.2f} to {losses[-1]:.2f}"
    words = f"the loss on eight images goes {way} in 80 steps, it should fall below 0.5"
    expect.true(losses[-1] < 0.5, words)


def _alexnet_shapes(width, image, hidden, classes):
    C, H, W = image
    for _ in range(3):
        H, W = (H - 3) // 2 + 1, (W - 3) // 2 + 1
    sides = [C, width, 2 * width, 3 * width, 2 * width, 2 * width]
    shapes = {}
    for i in range(5):
        kernel = 5 if i < 2 else 3
        shapes[f"conv{i + 1}.w"] = (sides[i + 1], sides[i], kernel, kernel)
        shapes[f"conv{i + 1}.b"] = (sides[i + 1],)
    features = [2 * width * H * W, hidden, classes]
    for i in range(2):
        shapes[f"affine{i + 6}.w"], shapes[f"affine{i + 6}.b"] = (features[i], features[i + 1]), (features[i + 1],)
    return shapes


def _built_in_alexnet(params):
    """The same network out of nnscratch's layers, with these parameters."""
    from nnscratch.layers import LRN, Affine, Conv, Flatten, MaxPool, ReLU, Sequential
    from nnscratch.models.classifier import Classifier

    layers = []
    for i in range(1, 6):
        F, C, K, _ = params[f"conv{i}.w"].shape
        layers += [Conv(C, F, K, pad="same", dtype=np.float64), ReLU()]
        layers += [MaxPool(3, stride=2)] if i in (1, 2, 5) else []
        layers += [LRN()] if i < 3 else []
    hidden, classes = (Affine(*params[f"affine{i}.w"].shape, dtype=np.float64) for i in (6, 7))
    model = Classifier(Sequential(*layers, Flatten(), hidden, ReLU(), classes))
    for name, value in zip(model.params, params.values()):
        model.params[name] = value
    return model
