"""Small circuits of numbers, each with its backward pass: the chain rule, one gate at a time.

A gate is a pair like that of a layer, but on plain numbers. A circuit is a few gates in a row; its backward pass
calls theirs in the opposite order, and adds up what comes back to a number that was used twice.
Source: CS231n notes, "Backpropagation, intuitions".
"""

import math


def add_forward(x: float, y: float):
    """x + y. Add hands its gradient on to both.

    >>> out, cache = add_forward(3.0, 4.0)
    >>> out, add_backward(2.0, cache)
    (7.0, (2.0, 2.0))
    """
    return x + y, None


def add_backward(dout: float, cache):
    """(dx, dy) = (dout, dout)."""
    return dout, dout


def multiply_forward(x: float, y: float):
    """x y. Multiply swaps its inputs: each one's gradient is the other, times dout.

    >>> out, cache = multiply_forward(3.0, 4.0)
    >>> out, multiply_backward(2.0, cache)
    (12.0, (8.0, 6.0))
    """
    return x * y, (x, y)


def multiply_backward(dout: float, cache):
    """(dx, dy) = (dout y, dout x)."""
    x, y = cache
    return dout * y, dout * x


def maximum_forward(x: float, y: float):
    """max(x, y). Maximum sends its gradient to the larger input alone; of equals, to x.

    >>> out, cache = maximum_forward(3.0, 4.0)
    >>> out, maximum_backward(2.0, cache)
    (4.0, (0.0, 2.0))
    """
    return max(x, y), x >= y


def maximum_backward(dout: float, cache):
    """(dx, dy): dout for the larger, 0 for the other."""
    return (dout, 0.0) if cache else (0.0, dout)


def reciprocal_forward(x: float):
    """1 / x. Raises ZeroDivisionError when x is 0.

    >>> out, cache = reciprocal_forward(2.0)
    >>> out, reciprocal_backward(1.0, cache)
    (0.5, -0.25)
    """
    return 1 / x, 1 / x


def reciprocal_backward(dout: float, cache):
    """dx = -dout / x**2, that is -dout out**2."""
    return -dout * cache * cache


def sigmoid_forward(x: float):
    """1 / (1 + e^-x), without overflow.

    >>> out, cache = sigmoid_forward(0.0)
    >>> out, sigmoid_backward(1.0, cache)
    (0.5, 0.25)
    """
    small = math.exp(-abs(x))
    out = (1 if x >= 0 else small) / (1 + small)
    return out, out


def sigmoid_backward(dout: float, cache):
    """dx = dout out (1 - out)."""
    return dout * cache * (1 - cache)


def sum_times_forward(x: float, y: float, z: float):
    """(x + y) z: the first circuit of the course.

    >>> out, cache = sum_times_forward(-2.0, 5.0, -4.0)
    >>> out, sum_times_backward(1.0, cache)
    (-12.0, (-4.0, -4.0, 3.0))
    """
    total, add = add_forward(x, y)
    out, multiply = multiply_forward(total, z)
    return out, (add, multiply)


def sum_times_backward(dout: float, cache):
    """(dx, dy, dz), from the last gate to the first."""
    add, multiply = cache
    dtotal, dz = multiply_backward(dout, multiply)
    dx, dy = add_backward(dtotal, add)
    return dx, dy, dz


def neuron_forward(w0: float, x0: float, w1: float, x1: float, b: float):
    """sigmoid(w0 x0 + w1 x1 + b): a neuron with two inputs.

    >>> out, cache = neuron_forward(2.0, -1.0, -3.0, -2.0, -3.0)
    >>> round(out, 2), [round(gradient, 2) for gradient in neuron_backward(1.0, cache)]
    (0.73, [-0.2, 0.39, -0.39, -0.59, 0.2])
    """
    first, multiply0 = multiply_forward(w0, x0)
    second, multiply1 = multiply_forward(w1, x1)
    products, add = add_forward(first, second)
    total, add_b = add_forward(products, b)
    out, squash = sigmoid_forward(total)
    return out, (multiply0, multiply1, add, add_b, squash)


def neuron_backward(dout: float, cache):
    """(dw0, dx0, dw1, dx1, db)."""
    multiply0, multiply1, add, add_b, squash = cache
    dtotal = sigmoid_backward(dout, squash)
    dproducts, db = add_backward(dtotal, add_b)
    dfirst, dsecond = add_backward(dproducts, add)
    dw0, dx0 = multiply_backward(dfirst, multiply0)
    dw1, dx1 = multiply_backward(dsecond, multiply1)
    return dw0, dx0, dw1, dx1, db


def staged_forward(x: float, y: float):
    """(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2): long as a formula, easy in stages.

    >>> out, cache = staged_forward(3.0, -4.0)
    >>> round(out, 4), [round(gradient, 4) for gradient in staged_backward(1.0, cache)]
    (1.5456, [2.0596, 1.5922])
    """
    squashed_y, sigmoid_y = sigmoid_forward(y)
    top, add_top = add_forward(x, squashed_y)
    squashed_x, sigmoid_x = sigmoid_forward(x)
    total, add_total = add_forward(x, y)
    square, multiply_square = multiply_forward(total, total)
    bottom, add_bottom = add_forward(squashed_x, square)
    inverse, reciprocal = reciprocal_forward(bottom)
    out, multiply_out = multiply_forward(top, inverse)
    cache = sigmoid_y, add_top, sigmoid_x, add_total, multiply_square, add_bottom, reciprocal, multiply_out
    return out, cache


def staged_backward(dout: float, cache):
    """(dx, dy): x was used three times and y twice, so their gradients are sums."""
    sigmoid_y, add_top, sigmoid_x, add_total, multiply_square, add_bottom, reciprocal, multiply_out = cache
    dtop, dinverse = multiply_backward(dout, multiply_out)
    dbottom = reciprocal_backward(dinverse, reciprocal)
    dsquashed_x, dsquare = add_backward(dbottom, add_bottom)
    dtotal = sum(multiply_backward(dsquare, multiply_square))
    dx, dy = add_backward(dtotal, add_total)
    dx += sigmoid_backward(dsquashed_x, sigmoid_x)
    dx_top, dsquashed_y = add_backward(dtop, add_top)
    dx += dx_top
    dy += sigmoid_backward(dsquashed_y, sigmoid_y)
    return dx, dy
