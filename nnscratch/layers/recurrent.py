"""Recurrent layers over whole sequences: vanilla RNN, LSTM and GRU, with backward through time written out.

The products with x of all steps are one product before the loop, and so are all weight gradients after it: only
the product with the state has to wait for the step before. Inside, time comes first, (T, N, ...).
"""

from typing import Any, ClassVar, NamedTuple

import numpy as np

from nnscratch import kernels
from nnscratch.arrays import array_module, rng
from nnscratch.layers.base import Layer, parameter
from nnscratch.layers.cells import (
    GRU_CELL,
    LSTM_CELL,
    RNN_CELL,
    Cell,
    bias_gradient,
    check_cell,
    sums_of_hidden,
)
from nnscratch.layers.initializers import normal, orthogonal
from nnscratch.shapes import ShapeError, check_dout


class Unrolled(NamedTuple):
    """What a pass over a sequence keeps; `states` (T + 1, N, S) begins with the start, states[-1] is the last."""

    cell: Cell
    x: Any
    wx: Any
    wh: Any
    mask: Any
    states: Any
    kept: list
    started: bool


def rnn_forward(x, wx, wh, b, start=None, mask=None):
    """Run a vanilla RNN over sequences: h[t] = tanh(x[t] wx + h[t - 1] wh + b).

    x: (N, T, D), wx: (D, H), wh: (H, H), b: (H,). start: (N, H), the state before step one, zero unless given.
    mask: (N, T) of 0 and 1; where it is 0 the state is handed on as it is. Returns out (N, T, H), the state after
    every step, and the cache, whose `states[-1]` is the last state: a start for the text that follows.
    Source: Elman 1990; Werbos 1990, "Backpropagation through time". Raises ShapeError.

    >>> eye = np.eye(1)
    >>> out, cache = rnn_forward(np.array([[[1.0], [0.0]]]), eye, eye, np.zeros(1))
    >>> dx, dwx, dwh, db = rnn_backward(np.array([[[0.0], [1.0]]]), cache)
    >>> out.round(3).ravel(), dx.round(3).ravel()
    (array([0.762, 0.642]), array([0.247, 0.588]))
    """
    return _forward(RNN_CELL, x, wx, wh, b, start, mask)


def rnn_backward(dout, cache):
    """Return dx, dwx, dwh, db and, where a start was given, dstart; dout: (N, T, H)."""
    return _backward(dout, cache)


def lstm_forward(x, wx, wh, b, start=None, mask=None):
    """Run an LSTM over sequences; `lstm_step_forward` has the formulas of a step.

    x: (N, T, D), wx: (D, 4H), wh: (H, 4H), b: (4H,), columns in the order i, f, o, g. start: (N, 2H), h and then
    c, zero unless given. mask: as for rnn_forward. Returns out (N, T, H), the h of every step, and the cache,
    whose `states[-1]` is the last state, h and c. Source: Gers et al. 2000. Raises ShapeError.

    >>> w = np.zeros((1, 4))
    >>> out, cache = lstm_forward(np.ones((1, 2, 1)), w, w, np.zeros(4), start=np.array([[0.0, 2.0]]))
    >>> cache.states[:, 0, 1], lstm_backward(np.ones((1, 2, 1)), cache)[4].round(3)
    (array([2. , 1. , 0.5]), array([[0.   , 0.203]]))
    """
    return _forward(LSTM_CELL, x, wx, wh, b, start, mask)


def lstm_backward(dout, cache):
    """Return dx, dwx, dwh, db and, where a start was given, dstart; dout: (N, T, H)."""
    return _backward(dout, cache)


def gru_forward(x, wx, wh, b, start=None, mask=None):
    """Run a GRU over sequences; `gru_step_forward` has the formulas of a step.

    x: (N, T, D), wx: (D, 3H), wh: (H, 3H), b: (4H,). start: (N, H), zero unless given. mask: as for rnn_forward.
    Returns out (N, T, H), the state after every step, and the cache, whose `states[-1]` is the last state.
    Source: Cho et al. 2014, sec. 2.3. Raises ShapeError.

    >>> w = np.zeros((1, 3))
    >>> out, cache = gru_forward(np.ones((1, 2, 1)), w, w, np.zeros(4), start=np.array([[4.0]]))
    >>> out.ravel(), gru_backward(np.ones((1, 2, 1)), cache)[4]
    (array([2., 1.]), array([[0.75]]))
    """
    return _forward(GRU_CELL, x, wx, wh, b, start, mask)


