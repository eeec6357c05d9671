"""More correct recurrent networks: other cells, both directions, lengths, leaks, filters and averages in time."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, normal
from tests.gradcheck.planted_families.sequences import rnn_backward, rnn_forward, sigmoid


def gru_forward(h0, x, w, u, b):
    """x: (T, N, D), w (D, 3 H), u (H, 3 H). The reset gate is before the product; returns (T, N, H)."""
    H, hs, steps = h0.shape[1], [h0], []
    for t in range(len(x)):
        h, scores = hs[-1], x[t] @ w + b
        z, r = (sigmoid(scores[:, k : k + H] + h @ u[:, k : k + H]) for k in (0, H))
        n = np.tanh(scores[:, 2 * H :] + (r * h) @ u[:, 2 * H :])
        steps.append((h, z, r, n))
        hs.append((1 - z) * h + z * n)
    return np.stack(hs[1:]), (x, w, u, steps)


def gru_backward(dout, cache):
    x, w, u, steps = cache
    H, dx, dw, du, db = len(u), np.zeros_like(x), np.zeros_like(w), np.zeros_like(u), np.zeros(w.shape[1])
    dh = np.zeros_like(dout[0])
    for t in reversed(range(len(x))):
        h, z, r, n = steps[t]
        dh = dh + dout[t]
        dn = dh * z * (1 - n**2)
        drh = dn @ u[:, 2 * H :].T
        dz, dr = dh * (n - h) * z * (1 - z), drh * h * r * (1 - r)
        dscores = np.concatenate([dz, dr, dn], axis=1)
        dx[t] = dscores @ w.T
        dw += x[t].T @ dscores
        db += dscores.sum(axis=0)
        du += np.concatenate([h.T @ dz, h.T @ dr, (r * h).T @ dn], axis=1)
        dh = dh * (1 - z) + drh * r + dz @ u[:, :H].T + dr @ u[:, H : 2 * H].T
    return dh, dx, dw, du, db


def peephole_forward(x, h, c, w, p, b):
    """One LSTM step whose gates also see the cell; w (D + H, 4 H), p (3, H). Returns h and c side by side."""
    both = np.concatenate([x, h], axis=1)
    zi, zf, zo, zg = np.split(both @ w + b, 4, axis=1)
    i, f, g = sigmoid(zi + p[0] * c), sigmoid(zf + p[1] * c), np.tanh(zg)
    c_next = f * c + i * g
    o = sigmoid(zo + p[2] * c_next)
    return np.concatenate([o * np.tanh(c_next), c_next], axis=1), (x, both, c, c_next, w, p, (i, f, o, g))


def peephole_backward(dout, cache):
    x, both, c, c_next, w, p, (i, f, o, g) = cache
    dh, dc_next = np.split(dout, 2, axis=1)
    bend = np.tanh(c_next)
    do = dh * bend * o * (1 - o)
    dc_next = dc_next + dh * o * (1 - bend**2) + do * p[2]
    di, df, dg = dc_next * g * i * (1 - i), dc_next * c * f * (1 - f), dc_next * i * (1 - g**2)
    dscores = np.concatenate([di, df, do, dg], axis=1)
    dboth, D = dscores @ w.T, x.shape[1]
    dc = dc_next * f + di * p[0] + df * p[1]
    dp = np.stack([(di * c).sum(axis=0), (df * c).sum(axis=0), (do * c_next).sum(axis=0)])
    return dboth[:, :D], dboth[:, D:], dc, both.T @ dscores, dp, dscores.sum(axis=0)


def two_way_forward(x, h0, wx, wh, b, vx, vh, c):
    """An RNN from each end of x (N, T, D), both from h0; their states side by side."""
    ahead, cache1 = rnn_forward(x, h0, wx, wh, b)
    back, cache2 = rnn_forward(x[:, ::-1], h0, vx, vh, c)
    return np.concatenate([ahead, back[:, ::-1]], axis=2), (cache1, cache2)


def two_way_backward(dout, cache):
    dahead, dback = np.split(dout, 2, axis=2)
    dx1, dh1, *dparams1 = rnn_backward(dahead, cache[0])
    dx2, dh2, *dparams2 = rnn_backward(dback[:, ::-1], cache[1])
    return dx1 + dx2[:, ::-1], dh1 + dh2, *dparams1, *dparams2


def paused_forward(x, h0, wx, wh, b, words):
    """An RNN that keeps its state where words (N, T) says that there is no word."""
    hs, news = [h0], []
    for t in range(x.shape[1]):
        news.append(np.tanh(x[:, t] @ wx + hs[-1] @ wh + b))
        hs.append(np.where(words[:, t, None], news[-1], hs[-1]))
    return np.stack(hs[1:], axis=1), (x, hs, news, wx, wh, words)


def paused_backward(dout, cache):
    x, hs, news, wx, wh, words = cache
    dx, dwx, dwh, db = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), np.zeros(len(wh))
    dh = np.zeros_like(hs[0])
    for t in reversed(range(x.shape[1])):
        dh, word = dh + dout[:, t], words[:, t, None]
        dz = dh * word * (1 - news[t] ** 2)
        dx[:, t] = dz @ wx.T
        dwx += x[:, t].T @ dz
        dwh += hs[t].T @ dz
        db += dz.sum(axis=0)
        dh = dh * ~word + dz @ wh.T
    return dx, dh, dwx, dwh, db


def draw_paused(rng):
    x, *rest = normal((3, 5, 2), (3, 3), (2, 3), (3, 3), (3,), scale=0.7)(rng)
    return x, *rest, np.arange(5) < np.array([3, 5, 2])[:, None]


def leaky_forward(x, w, u, leak):
    """h = (1 - leak) h + leak tanh(x w + h u) from h = 0; leak: one number a unit. x: (N, T, D)."""
    hs, news = [np.zeros((len(x), len(u)), x.dtype)], []
    for t in range(x.shape[1]):
        news.append(np.tanh(x[:, t] @ w + hs[-1] @ u))
        hs.append((1 - leak) * hs[-1] + leak * news[-1])
    return np.stack(hs[1:], axis=1), (x, w, u, leak, hs, news)


def leaky_backward(dout, cache):
    x, w, u, leak, hs, news = cache
    dx, dw, du, dleak = (np.zeros_like(a) for a in (x, w, u, leak))
    dh = np.zeros_like(hs[0])
    for t in reversed(range(x.shape[1])):
        dh = dh + dout[:, t]
        dleak += (dh * (news[t] - hs[t])).sum(axis=0)
        dz = dh * leak * (1 - news[t] ** 2)
        dx[:, t] = dz @ w.T
        dw += x[:, t].T @ dz
        du += hs[t].T @ dz
        dh = dh * (1 - leak) + dz @ u.T
    return dx, dw, du, dleak


def draw_leaky(rng):
    return *normal((2, 5, 3), (3, 4), (4, 4), scale=0.8)(rng), rng.uniform(0.2, 0.8, 4)


def own_rnn_forward(x, w, u, b):
    """IndRNN: every unit sees only itself, h = relu(x w + u h + b) from h = 0; returns the last h."""
    hs = [np.zeros((len(x), len(u)), x.dtype)]
    for t in range(x.shape[1]):
        hs.append(np.maximum(x[:, t] @ w + u * hs[-1] + b, 0))
    return hs[-1], (x, w, u, hs)


def own_rnn_backward(dout, cache):
    x, w, u, hs = cache
    dx, dw, du, db, dh = np.zeros_like(x), np.zeros_like(w), np.zeros_like(u), np.zeros_like(u), dout
    for t in reversed(range(x.shape[1])):
        dz = dh * (hs[t + 1] > 0)
        dx[:, t] = dz @ w.T
        dw += x[:, t].T @ dz
        du += (dz * hs[t]).sum(axis=0)
        db += dz.sum(axis=0)
        dh = dz * u
    return dx, dw, du, db


def draw_own(rng):
    return *normal((3, 4, 2), (2, 5))(rng), rng.uniform(0.5, 1.5, 5), rng.normal(size=5) + 1


def state_space_forward(x, a, b, c, d):
    """h = sigmoid(a) h + b x, y = c . h + d x for each channel: x (N, T, D), a, b, c (D, S), d (D,)."""
    decay, hs = sigmoid(a), [np.zeros((len(x), *a.shape), x.dtype)]
    for t in range(x.shape[1]):
        hs.append(decay * hs[-1] + b * x[:, t, :, None])
    return np.stack([(c * h).sum(axis=2) for h in hs[1:]], axis=1) + d * x, (x, decay, b, c, d, hs)


def state_space_backward(dout, cache):
    x, decay, b, c, d, hs = cache
    dx, ddecay, db, dc = dout * d, np.zeros_like(b), np.zeros_like(b), np.zeros_like(b)
    dh = np.zeros_like(hs[0])
    for t in reversed(range(x.shape[1])):
        dc += (dout[:, t, :, None] * hs[t + 1]).sum(axis=0)
        dh = dh + dout[:, t, :, None] * c
        db += (dh * x[:, t, :, None]).sum(axis=0)
        dx[:, t] += (dh * b).sum(axis=2)
        ddecay += (dh * hs[t]).sum(axis=0)
        dh = dh * decay
    return dx, ddecay * decay * (1 - decay), db, dc, (dout * x).sum(axis=(0, 1))


def average_forward(x, start, keep=0.7):
    """A running average in time, m = keep m + (1 - keep) x; x: (T, D), start: (D,)."""
    m, out = start, []
    for row in x:
        m = keep * m + (1 - keep) * row
        out.append(m)
    return np.stack(out), (x, keep)


def average_backward(dout, cache):
    x, keep = cache
    dx, dm = np.zeros_like(x), np.zeros_like(x[0])
    for t in reversed(range(len(x))):
        dm = dm + dout[t]
        dx[t] = (1 - keep) * dm
        dm = keep * dm
    return dx, dm


def stacked_forward(x, wx1, wh1, b1, wx2, wh2, b2):
    """Two RNNs one upon the other, both from zero; returns the second one's last state."""
    zero = np.zeros((len(x), len(wh1)), x.dtype), np.zeros((len(x), len(wh2)), x.dtype)
    first, cache1 = rnn_forward(x, zero[0], wx1, wh1, b1)
    second, cache2 = rnn_forward(first, zero[1], wx2, wh2, b2)
    return second[:, -1], (second.shape, cache1, cache2)


