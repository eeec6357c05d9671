"""How the exercises on the net of two layers are checked."""

import numpy as np

from nnscratch.course import expect, slips
from nnscratch.course.exercises import exercise
from nnscratch.course.expect_loss import descended, gradients_of_loss, loss_causes, parts
from nnscratch.layers.affine import affine_forward
from nnscratch.layers.losses import softmax_loss


def _net(rng, D, H, C):
    shapes = {"w1": (D, H), "b1": (H,), "w2": (H, C), "b2": (C,)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def _scores(params, x):
    hidden = affine_forward(x, params["w1"], params["b1"])[0]
    hidden = np.where(hidden > 0, hidden, 0.0)
    return affine_forward(hidden, params["w2"], params["b2"])[0], hidden


@exercise(
    "a1.two_layer_scores",
    file="two_layer_net.py",
    minutes=10,
    hints=(
        "Three steps: a matrix product and biases, a ReLU, a matrix product and biases.",
        "np.maximum(..., 0) is the ReLU; np.max is something else.",
        'hidden = np.maximum(x @ params["w1"] + params["b1"], 0); the scores are hidden @ params["w2"] + '
        'params["b2"]',
    ),
)
def two_layer_scores(mine, rng):
    """Values on random shapes."""
    for N, D, H, C in ((4, 3, 5, 2), (1, 2, 3, 4)):
        params, x = _net(rng, D, H, C), rng.normal(size=(N, D))
        found, hidden = parts(expect.unchanged(lambda: mine(params, x), x=x, **params), ("scores", "hidden"))
        scores, right = _scores(params, x)
        expect.equal(hidden, right, "hidden", given=dict(x=x))
        causes = {"there is a ReLU after the second layer too": np.maximum(scores, 0)}
        slips.equal(found, scores, "scores", remedies=causes, given=dict(x=x))


@exercise(
    "a1.two_layer_loss",
    file="two_layer_net.py",
    minutes=40,
    points=4,
    hints=(
        "The loss is that of softmax_vectorized, with two penalties. Then go backwards, layer by layer, and let "
        "the shapes lead.",
        "With dscores (N, C): dw2 = hidden.T @ dscores, dhidden = dscores @ w2.T. The ReLU lets dhidden through "
        "where hidden > 0.",
        "dhidden = (dscores @ w2.T) * (hidden > 0); grads w1: x.T @ dhidden + strength * w1, b1: "
        "dhidden.sum(axis=0)",
    ),
)
def two_layer_loss(mine, rng):
    """The loss at w2 = 0 and at random, all four gradients, large scores."""
    for N, strength in ((4, 0.0), (4, 0.6), (1, 0.2)):
        params, x, y = _net(rng, 3, 5, 4), rng.normal(size=(N, 3)), rng.integers(0, 4, N)
        result = expect.unchanged(lambda: mine(params, x, y, strength), x=x, y=y, **params)
        loss, grads = parts(result, ("loss", "grads"))
        data = softmax_loss(_scores(params, x)[0], y)[0]
        one, two, *biases = (strength / 2 * (params[name] ** 2).sum() for name in ("w1", "w2", "b1", "b2"))
        causes = {"w1 is not penalised": data + two, "w2 is not penalised": data + one}
        causes |= loss_causes(data, one + two, N, sum(biases))
        slips.equal(loss, data + one + two, f"the loss of {N} examples with strength {strength}", remedies=causes)
        expect.true(
            isinstance(grads, dict) and set(grads) == set(params),
            f"grads should be a dict of w1, b1, w2, b2; it is {list(grads) if isinstance(grads, dict) else grads}",
        )
        for name, array in params.items():
            expect.shape(grads[name], array.shape, f'grads["{name}"]')
        gradients = mine(params, x, y, 0.0)[1]
        for name in ("w1", "w2"):
            causes = {f"the penalty has no gradient: add strength * {name}": gradients[name]}
            slips.none_of(grads[name], gradients[name] + strength * params[name], f'grads["{name}"]', causes)
        gradients_of_loss(mine, lambda **params: mine(params, x, y, strength), params)
    params["w2"] = params["w2"] * 1e4
    loss, grads = mine(params, x, y, 0.0)
    expect.equal(loss, softmax_loss(_scores(params, x)[0], y)[0], "the loss with scores of thousands")


@exercise(
    "a1.two_layer_train",
    file="two_layer_net.py",
    minutes=25,
    points=2,
    hints=(
        "It is train_linear with a dict of four arrays, and a rate that changes at the end of each epoch.",
        "dict(params) copies the dict, not its arrays: give each name a new array instead of changing the old "
        "one with -=.",
        "params[name] = params[name] - rate * grads[name] for each name; rate = rate * decay after the loop "
        "over batches",
    ),
)
def two_layer_train(mine, rng):
    """The same steps as the definition's, with the package's loss."""
    for N, batch_size, epochs in ((12, 4, 3), (11, 4, 3), (3, 8, 2)):
        params, x, y = _net(rng, 3, 5, 4), rng.normal(size=(N, 3)), rng.integers(0, 4, N)
        loss, seed = expect.function(mine, "two_layer_loss"), int(rng.integers(1000))

        def train():
            return mine(params, x, y, 0.3, 0.5, 0.1, epochs, batch_size, np.random.default_rng(seed))

        names = list(params)
        trained, losses = parts(expect.unchanged(train, x=x, y=y, **params), ("params", "losses"))
        expect.true(list(params) == names, "the dict params that was handed in has other names than before")
        expect.true(
            isinstance(trained, dict) and set(trained) == set(names),
            f"params should be a dict of w1, b1, w2, b2; it is {expect.described(trained)}",
        )
        how = dict(count=N, rate=0.3, epochs=epochs, batch_size=batch_size, decay=0.5)
        descended((trained, losses), lambda p, batch: loss(p, x[batch], y[batch], 0.1), params, seed, **how)


@exercise(
    "a1.two_layer_predict",
    file="two_layer_net.py",
    minutes=5,
    hints=(
        "Which class has the highest score? NumPy has a function for the place of a maximum.",
        "two_layer_scores returns two things: take the first. The classes are along axis 1.",
        "scores, _ = two_layer_scores(params, x); return scores.argmax(axis=1)",
    ),
)
def two_layer_predict(mine, rng):
    """Classes of random examples, and of equal scores."""
    params, x = _net(rng, 3, 5, 4), rng.normal(size=(12, 3))
    for scale in (1.0, 0.0):
        params["w2"], params["b2"] = params["w2"] * scale, params["b2"] * scale
        found = expect.unchanged(lambda: mine(params, x), x=x, **params)
        expect.equal(found, np.array([max(range(4), key=row.item) for row in _scores(params, x)[0]]), "labels")
