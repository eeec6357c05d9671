"""The vanilla recurrent network: one step, a whole sequence, and sequences too long to go back through."""

import numpy as np

from nnscratch.course import NotWritten


def rnn_step_forward(x, state, wx, wh, b):
    """Take one step: the new state is made of the input and of the state before.

        out = tanh(x wx + state wh + b)

    x: (N, D), state: (N, H), wx: (D, H), wh: (H, H), b: (H,). Returns out, the new state (N, H), of x's dtype,
    and a cache of your choice that holds all that rnn_step_backward needs. Nothing that was handed in is changed.
    Source: Elman 1990, "Finding structure in time".

    >>> one = np.ones((1, 1))
    >>> rnn_step_forward(one, one, 0.5 * one, 0.25 * one, np.zeros(1))[0].round(3)
    array([[0.635]])
    """
    # solution
    out = np.tanh(x @ wx + state @ wh + b)
    return out, (x, state, wx, wh, out)
    # end of solution


def rnn_step_backward(dout, cache):
    """Gradients of one step.

    dout: (N, H), the gradient with respect to the new state. cache: what rnn_step_forward returned. The
    derivative of tanh(a) is 1 - tanh(a)**2; with da = dout * (1 - out**2), the rest is an affine layer with two
    inputs.

    Returns dx (N, D), dstate (N, H), dwx (D, H), dwh (H, H), db (H,). Nothing that was handed in is changed.

    >>> one = np.ones((1, 1))
    >>> out, cache = rnn_step_forward(one, 2 * one, 0.5 * one, 0.25 * one, np.zeros(1))
    >>> [grad.round(3).item() for grad in rnn_step_backward(one, cache)]
    [0.21, 0.105, 0.42, 0.84, 0.42]
    """
    # solution
    x, state, wx, wh, out = cache
    da = dout * (1 - out**2)
    return da @ wx.T, da @ wh.T, x.T @ da, state.T @ da, da.sum(axis=0)
    # end of solution


def rnn_forward(x, start, wx, wh, b):
    """Run the network over whole sequences, each step beginning with the state of the step before.

    x: (N, T, D). start: (N, H), the state before the first step. wx: (D, H), wh: (H, H), b: (H,), the same at
    every step. Returns out (N, T, H), the states after each step, of x's dtype, and a cache of your choice for
    rnn_backward. Use rnn_step_forward. Nothing that was handed in is changed.

    >>> one = np.ones((1, 1))
    >>> out, cache = rnn_forward(np.array([[[1.0], [0.0]]]), 0 * one, one, one, np.zeros(1))
    >>> out.round(3).ravel()
    array([0.762, 0.642])
    """
    # solution
    outs, caches, state = [], [], start
    for t in range(x.shape[1]):
        state, cache = rnn_step_forward(x[:, t], state, wx, wh, b)
        outs.append(state)
        caches.append(cache)
    return np.stack(outs, axis=1), caches
    # end of solution


def rnn_backward(dout, cache):
    """Backpropagation through time: from the last step to the first.

    dout: (N, T, H); dout[:, t] is the gradient that comes to the state of step t from outside. That state also
    went into step t + 1, whose gradient is added before going through step t. The weights are the same at every
    step, so their gradients add up.

    cache: what rnn_forward returned. Returns dx (N, T, D), dstart (N, H), dwx (D, H), dwh (H, H), db (H,).
    Nothing that was handed in is changed. Source: Werbos 1990, "Backpropagation through time".

    >>> one = np.ones((1, 1))
    >>> out, cache = rnn_forward(np.array([[[1.0], [0.0]]]), 0 * one, one, one, np.zeros(1))
    >>> dx, dstart, dwx, dwh, db = rnn_backward(np.array([[[0.0], [1.0]]]), cache)
    >>> dx.round(3).ravel(), dwh.round(3)
    (array([0.247, 0.588]), array([[0.448]]))
    """
    # solution
    dxs, dstate, total = [], 0, None
    for t in reversed(range(dout.shape[1])):
        dx, dstate, *grads = rnn_step_backward(dout[:, t] + dstate, cache[t])
        dxs.append(dx)
        total = grads if total is None else [sum_ + g for sum_, g in zip(total, grads)]
    return np.stack(dxs[::-1], axis=1), dstate, *total
    # end of solution


def truncated_backward(x, dout, start, wx, wh, b, length):
    """Go forward over a long sequence, but back through at most `length` steps: truncated backpropagation.

    Cut the sequence into pieces of `length` steps (the last may be shorter). Each piece begins with the last
    state of the piece before, so that forward is the same as for the whole. Backward goes through each piece by
    itself: no gradient passes from a piece to the one before. The gradients of the weights add up over the
    pieces.

    x: (N, T, D), dout: (N, T, H), start: (N, H), wx: (D, H), wh: (H, H), b: (H,). length: a whole number.
    Returns out (N, T, H), dx (N, T, D), dwx (D, H), dwh (H, H), db (H,). With length >= T they are those of
    rnn_forward and rnn_backward. Nothing that was handed in is changed.
    Errors: ValueError if length is below 1.
    Source: Williams & Peng 1990, "An efficient gradient-based algorithm for on-line training".

    >>> one, x = np.ones((1, 1)), np.array([[[1.0], [0.0]]])
    >>> out, dx, *weights = truncated_backward(x, np.array([[[0.0], [1.0]]]), 0 * one, one, one, np.zeros(1), 1)
    >>> dx.round(3).ravel()
    array([0.   , 0.588])
    """
    # solution
    if length < 1:
        raise ValueError(f"truncated_backward: length is {length}: it must be 1 or more")
    outs, dxs, total, state = [], [], None, start
    for begin in range(0, x.shape[1], length):
        piece = slice(begin, begin + length)
        out, cache = rnn_forward(x[:, piece], state, wx, wh, b)
        dx, _, *grads = rnn_backward(dout[:, piece], cache)
        state = out[:, -1]
        outs.append(out)
        dxs.append(dx)
        total = grads if total is None else [sum_ + g for sum_, g in zip(total, grads)]
    return np.concatenate(outs, axis=1), np.concatenate(dxs, axis=1), *total
    # end of solution
