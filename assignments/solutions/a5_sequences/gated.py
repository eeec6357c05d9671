"""Cells with gates, which decide what to forget, what to write and what to show: LSTM and GRU."""

import numpy as np

from nnscratch.course import NotWritten


def sigmoid(a):
    """Return 1 / (1 + exp(-a)), without overflow. Given."""
    return 0.5 * np.tanh(0.5 * a) + 0.5


def lstm_step_forward(x, state, wx, wh, b):
    """Take one step of an LSTM: gates i, f, o and a candidate g make a new memory c and a new output h.

    x: (N, D). state: (N, 2H), h in the first H columns and c in the others. wx: (D, 4H), wh: (H, 4H), b: (4H,):
    their columns belong to i, f, o and g, H each, in this order.

        a = x wx + h wh + b
        i, f, o = sigmoid of the first, second and third H columns of a;  g = tanh of the last H columns
        c_next = f * c + i * g
        h_next = o * tanh(c_next)

    Use the sigmoid of this file. Returns the new state (N, 2H), h_next beside c_next, of x's dtype, and a cache
    of your choice. Nothing that was handed in is changed.
    Source: Gers, Schmidhuber & Cummins 2000, "Learning to forget"; Hochreiter & Schmidhuber 1997.

    >>> w = np.zeros((1, 4))  # gates half open, the candidate 0: half of c is kept
    >>> lstm_step_forward(np.ones((1, 1)), np.array([[9.0, 2.0]]), w, w, np.zeros(4))[0].round(3)
    array([[0.381, 1.   ]])
    """
    # solution
    H = len(wh)
    h, c = state[:, :H], state[:, H:]
    a = x @ wx + h @ wh + b
    i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    c_next = f * c + i * g
    tanh_c = np.tanh(c_next)
    return np.concatenate([o * tanh_c, c_next], axis=1), (x, h, c, wx, wh, i, f, o, g, tanh_c)
    # end of solution


def lstm_step_backward(dstate, cache):
    """Gradients of one step of an LSTM.

    dstate: (N, 2H), the gradient of h_next beside that of c_next. Mind that c_next acts twice: it is part of the
    state, and h_next is made of it. The derivative of s = sigmoid(a) is s * (1 - s), that of tanh is 1 - tanh**2.

    Returns dx (N, D), dstate_before (N, 2H), dwx (D, 4H), dwh (H, 4H), db (4H,). Nothing that was handed in is
    changed.

    >>> w = np.zeros((1, 4))
    >>> out, cache = lstm_step_forward(np.ones((1, 1)), np.array([[9.0, 2.0]]), w, w, np.zeros(4))
    >>> lstm_step_backward(np.ones((1, 2)), cache)[1].round(3)
    array([[0.   , 0.605]])
    """
    # solution
    x, h, c, wx, wh, i, f, o, g, tanh_c = cache
    H = h.shape[1]
    dh, dc = dstate[:, :H], dstate[:, H:]
    dc = dc + dh * o * (1 - tanh_c**2)
    di, df, do, dg = dc * g, dc * c, dh * tanh_c, dc * i
    da = np.concatenate([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)], axis=1)
    before = np.concatenate([da @ wh.T, dc * f], axis=1)
    return da @ wx.T, before, x.T @ da, h.T @ da, da.sum(axis=0)
    # end of solution


def lstm_forward(x, start, wx, wh, b):
    """Run an LSTM over whole sequences.

    x: (N, T, D). start: (N, 2H), h and c before the first step. wx: (D, 4H), wh: (H, 4H), b: (4H,).
    Returns out (N, T, H), the h (not the c) of every step, of x's dtype, and a cache of your choice. Use
    lstm_step_forward. Nothing that was handed in is changed.

    >>> w = np.zeros((1, 4))
    >>> lstm_forward(np.ones((1, 2, 1)), np.array([[0.0, 2.0]]), w, w, np.zeros(4))[0].round(3).ravel()
    array([0.381, 0.231])
    """
    # solution
    H = len(wh)
    outs, caches, state = [], [], start
    for t in range(x.shape[1]):
        state, cache = lstm_step_forward(x[:, t], state, wx, wh, b)
        outs.append(state[:, :H])
        caches.append(cache)
    return np.stack(outs, axis=1), caches
    # end of solution


