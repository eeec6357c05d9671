"""Update rules: each takes a parameter and its gradient, and returns the parameter a little way downhill."""

import numpy as np

from nnscratch.course import NotWritten


def sgd_step(w, dw, rate=1e-2, decay=0.0):
    """Take one step of gradient descent with L2 weight decay.

    w: array of any shape. dw: the gradient of the loss, shaped like w. rate, decay: numbers.

    The penalty 0.5 * decay * sum(w * w) adds decay * w to the gradient, and w goes against the whole:

    new w = w - rate * (dw + decay * w)

    Returns the new w, a new array with the dtype of w. Here and in all steps below what is given does not change.

    >>> sgd_step(np.array([1.0, 2.0]), np.array([1.0, -1.0]), rate=0.5, decay=0.1)
    array([0.45, 2.4 ])
    """
    # solution
    return w - rate * (dw + decay * w)
    # end of solution


def momentum_step(w, dw, velocity, rate=1e-2, momentum=0.9):
    """Take one step with momentum: the velocity remembers past gradients, and w follows the velocity.

    w, dw, velocity: arrays of one shape; the velocity is zero before the first step.

    new velocity = momentum * velocity - rate * dw
    new w = w + new velocity

    Returns (new w, new velocity).

    >>> momentum_step(np.array([1.0]), np.array([2.0]), np.array([1.0]), rate=0.1, momentum=0.5)
    (array([1.3]), array([0.3]))
    """
    # solution
    velocity = momentum * velocity - rate * dw
    return w + velocity, velocity
    # end of solution


def nesterov_step(w, dw, velocity, rate=1e-2, momentum=0.9):
    """Take one step with Nesterov's momentum, in the form that needs the gradient at w alone.

    Nesterov takes the gradient where momentum alone would have carried the parameter. Here w stands for that point
    ahead all the time, and so a step takes back the old look ahead, follows the new velocity, and looks ahead
    again:

    new velocity = momentum * velocity - rate * dw
    new w = w - momentum * velocity + (1 + momentum) * new velocity

    w, dw, velocity: arrays of one shape. Returns (new w, new velocity).

    >>> nesterov_step(np.array([1.0]), np.array([2.0]), np.array([1.0]), rate=0.1, momentum=0.5)
    (array([0.95]), array([0.3]))
    """
    # solution
    ahead = momentum * velocity
    velocity = ahead - rate * dw
    return w - ahead + (1 + momentum) * velocity, velocity
    # end of solution


def adagrad_step(w, dw, squares, rate=1e-2, epsilon=1e-8):
    """Take one step of AdaGrad: the more a weight has been pushed so far, the smaller its steps.

    w, dw: arrays of one shape. squares: like them, the sum of all squared gradients before this step.

    new squares = squares + dw**2
    new w = w - rate * dw / (sqrt(new squares) + epsilon)

    Returns (new w, new squares).

    >>> adagrad_step(np.array([1.0]), np.array([4.0]), np.array([9.0]), rate=0.5)
    (array([0.6]), array([25.]))
    """
    # solution
    squares = squares + dw**2
    return w - rate * dw / (np.sqrt(squares) + epsilon), squares
    # end of solution


def rmsprop_step(w, dw, squares, rate=1e-2, decay=0.99, epsilon=1e-8):
    """Take one step of RMSProp: AdaGrad that forgets, so that it does not slow down for ever.

    w, dw: arrays of one shape. squares: like them, the running mean of squared gradients, zero before the first
    step. decay: the share of it that is kept.

    new squares = decay * squares + (1 - decay) * dw**2
    new w = w - rate * dw / (sqrt(new squares) + epsilon)

    Returns (new w, new squares).

    >>> rmsprop_step(np.array([1.0]), np.array([4.0]), np.array([9.0]), rate=0.5, decay=0.0)
    (array([0.5]), array([16.]))
    """
    # solution
    squares = decay * squares + (1 - decay) * dw**2
    return w - rate * dw / (np.sqrt(squares) + epsilon), squares
    # end of solution


def adam_step(w, dw, m, v, t, rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Take one step of Adam: momentum over RMSProp, both corrected for having started at zero.

    w, dw: arrays of one shape. m, v: like them, the running means of gradients and of squared gradients, zero
    before the first step. t: the number of this step, 1 for the first.

    new m = beta1 * m + (1 - beta1) * dw
    new v = beta2 * v + (1 - beta2) * dw**2
    new w = w - rate * m_hat / (sqrt(v_hat) + epsilon),
    where m_hat = new m / (1 - beta1**t) and v_hat = new v / (1 - beta2**t)

    Returns (new w, new m, new v): the means without their corrections, which hold for step t alone.

    >>> zero = np.zeros(2)
    >>> w, m, v = adam_step(np.array([1.0, 1.0]), np.array([50.0, -0.5]), zero, zero, t=1, rate=0.1)
    >>> w.round(4), m.round(4)
    (array([0.9, 1.1]), array([ 5.  , -0.05]))
    """
    # solution
    m = beta1 * m + (1 - beta1) * dw
    v = beta2 * v + (1 - beta2) * dw**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return w - rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v
    # end of solution


def adamw_step(w, dw, m, v, t, rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, decay=1e-2):
    """Take one step of AdamW: Adam whose weight decay stays out of the gradient.

    Added to the gradient, as in sgd_step, the decay would be divided by sqrt(v_hat) like everything else, and
    weights with large gradients would hardly decay. AdamW shrinks the weights themselves:

    new w = (new w of adam_step, from the gradient dw alone) - rate * decay * w

    The w that is multiplied by the decay is the one from before the step. All else is as in adam_step.

    Returns (new w, new m, new v).

    >>> zero = np.zeros(1)
    >>> w, m, v = adamw_step(np.array([2.0]), np.array([0.0]), zero, zero, t=1, rate=0.1, decay=0.5)
    >>> w, m, v
    (array([1.9]), array([0.]), array([0.]))
    """
    # solution
    stepped, m, v = adam_step(w, dw, m, v, t, rate, beta1, beta2, epsilon)
    return stepped - rate * decay * w, m, v
    # end of solution


def clip_gradients(grads, limit):
    """Scale all gradients down by one factor, if together they are longer than `limit`.

    grads: dict of arrays of any shapes. limit: a number above 0; any other raises a ValueError.

    Their norm is that of one long vector: the root of the sum of all squares in all the arrays. Above the limit
    every array is multiplied by limit / norm, so that the direction stays; else all stay as they are.

    Returns (clipped, norm): a new dict with the same keys, and the norm before the scaling as one number. The
    arrays that are given do not change.

    >>> clipped, norm = clip_gradients({"w": np.array([[3.0]]), "b": np.array([4.0])}, limit=2.5)
    >>> clipped["w"].item(), clipped["b"].item(), norm
    (1.5, 2.0, 5.0)
    """
    # solution
    if not limit > 0:
        raise ValueError(f"limit is {limit}: give a number above 0")
    norm = float(np.sqrt(sum((dw**2).sum() for dw in grads.values())))
    factor = min(1.0, limit / norm) if norm > 0 else 1.0
    return {name: dw * factor for name, dw in grads.items()}, norm
    # end of solution
