"""A net of two layers: a linear map, a ReLU, and another linear map, with the softmax loss."""

import numpy as np

from nnscratch.course import NotWritten


def two_layer_scores(params, x):
    """Scores of a net of two layers: affine, ReLU, affine.

    params: dict of w1 (D, H), b1 (H,), w2 (H, C), b2 (C,); x: (N, D).
    Returns (scores, hidden): hidden (N, H) is what leaves the ReLU, max(0, x w1 + b1); scores (N, C) = hidden
    w2 + b2. There is no ReLU after the second layer. Nothing in params and nothing in x is changed.

    >>> params = {"w1": np.array([[1.0, -1.0]]), "b1": np.zeros(2), "w2": np.ones((2, 1)), "b2": np.ones(1)}
    >>> two_layer_scores(params, np.array([[2.0]]))
    (array([[3.]]), array([[2., 0.]]))
    """
    # solution
    hidden = np.maximum(x @ params["w1"] + params["b1"], 0)
    return hidden @ params["w2"] + params["b2"], hidden
    # end of solution


def two_layer_loss(params, x, y, strength):
    """Softmax loss of the net, and its gradients by all four parameters.

    params: as in two_layer_scores; x: (N, D); y: labels (N,), from 0 to C - 1; strength: number >= 0.
    Returns (loss, grads): a number, and a dict with the keys and shapes of params.

    loss = (sum over n of -log p[n, y[n]]) / N + 0.5 * strength * (sum of all w1**2 + sum of all w2**2), where p
    is the softmax of the scores, as in linear.py; biases are not penalised. Scores of 1000 must not overflow.

    Backwards: dscores = (p - one-hot of y) / N; dw2 = hidden^T dscores; db2 = sum of the rows of dscores;
    dhidden = dscores w2^T, and 0 where the ReLU gave 0; dw1 = x^T dhidden; db1 = sum of the rows of dhidden.
    The penalty adds strength * w1 to dw1 and strength * w2 to dw2. Call two_layer_scores for the scores.

    >>> params = {"w1": np.ones((1, 2)), "b1": np.zeros(2), "w2": np.zeros((2, 2)), "b2": np.zeros(2)}
    >>> loss, grads = two_layer_loss(params, np.array([[2.0]]), np.array([0]), strength=0.0)
    >>> round(float(loss), 4), grads["w2"].tolist()
    (0.6931, [[-1.0, 1.0], [-1.0, 1.0]])
    """
    # solution
    N = len(x)
    rows = np.arange(N)
    w1, w2 = params["w1"], params["w2"]
    scores, hidden = two_layer_scores(params, x)
    scores = scores - scores.max(axis=1, keepdims=True)
    powers = np.exp(scores)
    sums = powers.sum(axis=1, keepdims=True)
    loss = (np.log(sums[:, 0]) - scores[rows, y]).sum() / N
    loss += 0.5 * strength * ((w1 * w1).sum() + (w2 * w2).sum())

    dscores = powers / sums
    dscores[rows, y] -= 1
    dscores /= N
    dhidden = (dscores @ w2.T) * (hidden > 0)
    grads = {
        "w1": x.T @ dhidden + strength * w1,
        "b1": dhidden.sum(axis=0),
        "w2": hidden.T @ dscores + strength * w2,
        "b2": dscores.sum(axis=0),
    }
    return loss, grads
    # end of solution


def two_layer_train(params, x, y, rate, decay, strength, epochs, batch_size, rng):
    """Train the net by stochastic gradient descent, with a learning rate that falls after every epoch.

    params, x, y, strength: as in two_layer_loss, which gives loss and gradients of each batch; rate: learning
    rate of the first epoch; decay: what the rate is multiplied by after every epoch; epochs, batch_size: whole
    numbers; rng: a numpy.random.Generator.
    Returns (params, losses): a new dict with the trained arrays, and a list with the loss of every step, in
    order.

    In each epoch, draw an order of the examples with ONE call rng.permutation(N), and go through it in batches
    of `batch_size`, the last one smaller where need be. Each step sets params[name] - rate * grads[name] for
    all four. The dict handed in and its arrays are left as they are.

    >>> params = {"w1": np.ones((1, 2)), "b1": np.zeros(2), "w2": np.zeros((2, 2)), "b2": np.zeros(2)}
    >>> x, y = np.array([[0.0], [2.0]]), np.array([0, 1])
    >>> params, losses = two_layer_train(params, x, y, 0.1, 0.9, 0.0, 30, 1, np.random.default_rng(0))
    >>> len(losses), bool(losses[-1] < losses[0])
    (60, True)
    """
    # solution
    params, losses = dict(params), []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            loss, grads = two_layer_loss(params, x[batch], y[batch], strength)
            for name in params:
                params[name] = params[name] - rate * grads[name]
            losses.append(loss)
        rate = rate * decay
    return params, losses
    # end of solution


def two_layer_predict(params, x):
    """The class with the highest score, for each example.

    params: as in two_layer_scores; x: (N, D). Returns labels (N,), whole numbers from 0 to C - 1; of equal
    scores, the class with the smaller number. No softmax is needed: it keeps the order of the scores.

    >>> params = {"w1": np.eye(2), "b1": np.zeros(2), "w2": np.eye(2), "b2": np.zeros(2)}
    >>> two_layer_predict(params, np.array([[3.0, 1.0], [0.0, 2.0]]))
    array([0, 1])
    """
    # solution
    scores, _ = two_layer_scores(params, x)
    return scores.argmax(axis=1)
    # end of solution