def stacked_backward(dout, cache):
    shape, cache1, cache2 = cache
    dsecond = np.zeros(shape)
    dsecond[:, -1] = dout
    dfirst, _, *dparams2 = rnn_backward(dsecond, cache2)
    dx, _, *dparams1 = rnn_backward(dfirst, cache1)
    return dx, *dparams1, *dparams2


def minimal_step_forward(x, h, wf, uf, wn, un):
    """The minimal gated unit: f = sigmoid(x wf + h uf), (1 - f) h + f tanh(x wn + (f h) un)."""
    f = sigmoid(x @ wf + h @ uf)
    n = np.tanh(x @ wn + (f * h) @ un)
    return (1 - f) * h + f * n, (x, h, wf, uf, wn, un, f, n)


def minimal_step_backward(dout, cache):
    x, h, wf, uf, wn, un, f, n = cache
    dn = dout * f * (1 - n**2)
    dfh = dn @ un.T
    df = (dout * (n - h) + dfh * h) * f * (1 - f)
    dh = dout * (1 - f) + dfh * f + df @ uf.T
    return df @ wf.T + dn @ wn.T, dh, x.T @ df, h.T @ df, x.T @ dn, (f * h).T @ dn


def cell(name, family, forward, backward, inputs, **changes):
    return Planted(name, family, forward, backward, inputs, **changes)


