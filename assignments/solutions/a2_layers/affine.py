"""Affine layers: every output is a weighted sum of all inputs plus a bias."""


def affine_forward(x, w, b):
    """Return out = x w + b, with every example flattened to D numbers, and what backward needs.

    x: array (N, d1, ..., dk) of N examples with D = d1 * ... * dk numbers each.
    w: array (D, M), weights. b: array (M,), biases.
    Returns (out, cache): out (N, M), of the inputs' dtype, and cache = (x, w, b). None of the inputs is changed.

    >>> affine_forward(np.ones((1, 3)), np.ones((3, 2)), np.zeros(2))[0]
    array([[3., 3.]])
    """
    # solution
    return x.reshape(len(x), -1) @ w + b, (x, w, b)
    # end of solution


def affine_backward(dout, cache):
    """Return the gradients of the loss with respect to x, w and b.

    dout: array (N, M), the gradient of the loss with respect to out. cache: what affine_forward returned.
    Returns (dx, dw, db): dx shaped like x, dw like w, db like b.
    """
    # solution
    x, w, b = cache
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(len(x), -1).T @ dout
    return dx, dw, dout.sum(axis=0)
    # end of solution