def lstm_backward(dout, cache):
    """Backpropagation through time of an LSTM.

    dout: (N, T, H), the gradients of the h of every step; from outside none comes to c. cache: that of
    lstm_forward. Returns dx (N, T, D), dstart (N, 2H), dwx (D, 4H), dwh (H, 4H), db (4H,). Use
    lstm_step_backward. Nothing that was handed in is changed.

    >>> w = np.zeros((1, 4))
    >>> out, cache = lstm_forward(np.ones((1, 2, 1)), np.array([[0.0, 2.0]]), w, w, np.zeros(4))
    >>> lstm_backward(np.ones((1, 2, 1)), cache)[1].round(3)
    array([[0.   , 0.203]])
    """
    # solution
    N, T, H = dout.shape
    dxs, total = [], None
    dstate = np.zeros((N, 2 * H), dout.dtype)
    for t in reversed(range(T)):
        from_outside = np.concatenate([dout[:, t], np.zeros((N, H), dout.dtype)], axis=1)
        dx, dstate, *grads = lstm_step_backward(dstate + from_outside, cache[t])
        dxs.append(dx)
        total = grads if total is None else [sum_ + g for sum_, g in zip(total, grads)]
    return np.stack(dxs[::-1], axis=1), dstate, *total
    # end of solution


def gru_step_forward(x, state, wx, wh, b):
    """Take one step of a GRU: the reset gate r and the update gate z blend the old state with a candidate n.

    x: (N, D), state: (N, H), wx: (D, 3H), wh: (H, 3H), b: (3H,): their columns belong to r, z and n, H each, in
    this order. With from_x = x wx + b and from_h = state wh, both (N, 3H), and their parts,

        r = sigmoid(from_x_r + from_h_r)        z = sigmoid(from_x_z + from_h_z)
        n = tanh(from_x_n + r * from_h_n)
        next = (1 - z) * n + z * state

    The reset gate acts after the product with wh, as in cuDNN. Use the sigmoid of this file.
    Returns the new state (N, H), of x's dtype, and a cache of your choice. Nothing that was handed in is changed.
    Source: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder", sec. 2.3.

    >>> w = np.zeros((1, 3))  # z is a half and n is 0: half of the state is kept
    >>> gru_step_forward(np.ones((1, 1)), np.array([[2.0]]), w, w, np.zeros(3))[0]
    array([[1.]])
    """
    # solution
    H = len(wh)
    from_x, from_h = x @ wx + b, state @ wh
    r = sigmoid(from_x[:, :H] + from_h[:, :H])
    z = sigmoid(from_x[:, H : 2 * H] + from_h[:, H : 2 * H])
    inside = from_h[:, 2 * H :]
    n = np.tanh(from_x[:, 2 * H :] + r * inside)
    return (1 - z) * n + z * state, (x, state, wx, wh, r, z, n, inside)
    # end of solution


def gru_step_backward(dout, cache):
    """Gradients of one step of a GRU.

    dout: (N, H). cache: what gru_step_forward returned. Returns dx (N, D), dstate (N, H), dwx (D, 3H), dwh (H,
    3H), db (3H,). The state acts in two ways: directly, through z, and through from_h, where its candidate part
    has been multiplied by r. Nothing that was handed in is changed.

    >>> w = np.zeros((1, 3))
    >>> out, cache = gru_step_forward(np.ones((1, 1)), np.array([[2.0]]), w, w, np.zeros(3))
    >>> gru_step_backward(np.ones((1, 1)), cache)[1]
    array([[0.5]])
    """
    # solution
    x, state, wx, wh, r, z, n, inside = cache
    dn = dout * (1 - z) * (1 - n**2)
    dz = dout * (state - n) * z * (1 - z)
    dr = dn * inside * r * (1 - r)
    dfrom_x = np.concatenate([dr, dz, dn], axis=1)
    dfrom_h = np.concatenate([dr, dz, dn * r], axis=1)
    dstate = dout * z + dfrom_h @ wh.T
    return dfrom_x @ wx.T, dstate, x.T @ dfrom_x, state.T @ dfrom_h, dfrom_x.sum(axis=0)
    # end of solution
