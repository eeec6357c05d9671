"""Recurrent cells: one step through time of a vanilla RNN, an LSTM and a GRU, forward and backward.

All three are pairs of one form: `step_forward(x, state, wx, wh, b) -> (next state, cache)` and
`step_backward(dnext, cache) -> (dx, dstate, dwx, dwh, db)`, with x (N, D), state (N, S), wx (D, G) and wh (H, G).
What a cell does with the sums that come from x and from h is written once, in its `_gates` functions, which the
sequences of recurrent.py use as well.
"""

from collections.abc import Callable
from typing import NamedTuple

from nnscratch import kernels
from nnscratch.arrays import array_module
from nnscratch.shapes import check_dout, match_axes


class Cell(NamedTuple):
    """How a kind of cell is laid out: H units have `gates` H sums, `biases` H biases, `parts` H numbers of state.

    `forward(from_x, from_h, state) -> (next state, kept)` and
    `backward(dnext, kept) -> (dfrom_x, dfrom_h, dstate)`, where dstate leaves out what goes through from_h.
    """

    name: str
    gates: int
    biases: int
    parts: int
    forward: Callable
    backward: Callable


def rnn_step_forward(x, state, wx, wh, b):
    """Take one step of a vanilla RNN: next = tanh(x wx + state wh + b).

    x: (N, D), state: (N, H), wx: (D, H), wh: (H, H), b: (H,). Returns the next state and the cache.
    Source: Elman 1990, "Finding structure in time". Raises ShapeError.

    >>> import numpy as np
    >>> eye = np.eye(1)
    >>> out, cache = rnn_step_forward(np.array([[0.5]]), np.array([[0.25]]), eye, eye, np.zeros(1))
    >>> out.round(3), [grad.round(3).item() for grad in rnn_step_backward(np.ones((1, 1)), cache)]
    (array([[0.635]]), [0.597, 0.597, 0.298, 0.149, 0.597])
    """
    return _step_forward(RNN_CELL, x, state, wx, wh, b)


def rnn_step_backward(dnext, cache):
    """Gradients of a step: with da = dnext * (1 - next**2), dx = da wx^T, dstate = da wh^T, and so on."""
    return _step_backward(dnext, cache)


def lstm_step_forward(x, state, wx, wh, b):
    """Take one step of an LSTM: gates i, f, o and candidate g; c = f * c + i * g; h = o * tanh(c).

    x: (N, D); state: (N, 2H), h and then c; wx: (D, 4H), wh: (H, 4H) and b: (4H,) hold the columns of i, f, o
    and g in this order. Returns the next state and the cache.
    Source: Gers et al. 2000, "Learning to forget", after Hochreiter & Schmidhuber 1997. Raises ShapeError.

    >>> import numpy as np
    >>> w = np.zeros((1, 4))  # all gates half open, the candidate 0: half of c is kept
    >>> out, cache = lstm_step_forward(np.ones((1, 1)), np.array([[9.0, 2.0]]), w, w, np.zeros(4))
    >>> out.round(3), lstm_step_backward(np.ones((1, 2)), cache)[1].round(3)
    (array([[0.381, 1.   ]]), array([[0.   , 0.605]]))
    """
    return _step_forward(LSTM_CELL, x, state, wx, wh, b)


def lstm_step_backward(dnext, cache):
    """Gradients of a step; dnext: (N, 2H), for h and then c, as they come from outside and from the next step."""
    return _step_backward(dnext, cache)


def gru_step_forward(x, state, wx, wh, b):
    """Take one step of a GRU: gates r and z, candidate n; next = (1 - z) * n + z * state.

    n = tanh(x wn + bn + r * (state un + cn)): the reset gate acts after the product, as in cuDNN and PyTorch.
    x: (N, D), state: (N, H); wx: (D, 3H) and wh: (H, 3H) hold the columns of r, z and n; b: (4H,) those of r, z,
    bn and cn. Returns the next state and the cache.
    Source: Cho et al. 2014, "Learning phrase representations", sec. 2.3. Raises ShapeError.

    >>> import numpy as np
    >>> w = np.zeros((1, 3))  # z is a half and n is 0: half of the state is kept
    >>> out, cache = gru_step_forward(np.ones((1, 1)), np.array([[2.0]]), w, w, np.zeros(4))
    >>> out, gru_step_backward(np.ones((1, 1)), cache)[1]
    (array([[1.]]), array([[0.5]]))
    """
    return _step_forward(GRU_CELL, x, state, wx, wh, b)


def gru_step_backward(dnext, cache):
    """Gradients of a step; dnext: (N, H)."""
    return _step_backward(dnext, cache)


def check_cell(cell, operation, x, state, wx, wh, b, axes="N D", mask=None):
    """Raise ShapeError unless all arrays fit the cell; return H.

    >>> import numpy as np
    >>> w = np.zeros((3, 8))
    >>> check_cell(LSTM_CELL, "lstm", np.zeros((5, 3)), np.zeros((5, 4)), w, w[:2], np.zeros(8))
    2
    """
    called = "state" if axes == "N D" else "start"
    given = {"x": (x, axes), called: (state, "N S"), "wx": (wx, "D G"), "wh": (wh, "H G"), "mask": (mask, "N T")}
    match_axes(operation, **given)
    H = len(wh)
    match_axes(operation, wh=(wh, f"H {cell.gates * H}"), b=(b, f"{cell.biases * H}"))
    match_axes(operation, **{called: (state, f"N {cell.parts * H}")}, wh=(wh, "H G"))
    return H


