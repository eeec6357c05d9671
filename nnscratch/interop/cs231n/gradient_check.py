"""cs231n.gradient_check: gradients by differences, which move x in place while they probe.

Functions of the notebooks often ignore their argument and read the array itself, so x is never copied.
"""

import random

import numpy as np

__all__ = [
    "eval_numerical_gradient",
    "eval_numerical_gradient_array",
    "eval_numerical_gradient_blobs",
    "eval_numerical_gradient_net",
    "grad_check_sparse",
]


def eval_numerical_gradient(f, x, verbose=True, h=0.00001):
    """Gradient of the number f(x), by moving each element of x; `verbose` prints each.

    >>> eval_numerical_gradient(lambda x: (x**2).sum(), np.array([1.0, 2.0]), verbose=False).round(6)
    array([2., 4.])
    """
    grad = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        high, low = _both(lambda: f(x), x, place, h)
        grad[place] = (high - low) / (2 * h)
        if verbose:
            print(place, grad[place])
    return grad


def eval_numerical_gradient_array(f, x, df, h=1e-5):
    """Gradient of sum(df * f(x)) for an f that returns an array.

    >>> eval_numerical_gradient_array(np.square, np.array([1.0, 2.0]), np.array([1.0, 10.0])).round(6)
    array([ 2., 40.])
    """
    grad = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        high, low = _both(lambda: np.array(f(x)), x, place, h)
        grad[place] = np.sum((high - low) * df) / (2 * h)
    return grad


def eval_numerical_gradient_blobs(f, inputs, output, h=1e-5):
    """Gradients of sum(output.diffs * output.vals) by each blob of the tuple `inputs`; blobs have `vals`, `diffs`.

    f(*inputs, output) writes output.vals. Returns a list of arrays.

    >>> from types import SimpleNamespace as Blob
    >>> a, out = Blob(vals=np.array([3.0]), diffs=np.zeros(1)), Blob(vals=np.zeros(1), diffs=np.ones(1))
    >>> def double(a, out):
    ...     out.vals = 2 * a.vals
    >>> eval_numerical_gradient_blobs(double, (a,), out)[0].round(6)
    array([2.])
    """

    def run():
        f(*inputs, output)
        return np.copy(output.vals)

    grads = []
    for blob in inputs:
        grad = np.zeros_like(blob.diffs)
        for place in np.ndindex(blob.vals.shape):
            high, low = _both(run, blob.vals, place, h)
            grad[place] = np.sum((high - low) * output.diffs) / (2 * h)
        grads.append(grad)
    return grads


def eval_numerical_gradient_net(net, inputs, output, h=1e-5):
    """eval_numerical_gradient_blobs of `net.forward()`, which reads and writes the blobs by itself.

    >>> from types import SimpleNamespace as Blob
    >>> a, out = Blob(vals=np.array([3.0]), diffs=np.zeros(1)), Blob(vals=np.zeros(1), diffs=np.ones(1))
    >>> net = Blob(forward=lambda: out.vals.__setitem__(0, 5 * a.vals[0]))
    >>> eval_numerical_gradient_net(net, (a,), out)[0].round(6)
    array([5.])
    """
    return eval_numerical_gradient_blobs(lambda *blobs: net.forward(), inputs, output, h)


def grad_check_sparse(f, x, analytic_grad, num_checks=10, h=1e-5):
    """Print numerical and analytic gradient, and their relative error, at `num_checks` random elements of x.

    The elements are drawn by Python's own `random`.

    >>> grad_check_sparse(lambda x: (x**2).sum(), np.array([1.0]), np.array([2.0]), num_checks=1)
    numerical: 2.000000 analytic: 2.000000, relative error: ...
    """
    for _ in range(num_checks):
        place = tuple(random.randrange(size) for size in x.shape)
        high, low = _both(lambda: f(x), x, place, h)
        numerical, analytic = (high - low) / (2 * h), analytic_grad[place]
        error = abs(numerical - analytic) / max(abs(numerical) + abs(analytic), np.finfo(float).tiny)
        print(f"numerical: {numerical:f} analytic: {analytic:f}, relative error: {error:e}")


def _both(run, x, place, h):
    """What `run()` gives with x[place] moved up and down by h; x is put back, also after an error."""
    old = x[place]
    try:
        x[place] = old + h
        high = run()
        x[place] = old - h
        low = run()
    finally:
        x[place] = old
    return high, low
