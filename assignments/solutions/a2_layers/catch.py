"""Catch the bug: tests of gradients, which pass the layers that are right and fail those that are wrong."""

import numpy as np
from numeric import numerical_gradient

from nnscratch.course import NotWritten


def catch_wrong_gradient(forward, backward, x):
    """Tell whether backward gives the gradient of forward.

    forward(x) returns (out, cache), backward(dout, cache) returns dx. x: float64 array of any shape.

    Returns True if the pair is right. If it is wrong, returns False, or raises any error.

    The test is tried on activations that are right, and on wrong ones: a factor is forgotten, a sign, a mask.
    Write it with numerical_gradient, which measures what dx should be. Both are floating-point numbers, so that
    they agree in some six digits, but not in all.

    >>> catch_wrong_gradient(lambda x: (x**2, x), lambda dout, x: dout * 2 * x, np.array([1.0, 3.0]))
    True
    >>> catch_wrong_gradient(lambda x: (x**2, x), lambda dout, x: dout * x, np.array([1.0, 3.0]))
    False
    """
    # solution
    out, cache = forward(x)
    dout = np.random.default_rng(0).normal(size=out.shape)
    dx = backward(dout, cache)
    measured = numerical_gradient(lambda x: forward(x)[0], x, dout)
    return bool(np.allclose(dx, measured, rtol=1e-6, atol=1e-6))
    # end of solution


def catch_hidden_by_ones(forward, backward, x):
    """Tell whether backward gives the gradient of forward, for every upstream gradient and not for one alone.

    All is as in catch_wrong_gradient, but the wrong layers hide better: a softmax's outputs add up to 1 whatever x
    is, so that the gradient of their plain sum is 0, and a backward that returns zeros looks right. Another one
    takes the mean of dout where dout was meant, or a mask from dout itself. Choose a dout that lets none of them
    hide.

    >>> def centre_forward(x):
    ...     return x - x.mean(), None
    >>> catch_hidden_by_ones(centre_forward, lambda dout, cache: dout - dout.mean(), np.array([1.0, 3.0]))
    True
    >>> catch_hidden_by_ones(centre_forward, lambda dout, cache: 0 * dout, np.array([1.0, 3.0]))
    False
    """
    # solution
    return catch_wrong_gradient(forward, backward, x)
    # end of solution


def catch_at_any_scale(forward, backward, x):
    """Tell whether backward gives the gradient of forward, be the numbers large or small.

    All is as in catch_wrong_gradient, but there are layers whose gradients are around 1e6, where the right dx and
    the measured one differ by more than 1e-6, and layers whose gradients are around 1e-10, where twice the right
    dx differs by less. What counts is the error relative to the size of the gradients:

    error = (largest |dx - measured|) / (largest |dx| + largest |measured|)

    About 1e-6 is a good limit. Where both are 0 everywhere, they agree. A dx that holds a NaN is wrong.

    >>> catch_at_any_scale(lambda x: (1e-10 * x, None), lambda dout, cache: 1e-10 * dout, np.array([1.0, 3.0]))
    True
    >>> catch_at_any_scale(lambda x: (1e-10 * x, None), lambda dout, cache: 2e-10 * dout, np.array([1.0, 3.0]))
    False
    """
    # solution
    out, cache = forward(x)
    dout = np.random.default_rng(0).normal(size=out.shape)
    dx = backward(dout, cache)
    measured = numerical_gradient(lambda x: forward(x)[0], x, dout)
    size = np.abs(dx).max() + np.abs(measured).max()
    return bool(np.abs(dx - measured).max() <= 1e-6 * size)
    # end of solution


def catch_wrong_form(forward, backward, inputs):
    """Tell whether backward gives the gradients of all inputs of forward, in number, shape, dtype and value.

    inputs: tuple of float64 arrays, such as (x, w, b). forward(*inputs) returns (out, cache). backward(dout,
    cache) returns a tuple with one gradient for each input, in the same order, each with the shape and dtype of
    its input.

    Returns True if all is so. Otherwise returns False, or raises any error.

    NumPy is generous: it stretches a db of shape (1, M) over b's (M,) when the two are compared, zip stops at the
    end of the shorter list without a word, and a float32 that holds few digits counts like a float64. Your test is
    not.

    >>> forward = lambda x, b: (x + b, None)
    >>> inputs = (np.ones((2, 3)), np.ones(3))
    >>> catch_wrong_form(forward, lambda dout, cache: (dout, dout.sum(axis=0)), inputs)
    True
    >>> catch_wrong_form(forward, lambda dout, cache: (dout, dout.sum(axis=0, keepdims=True)), inputs)
    False
    """
    # solution
    out, cache = forward(*inputs)
    dout = np.random.default_rng(0).normal(size=out.shape)
    grads = backward(dout, cache)
    if len(grads) != len(inputs):
        return False
    for i, (value, grad) in enumerate(zip(inputs, grads)):
        if grad.shape != value.shape or grad.dtype != value.dtype:
            return False

        def f(value, i=i):
            return forward(*inputs[:i], value, *inputs[i + 1 :])[0]

        if not np.allclose(grad, numerical_gradient(f, value, dout), rtol=1e-6, atol=1e-6):
            return False
    return True
    # end of solution


def catch_bad_manners(forward, backward, x):
    """Tell whether a pair whose numbers are right also behaves as layers in a network must.

    forward(x) returns (out, cache), backward(dout, cache) returns dx. Returns True if the pair behaves. If it does
    one of these things, returns False, or raises any error:

    - forward changes x, which other layers may still need
    - backward changes dout, which the other branch of a residual block gets as well
    - backward changes its cache, so that a second call with it gives something else
    - backward answers for the latest forward, and not for the one that its cache is from: where two forwards are
      open at once, as when a layer is used twice in a network, the first one gets the gradient of the second

    dx for the same dout and cache is the same to the last bit, so that no tolerance is needed.

    >>> catch_bad_manners(lambda x: (x * x, x), lambda dout, x: 2 * x * dout, np.array([1.0, 3.0]))
    True
    >>> def hasty_backward(dout, x):
    ...     dout *= 2 * x
    ...     return dout
    >>> catch_bad_manners(lambda x: (x * x, x), hasty_backward, np.array([1.0, 3.0]))
    False
    """
    # solution
    given = x.copy()
    out, cache = forward(given)
    if not np.array_equal(given, x):
        return False
    dout = np.random.default_rng(0).normal(size=out.shape)
    handed = dout.copy()
    dx = np.array(backward(handed, cache))
    if not np.array_equal(handed, dout):
        return False
    if not np.array_equal(backward(dout.copy(), cache), dx):
        return False
    forward(1 - 2 * x)
    return bool(np.array_equal(backward(dout.copy(), cache), dx))
    # end of solution