GRU = cell("GRU over time", "gru", gru_forward, gru_backward,
           normal((2, 3), (3, 2, 2), (2, 9), (3, 9), (9,)))  # fmt: skip
PEEPHOLE = cell("LSTM step with peepholes", "lstm", peephole_forward, peephole_backward,
                normal((3, 2), (3, 3), (3, 3), (5, 12), (3, 3), (12,)))  # fmt: skip
TWO_WAY = cell("RNN in both directions", "rnn", two_way_forward, two_way_backward,
               normal((2, 4, 3), (2, 3), (3, 3), (3, 3), (3,), (3, 3), (3, 3), (3,), scale=0.7))  # fmt: skip
PAUSED = cell("RNN that pauses", "rnn", paused_forward, paused_backward, draw_paused)
LEAKY_RNN = cell("leaky RNN", "rnn", leaky_forward, leaky_backward, draw_leaky)
OWN_RNN = cell("RNN of separate units", "rnn", own_rnn_forward, own_rnn_backward, draw_own)
STATE_SPACE = cell("state space layer", "state space", state_space_forward, state_space_backward,
                   normal((2, 4, 2), (2, 3), (2, 3), (2, 3), (2,)))  # fmt: skip
AVERAGE = cell("running average", "running average", average_forward, average_backward, normal((6, 3), (3,)))
STACKED = cell("stacked RNN", "rnn", stacked_forward, stacked_backward,
               normal((2, 4, 3), (3, 3), (3, 3), (3,), (3, 2), (2, 2), (2,), scale=0.8))  # fmt: skip
MINIMAL = cell("minimal gated step", "gru", minimal_step_forward, minimal_step_backward,
               normal((4, 3), (4, 3), (3, 3), (3, 3), (3, 3), (3, 3)))  # fmt: skip

LATE_RECURRENT_LAYERS = [GRU, PEEPHOLE, TWO_WAY, PAUSED, LEAKY_RNN, OWN_RNN, STATE_SPACE, AVERAGE, STACKED,
                         MINIMAL]  # fmt: skip