def gru_backward(dout, cache):
    """Return dx, dwx, dwh, db and, where a start was given, dstart; dout: (N, T, H)."""
    return _backward(dout, cache)


def state_gradients(dout, cache):
    """Return the gradient of every state, (T + 1, N, S): how the loss feels a change of memory, step by step.

    dout: (N, T, H). Entry 0 belongs to the start, entry t to the state after step t. The norms of these are what
    vanishes or explodes: Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", sec. 2.

    >>> half = np.full((1, 1), 0.5)  # with x = 0 and h = 0, every step back halves the gradient
    >>> out, cache = rnn_forward(np.zeros((1, 3, 1)), half, half, np.zeros(1))
    >>> state_gradients(np.array([[[0.0], [0.0], [1.0]]]), cache).ravel()
    array([0.125, 0.25 , 0.5  , 1.   ])
    """
    return _through_time(dout, cache)[2]


def _forward(cell, x, wx, wh, b, start, mask):
    H = check_cell(cell, cell.name, x, start, wx, wh, b, "N T D", mask)
    N, T, D = x.shape
    xp = array_module(x)
    from_x = kernels.matmul(_rows(x), wx).reshape(T, N, cell.gates * H)
    from_x += b[: cell.gates * H]
    states = xp.zeros((T + 1, N, cell.parts * H), from_x.dtype)
    if start is not None:
        states[0] = start
    kept = []
    for t in range(T):
        state = states[t]
        new, own = cell.forward(from_x[t], sums_of_hidden(cell, state[:, :H], wh, b), state)
        states[t + 1] = new if mask is None else xp.where(mask[:, t, None] != 0, new, state)
        kept.append(own)
    out = xp.ascontiguousarray(states[1:, :, :H].transpose(1, 0, 2))
    return out, Unrolled(cell, x, wx, wh, mask, states, kept, start is not None)


def _backward(dout, cache):
    dfrom_x, dfrom_h, dstates = _through_time(dout, cache)
    cell, x, wx, H = cache.cell, cache.x, cache.wx, len(cache.wh)
    before = cache.states[:-1, :, :H].reshape(len(dfrom_h), H)
    dwx, dwh = kernels.matmul(_rows(x).T, dfrom_x), kernels.matmul(before.T, dfrom_h)
    N, T, D = x.shape
    dx = kernels.matmul(dfrom_x, wx.T).reshape(T, N, D).transpose(1, 0, 2)
    grads = array_module(dx).ascontiguousarray(dx), dwx, dwh, bias_gradient(cell, dfrom_x, dfrom_h)
    return (*grads, dstates[0]) if cache.started else grads


def _through_time(dout, cache):
    """Go back step by step; return dfrom_x and dfrom_h (T * N, G) and dstates (T + 1, N, S)."""
    cell, x, _, wh, mask, states, kept, _ = cache
    N, T, D = x.shape
    H = len(wh)
    check_dout(cell.name, dout, (N, T, H))
    xp = array_module(dout)
    dfrom_x = xp.empty((T, N, wh.shape[1]), states.dtype)
    dfrom_h = dfrom_x if cell.biases == cell.gates else xp.empty_like(dfrom_x)
    dstates = xp.zeros_like(states)
    for t in reversed(range(T)):
        dnew = dstates[t + 1]
        dnew[:, :H] += dout[:, t]
        passed = 0
        if mask is not None:
            valid = mask[:, t, None] != 0
            dnew, passed = dnew * valid, dnew * ~valid
        dfrom_x[t], dfrom_h[t], dstate = cell.backward(dnew, kept[t])
        dstate[:, :H] += kernels.matmul(dfrom_h[t], wh.T)
        dstates[t] = dstate + passed
    return dfrom_x.reshape(T * N, wh.shape[1]), dfrom_h.reshape(T * N, wh.shape[1]), dstates


def _rows(x):
    """x (N, T, D) as rows (T * N, D), time first."""
    return x.transpose(1, 0, 2).reshape(x.shape[0] * x.shape[1], x.shape[2])