def sums_of_hidden(cell, h, wh, b):
    """Return h wh, with those biases that belong to it: the last ones, where a cell has more biases than gates.

    >>> import numpy as np
    >>> sums_of_hidden(GRU_CELL, np.ones((1, 1)), np.ones((1, 3)), np.array([9.0, 9.0, 9.0, 1.0]))
    array([[1., 1., 2.]])
    """
    from_h = kernels.matmul(h, wh)
    own = b[cell.gates * len(wh) :]
    if own.size:
        from_h[:, -own.size :] += own
    return from_h


def bias_gradient(cell, dfrom_x, dfrom_h):
    """Return db: the sum of dfrom_x, and of the last columns of dfrom_h where biases belong to them; (rows, G).

    >>> import numpy as np
    >>> bias_gradient(GRU_CELL, np.ones((2, 3)), np.full((2, 3), 5.0))
    array([ 2.,  2.,  2., 10.])
    """
    db = dfrom_x.sum(axis=0)
    own = dfrom_x.shape[1] // cell.gates * (cell.biases - cell.gates)
    return array_module(db).concatenate([db, dfrom_h[:, -own:].sum(axis=0)]) if own else db


def _step_forward(cell, x, state, wx, wh, b):
    H = check_cell(cell, f"{cell.name} step", x, state, wx, wh, b)
    from_x = kernels.matmul(x, wx) + b[: cell.gates * H]
    out, kept = cell.forward(from_x, sums_of_hidden(cell, state[:, :H], wh, b), state)
    return out, (cell, x, state, wx, wh, kept)


def _step_backward(dnext, cache):
    cell, x, state, wx, wh, kept = cache
    check_dout(f"{cell.name} step", dnext, state.shape)
    dfrom_x, dfrom_h, dstate = cell.backward(dnext, kept)
    H = len(wh)
    dstate[:, :H] += kernels.matmul(dfrom_h, wh.T)
    dwx, dwh = kernels.matmul(x.T, dfrom_x), kernels.matmul(state[:, :H].T, dfrom_h)
    return kernels.matmul(dfrom_x, wx.T), dstate, dwx, dwh, bias_gradient(cell, dfrom_x, dfrom_h)


def _sigmoid(a):
    """1 / (1 + exp(-a)), by tanh, which does not overflow."""
    return 0.5 * array_module(a).tanh(0.5 * a) + 0.5


def _rnn_gates_forward(from_x, from_h, state):
    h = array_module(from_x).tanh(from_x + from_h)
    return h, h


def _rnn_gates_backward(dnext, h):
    da = dnext * (1 - h * h)
    return da, da, array_module(da).zeros_like(dnext)


def _lstm_gates_forward(from_x, from_h, state):
    xp, H = array_module(from_x), state.shape[1] // 2
    a = from_x + from_h
    ifo, g = _sigmoid(a[:, : 3 * H]), xp.tanh(a[:, 3 * H :])
    i, f, o = ifo[:, :H], ifo[:, H : 2 * H], ifo[:, 2 * H :]
    out = xp.empty_like(state)
    out[:, H:] = c = f * state[:, H:] + i * g
    tanh_c = xp.tanh(c)
    out[:, :H] = o * tanh_c
    return out, (ifo, g, tanh_c, state)


def _lstm_gates_backward(dnext, kept):
    ifo, g, tanh_c, state = kept
    H = g.shape[1]
    i, f, o = ifo[:, :H], ifo[:, H : 2 * H], ifo[:, 2 * H :]
    dh, dc = dnext[:, :H], dnext[:, H:]
    dc = dc + dh * o * (1 - tanh_c * tanh_c)
    xp = array_module(g)
    da = xp.empty((len(g), 4 * H), g.dtype)
    da[:, :H] = dc * g
    da[:, H : 2 * H] = dc * state[:, H:]
    da[:, 2 * H : 3 * H] = dh * tanh_c
    da[:, : 3 * H] *= ifo * (1 - ifo)
    da[:, 3 * H :] = dc * i * (1 - g * g)
    dstate = xp.zeros_like(dnext)
    dstate[:, H:] = dc * f
    return da, da, dstate


def _gru_gates_forward(from_x, from_h, state):
    xp, H = array_module(from_x), state.shape[1]
    rz = _sigmoid(from_x[:, : 2 * H] + from_h[:, : 2 * H])
    r, z, inside = rz[:, :H], rz[:, H:], from_h[:, 2 * H :]
    n = xp.tanh(from_x[:, 2 * H :] + r * inside)
    return (1 - z) * n + z * state, (rz, n, inside, state)


def _gru_gates_backward(dnext, kept):
    rz, n, inside, state = kept
    xp, H = array_module(n), n.shape[1]
    r, z = rz[:, :H], rz[:, H:]
    dfrom_x = xp.empty((len(n), 3 * H), n.dtype)
    dn = dnext * (1 - z) * (1 - n * n)
    dfrom_x[:, :H] = dn * inside
    dfrom_x[:, H : 2 * H] = dnext * (state - n)
    dfrom_x[:, : 2 * H] *= rz * (1 - rz)
    dfrom_x[:, 2 * H :] = dn
    dfrom_h = dfrom_x.copy()
    dfrom_h[:, 2 * H :] *= r
    return dfrom_x, dfrom_h, dnext * z


RNN_CELL = Cell("rnn", 1, 1, 1, _rnn_gates_forward, _rnn_gates_backward)
LSTM_CELL = Cell("lstm", 4, 4, 2, _lstm_gates_forward, _lstm_gates_backward)
GRU_CELL = Cell("gru", 3, 4, 1, _gru_gates_forward, _gru_gates_backward)
