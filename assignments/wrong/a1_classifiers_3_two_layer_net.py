"""Wrong answers about the net of two layers, as learners write them, and what the check must say."""

from tests.course.wrong import Wrong

LOSS = """
def two_layer_loss(params, x, y, strength):
    N, rows = len(x), np.arange(len(x))
    w1, w2 = params["w1"], params["w2"]
    scores, hidden = two_layer_scores(params, x)
    scores = scores - scores.max(axis=1, keepdims=True)
    powers = np.exp(scores)
    p = powers / powers.sum(axis=1, keepdims=True)
    loss = (np.log(powers.sum(axis=1)) - scores[rows, y]).mean()
    loss += 0.5 * strength * ((w1 * w1).sum() + (w2 * w2).sum())
    dscores = p.copy()
    dscores[rows, y] -= 1
    dscores /= N
    dhidden = (dscores @ w2.T) * (hidden > 0)
    grads = {"w2": hidden.T @ dscores + strength * w2, "b2": dscores.sum(axis=0)}
    grads["w1"] = x.T @ dhidden + strength * w1
    grads["b1"] = dhidden.sum(axis=0)
    return loss, grads
"""

TRAIN = """
def two_layer_train(params, x, y, rate, decay, strength, epochs, batch_size, rng):
    params, losses = dict(params), []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            loss, grads = two_layer_loss(params, x[batch], y[batch], strength)
            for name in params:
                params[name] = params[name] - rate * grads[name]
            losses.append(loss)
        rate *= decay
    return params, losses
"""


def loss_with(old, new):
    """The right loss with one line done wrong."""
    assert old in LOSS
    return LOSS.replace(old, new)


def train_with(old, new):
    """The right training with one line done wrong."""
    assert old in TRAIN
    return TRAIN.replace(old, new)


WRONG = [
    Wrong(
        "a1.two_layer_scores",
        "a ReLU at the end",
        """
def two_layer_scores(params, x):
    hidden = np.maximum(x @ params["w1"] + params["b1"], 0)
    return np.maximum(hidden @ params["w2"] + params["b2"], 0), hidden
""",
        says=("there is a ReLU after the second layer too",),
    ),
    Wrong(
        "a1.two_layer_scores",
        "the ReLU is forgotten",
        """
def two_layer_scores(params, x):
    hidden = x @ params["w1"] + params["b1"]
    return hidden @ params["w2"] + params["b2"], hidden
""",
        says=("it should be zero in these places", "hidden["),
    ),
    Wrong(
        "a1.two_layer_scores",
        "the maximum of the array instead of the larger of two",
        """
def two_layer_scores(params, x):
    hidden = np.max(x @ params["w1"] + params["b1"], 0)
    return hidden @ params["w2"] + params["b2"], hidden
""",
        says=("hidden has shape",),
    ),
    Wrong(
        "a1.two_layer_loss",
        "the ReLU lets every gradient through",
        loss_with(" * (hidden > 0)", ""),
        says=("wrong-mask", "in w1", "in b1"),
    ),
    Wrong(
        "a1.two_layer_loss",
        "the mask is taken from the gradient, not from the hidden layer",
        loss_with("(dscores @ w2.T) * (hidden > 0)", "np.maximum(dscores @ w2.T, 0)"),
        says=("wrong-mask", "in w1", "in b1"),
    ),
    Wrong(
        "a1.two_layer_loss",
        "only the second layer is penalised",
        loss_with("((w1 * w1).sum() + (w2 * w2).sum())", "(w2 * w2).sum()"),
        says=("w1 is not penalised",),
    ),
    Wrong(
        "a1.two_layer_loss",
        "the penalty of w1 has no gradient",
        loss_with("x.T @ dhidden + strength * w1", "x.T @ dhidden"),
        says=("the penalty has no gradient",),
    ),
    Wrong(
        "a1.two_layer_loss",
        "the penalty's gradient is twice too large",
        loss_with("hidden.T @ dscores + strength * w2", "hidden.T @ dscores + 2 * strength * w2"),
        says=("in w2",),
    ),
    Wrong(
        "a1.two_layer_loss",
        "the scores' gradient is not divided by the number of examples",
        loss_with("    dscores /= N\n", ""),
        says=("constant-factor",),
    ),
    Wrong(
        "a1.two_layer_loss",
        "the gradient of b1 is the mean",
        loss_with("dhidden.sum(axis=0)", "dhidden.mean(axis=0)"),
        says=("in b1",),
    ),
    Wrong(
        "a1.two_layer_loss",
        "the gradient of b2 is forgotten",
        loss_with(', "b2": dscores.sum(axis=0)', ""),
        says=("grads should be a dict of w1, b1, w2, b2",),
    ),
    Wrong(
        "a1.two_layer_loss",
        "large scores overflow",
        loss_with("scores = scores - scores.max(axis=1, keepdims=True)", "pass"),
        says=("the loss with scores of thousands",),
    ),
    Wrong(
        "a1.two_layer_train",
        "the rate falls after every step",
        train_with("losses.append(loss)\n        rate", "losses.append(loss)\n            rate"),
        says=("after every step, not after every epoch",),
    ),
    Wrong(
        "a1.two_layer_train",
        "the rate never falls",
        train_with("        rate *= decay\n", ""),
        says=("the rate never falls",),
    ),
    Wrong(
        "a1.two_layer_train",
        "the arrays handed in are changed",
        train_with("params[name] = params[name] - rate * grads[name]", "params[name] -= rate * grads[name]"),
        says=("was changed in place",),
    ),
    Wrong(
        "a1.two_layer_train",
        "one order for all epochs",
        train_with(
            "    for _ in range(epochs):\n        order = rng.permutation(len(x))\n",
            "    order = rng.permutation(len(x))\n    for _ in range(epochs):\n",
        ),
        says=("the order is drawn once only",),
    ),
    Wrong(
        "a1.two_layer_predict",
        "the maximum along the examples",
        """
def two_layer_predict(params, x):
    return two_layer_scores(params, x)[0].argmax(axis=0)
""",
        says=("labels has shape",),
    ),
    Wrong(
        "a1.two_layer_predict",
        "the highest score instead of its class",
        """
def two_layer_predict(params, x):
    return two_layer_scores(params, x)[0].max(axis=1)
""",
        says=("it should be whole",),
    ),
]
