"""A fully connected net of any depth: affine layers with a norm, a ReLU and dropout after each but the last."""

import numpy as np
from activations import relu_backward, relu_forward
from affine import affine_backward, affine_forward
from batch_norm import batch_norm_backward, batch_norm_forward
from dropout import dropout_backward, dropout_forward
from losses import softmax_loss
from other_norms import layer_norm_backward, layer_norm_forward

from nnscratch.course import NotWritten


def init_net(sizes, rng, norm=None):
    """Draw the parameters of a net, after He: weights that keep the size of numbers through ReLUs.

    sizes: the numbers of features from the input to the scores, such as (3072, 100, 50, 10) for three affine
    layers. rng: a numpy Generator. norm: None, "batch" or "layer"; any other raises a ValueError.

    Returns a dict of float64 arrays. For layer i = 1 ... L, with L = len(sizes) - 1, D = sizes[i - 1], M =
    sizes[i]: "wi" (D, M), normal numbers of mean 0 and standard deviation sqrt(2 / D), and "bi" (M,), zeros. With
    a norm, for each layer but the last, also "gammai" (M,), ones, and "betai" (M,), zeros.

    >>> params = init_net((4, 3, 2), np.random.default_rng(0), norm="layer")
    >>> {name: value.shape for name, value in params.items()}
    {'w1': (4, 3), 'b1': (3,), 'gamma1': (3,), 'beta1': (3,), 'w2': (3, 2), 'b2': (2,)}
    """
    # solution
    if norm not in (None, "batch", "layer"):
        raise ValueError(f'norm is {norm!r}: give None, "batch" or "layer"')
    params = {}
    for i, (D, M) in enumerate(zip(sizes[:-1], sizes[1:]), start=1):
        params[f"w{i}"] = rng.normal(0, np.sqrt(2 / D), (D, M))
        params[f"b{i}"] = np.zeros(M)
        if norm and i < len(sizes) - 1:
            params[f"gamma{i}"] = np.ones(M)
            params[f"beta{i}"] = np.zeros(M)
    return params
    # end of solution


def net_forward(params, x, norm=None, drop=0.0, key=(0,), train=True, running=None):
    """Compute the scores of a net from its parameters, layer after layer.

    params: as init_net returns them; the depth L is told by the names. x: (N, ...), sizes[0] numbers an example.
    Layers 1 ... L - 1 are: affine; the norm, if there is one; ReLU; dropout with the share `drop`, in training.
    Layer L is affine alone. norm: None, "batch" or "layer". Layer norm is the same in training and evaluation.
    Batch norm takes the batch's own statistics in training; in evaluation running["meani"] and running["vari"],
    (M,) each, for layer i. key: whole numbers; layer i draws its mask with the key (*key, i), so that no two
    layers share one.

    Returns (scores, cache): scores (N, sizes[-1]); the cache holds what net_backward will need, in any form you
    like. Nothing that is given changes. Use your own layers: they are imported above.

    >>> params = {"w1": np.eye(2), "b1": np.zeros(2), "w2": np.ones((2, 1)), "b2": np.array([0.5])}
    >>> net_forward(params, np.array([[3.0, -4.0]]))[0]
    array([[3.5]])
    """
    # solution
    L = sum(name.startswith("w") for name in params)
    caches = []
    out = x
    for i in range(1, L):
        out, affine = affine_forward(out, params[f"w{i}"], params[f"b{i}"])
        normed = None
        if norm == "layer":
            out, normed = layer_norm_forward(out, params[f"gamma{i}"], params[f"beta{i}"])
        elif norm == "batch":
            statistics = () if train else (running[f"mean{i}"], running[f"var{i}"])
            out, normed = batch_norm_forward(out, params[f"gamma{i}"], params[f"beta{i}"], *statistics)
        out, relu = relu_forward(out)
        out, dropout = dropout_forward(out, drop, (*key, i), train)
        caches.append((affine, normed, relu, dropout))
    scores, affine = affine_forward(out, params[f"w{L}"], params[f"b{L}"])
    return scores, (norm, caches, affine)
    # end of solution


def net_backward(dscores, cache):
    """Pass the gradient back through net_forward, from the scores to every parameter.

    dscores: (N, sizes[-1]). cache: from net_forward in training. Returns a dict of gradients with the keys of
    params, each shaped like its parameter. (The gradient of x itself is not asked for.)

    Go through the layers in the opposite order, and within each through its parts in the opposite order. What one
    backward returns as dx is the dout of the next.

    >>> params = {"w1": np.eye(2), "b1": np.zeros(2), "w2": np.ones((2, 1)), "b2": np.array([0.5])}
    >>> scores, cache = net_forward(params, np.array([[3.0, -4.0]]))
    >>> grads = net_backward(np.array([[1.0]]), cache)
    >>> grads["w2"].ravel(), grads["b1"]
    (array([3., 0.]), array([1., 0.]))
    """
    # solution
    norm, caches, affine = cache
    norm_backward = {"layer": layer_norm_backward, "batch": batch_norm_backward}.get(norm)
    L = len(caches) + 1
    grads = {}
    dout, grads[f"w{L}"], grads[f"b{L}"] = affine_backward(dscores, affine)
    for i in range(L - 1, 0, -1):
        affine, normed, relu, dropout = caches[i - 1]
        dout = relu_backward(dropout_backward(dout, dropout), relu)
        if norm_backward:
            dout, grads[f"gamma{i}"], grads[f"beta{i}"] = norm_backward(dout, normed)
        dout, grads[f"w{i}"], grads[f"b{i}"] = affine_backward(dout, affine)
    return grads
    # end of solution


def net_loss(params, x, y, strength=0.0, **options):
    """Compute the loss of a net on one batch, and the gradient of every parameter.

    params, x: as for net_forward, which gets the options (norm, drop, key) as they are. y: labels (N,).

    loss = softmax_loss of the scores, plus 0.5 * strength * (the sum of the squares of all weights w1 ... wL)

    Biases, gammas and betas are not in the penalty. Its gradient is strength * w, and is added to what comes back
    from the scores.

    Returns (loss, grads): one number, and a dict with the keys of params. Nothing that is given changes.

    >>> params = {"w1": np.array([[2.0, 0.0]]), "b1": np.zeros(2)}
    >>> loss, grads = net_loss(params, np.array([[0.0]]), np.array([0]), strength=0.5)
    >>> round(loss, 4), grads["w1"], grads["b1"]
    (1.6931, array([[1., 0.]]), array([-0.5,  0.5]))
    """
    # solution
    scores, cache = net_forward(params, x, **options)
    loss, dscores = softmax_loss(scores, y)
    grads = net_backward(dscores, cache)
    for name in params:
        if name.startswith("w"):
            loss += 0.5 * strength * float((params[name] ** 2).sum())
            grads[name] = grads[name] + strength * params[name]
    return loss, grads
    # end of solution