class Recurrent(Layer):
    """What RNN, LSTM and GRU share: sequences (N, T, D) in, the hidden states of H units (N, T, H) out.

    streams: for training on one long text that is cut into pieces (truncated backpropagation through time). The
        batch then holds so many texts side by side, and each training pass starts where the one before it ended;
        gradients stay within a piece. 0: every sequence starts with a state of zeros.

    The columns of wx and wh are drawn gate by gate: wx with standard deviation 1 / sqrt(D), wh orthogonal
    (Saxe et al. 2014). A subclass names its cell and its pair.

    >>> layer = LSTM(3, 4, streams=2, rng=0)
    >>> out, cache = layer.forward(np.ones((2, 5, 3), np.float32), train=True)
    >>> bool((layer.state["carried"] == cache.states[-1]).all())
    True
    >>> layer.reset()
    >>> issubclass(LSTM, Recurrent), layer.state["carried"].any()
    (True, np.False_)
    """

    cell: ClassVar[Cell]
    pair: ClassVar[tuple]

    def __init__(self, D, H, streams=0, rng=0, dtype=np.float32):
        super().__init__()
        self.H, self.streams = H, streams
        self.params["wx"] = _gate_by_gate(normal(D**-0.5), D, H, self.cell.gates, rng, dtype)
        self.params["wh"] = _gate_by_gate(orthogonal(), H, H, self.cell.gates, rng, dtype)
        self.params["b"] = parameter(self._biases, (self.cell.biases * H,), rng, dtype)
        if streams:
            self.state["carried"] = np.zeros((streams, self.cell.parts * H), dtype)

    def forward(self, x, train=False, start=None, mask=None):
        """Return the hidden states of all steps and the cache; start and mask are those of the pair.

        Raises ShapeError when the layer carries streams on and x holds another number of sequences.
        """
        carries = train and self.streams and start is None
        if carries:
            if len(x) != self.streams:
                raise ShapeError(
                    f"{self.cell.name}: x holds {len(x)} sequences, but the layer carries the states of "
                    f"{self.streams} streams from batch to batch: train on batches of {self.streams}, or build it "
                    "with streams=0"
                )
            start = self.state["carried"]
        out, cache = self.pair[0](x, self.params["wx"], self.params["wh"], self.params["b"], start, mask)
        if carries:
            self.state["carried"] = cache.states[-1].copy()
        return out, cache

    def backward(self, dout, cache):
        """Return dx and the gradients of wx, wh and b; that of a start is left to the pair."""
        dx, dwx, dwh, db = self.pair[1](dout, cache)[:4]
        return dx, {"wx": dwx, "wh": dwh, "b": db}

    def reset(self):
        """Forget the carried states, as at the beginning of a text."""
        if self.streams:
            carried = self.state["carried"]
            self.state["carried"] = array_module(carried).zeros_like(carried)

    def _biases(self, shape, rng):
        return np.zeros(shape)


class RNN(Recurrent):
    """Vanilla RNN of H tanh units.

    >>> layer = RNN(3, 4, rng=0)
    >>> out, cache = layer.forward(np.ones((2, 5, 3), np.float32))
    >>> dx, grads = layer.backward(out, cache)
    >>> out.shape, dx.shape, list(grads)
    ((2, 5, 4), (2, 5, 3), ['wx', 'wh', 'b'])
    """

    cell = RNN_CELL
    pair = (rnn_forward, rnn_backward)


class LSTM(Recurrent):
    """LSTM of H units, whose forget gates start open: their biases are 1 (Jozefowicz et al. 2015, sec. 2.2).

    >>> layer = LSTM(3, 4, rng=0)
    >>> layer.forward(np.ones((2, 5, 3), np.float32))[0].shape, layer.params["b"][4:8].tolist()
    ((2, 5, 4), [1.0, 1.0, 1.0, 1.0])
    """

    cell = LSTM_CELL
    pair = (lstm_forward, lstm_backward)

    def _biases(self, shape, rng):
        biases = np.zeros(shape)
        biases[self.H : 2 * self.H] = 1
        return biases


class GRU(Recurrent):
    """GRU of H units.

    >>> GRU(3, 4, rng=0).forward(np.ones((2, 5, 3), np.float32))[0].shape
    (2, 5, 4)
    """

    cell = GRU_CELL
    pair = (gru_forward, gru_backward)


def _gate_by_gate(init, D, H, gates, seed, dtype):
    draws = rng(seed)
    return np.concatenate([parameter(init, (D, H), draws, dtype) for _ in range(gates)], axis=1)


CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
