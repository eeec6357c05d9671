"""Correct layers of sequences: masked and gated recurrences, heads, rotations, paths, and their hard points."""

from dataclasses import replace

import numpy as np

from tests.gradcheck.planted_families import dense as D
from tests.gradcheck.planted_families import losses as L
from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families import unseen_nets as U
from tests.gradcheck.planted_families import unseen_sequences as Q
from tests.gradcheck.planted_families.case import Planted, normal
from tests.gradcheck.planted_families.sequences import sigmoid, softmax


def lengths(rng, N, T, least=1):
    """A mask (N, T) of sentences of random length, one of them shorter than T."""
    ends = rng.integers(least, T + 1, N)
    ends[-1] = T - 1
    return np.arange(T) < ends[:, None]


def masked_rnn_forward(x, mask, h0, wx, wh, b):
    """x: (N, T, D), mask: (N, T): where it is False the state stays as it was. Returns every state."""
    hs, news = [h0], []
    for t in range(x.shape[1]):
        news.append(np.tanh(x[:, t] @ wx + hs[-1] @ wh + b))
        hs.append(np.where(mask[:, t, None], news[-1], hs[-1]))
    return np.stack(hs[1:], axis=1), (x, mask, hs, news, wx, wh)


def masked_rnn_backward(dout, cache):
    x, mask, hs, news, wx, wh = cache
    dx, dwx, dwh, db = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), np.zeros(len(wh))
    dh = np.zeros_like(hs[0])
    for t in reversed(range(x.shape[1])):
        on = mask[:, t, None]
        dh = dh + dout[:, t]
        dz = dh * on * (1 - news[t] ** 2)
        dx[:, t] = dz @ wx.T
        dwx += x[:, t].T @ dz
        dwh += hs[t].T @ dz
        db += dz.sum(axis=0)
        dh = dz @ wh.T + dh * ~on
    return dx, dh, dwx, dwh, db


def draw_masked_rnn(rng):
    x, *rest = normal((3, 4, 2), (3, 4), (2, 4), (4, 4), (4,), scale=0.7)(rng)
    return x, lengths(rng, 3, 4), *rest


def joint_lstm_forward(x, h0, c0, w, b, forget_bias=1.0):
    """x: (T, N, D), w: (D + H, 4 H) for x and h side by side; gates in the order f, i, g, o."""
    h, c, steps, hs = h0, c0, [], []
    for x_t in x:
        z = np.concatenate([x_t, h], axis=1)
        f, i, g, o = np.split(z @ w + b, 4, axis=1)
        f, i, g, o = sigmoid(f + forget_bias), sigmoid(i), np.tanh(g), sigmoid(o)
        c_old, c = c, f * c + i * g
        h = o * np.tanh(c)
        steps.append((z, f, i, g, o, c_old, c))
        hs.append(h)
    return np.stack(hs), (steps, w)


def joint_lstm_cell(dh, dc, step, w):
    """From the gradients of h and c back to those of the state before: (dz, dc, dw, db)."""
    z, f, i, g, o, c_old, c = step
    bend = np.tanh(c)
    dc = dc + dh * o * (1 - bend**2)
    df, di, dg, do = dc * c_old * f * (1 - f), dc * g * i * (1 - i), dc * i * (1 - g**2), dh * bend * o * (1 - o)
    da = np.concatenate([df, di, dg, do], axis=1)
    return da @ w.T, dc * f, z.T @ da, da.sum(axis=0)


def joint_lstm_through_time(dout, cache, cell):
    steps, w = cache
    dxs, dw, db = [], np.zeros_like(w), np.zeros(w.shape[1])
    dh = dc = np.zeros_like(dout[0])
    for step, dout_t in zip(reversed(steps), dout[::-1]):
        dz, dc, dw_t, db_t = cell(dout_t + dh, dc, step, w)
        dxs.append(dz[:, : -dh.shape[1]])
        dh = dz[:, -dh.shape[1] :]
        dw += dw_t
        db += db_t
    return np.stack(dxs[::-1]), dh, dc, dw, db


def joint_lstm_backward(dout, cache):
    return joint_lstm_through_time(dout, cache, joint_lstm_cell)


def gru_forward(x, h0, wx, wh, b):
    """Cho's GRU, x: (N, T, D): n = tanh(x wn + (r * h) un + bn), h = (1 - z) * h + z * n; gates r, z, n."""
    ur, uz, un = np.split(wh, 3, axis=1)
    hs, steps = [h0], []
    for t in range(x.shape[1]):
        h = hs[-1]
        sr, sz, sn = np.split(x[:, t] @ wx + b, 3, axis=1)
        r, z = sigmoid(sr + h @ ur), sigmoid(sz + h @ uz)
        n = np.tanh(sn + (r * h) @ un)
        steps.append((x[:, t], h, r, z, n))
        hs.append((1 - z) * h + z * n)
    return np.stack(hs[1:], axis=1), (steps, wx, wh)


def gru_cell(dh, step, wx, wh):
    """From the gradient of a state back to (dx, dh, dwx, dwh, db)."""
    x, h, r, z, n = step
    ur, uz, un = np.split(wh, 3, axis=1)
    dn = dh * z * (1 - n**2)
    dz = dh * (n - h) * z * (1 - z)
    dreset = dn @ un.T
    dr = dreset * h * r * (1 - r)
    da = np.concatenate([dr, dz, dn], axis=1)
    dwh = np.concatenate([h.T @ dr, h.T @ dz, (r * h).T @ dn], axis=1)
    return da @ wx.T, dh * (1 - z) + dreset * r + dr @ ur.T + dz @ uz.T, x.T @ da, dwh, da.sum(axis=0)


def gru_through_time(dout, cache, cell):
    steps, wx, wh = cache
    dx, dwx, dwh, db = [], np.zeros_like(wx), np.zeros_like(wh), np.zeros(wx.shape[1])
    dh = np.zeros_like(dout[:, 0])
    for t in reversed(range(len(steps))):
        dx_t, dh, dwx_t, dwh_t, db_t = cell(dh + dout[:, t], steps[t], wx, wh)
        dx.insert(0, dx_t)
        dwx, dwh, db = dwx + dwx_t, dwh + dwh_t, db + db_t
    return np.stack(dx, axis=1), dh, dwx, dwh, db


def gru_backward(dout, cache):
    return gru_through_time(dout, cache, gru_cell)


def both_ways_forward(x, wx, wh, vx, vh):
    """An RNN from the left and one from the right, their states side by side; both begin with zeros."""
    start = np.zeros((len(x), len(wh)), x.dtype)
    ahead, first = S.rnn_forward(x, start, wx, wh, 0)
    back, second = S.rnn_forward(x[:, ::-1], start, vx, vh, 0)
    return np.concatenate([ahead, back[:, ::-1]], axis=2), (first, second)


def both_ways_backward(dout, cache):
    dahead, dback = np.split(dout, 2, axis=2)
    dx, _, dwx, dwh, _ = S.rnn_backward(dahead, cache[0])
    dy, _, dvx, dvh, _ = S.rnn_backward(dback[:, ::-1], cache[1])
    return dx + dy[:, ::-1], dwx, dwh, dvx, dvh


def state_space_forward(x, a, b, c, skip):
    """h = a * h + b * x, out = c . h + skip * x, with S states for each feature; a, b, c: (D, S)."""
    hs = [np.zeros((len(x), *a.shape), x.dtype)]
    for t in range(x.shape[1]):
        hs.append(a * hs[-1] + b * x[:, t, :, None])
    h = np.stack(hs, axis=1)
    return (c * h[:, 1:]).sum(axis=3) + skip * x, (x, h, a, b, c, skip)


def state_space_backward(dout, cache):
    x, h, a, b, c, skip = cache
    dx, da, db, dh = dout * skip, np.zeros_like(a), np.zeros_like(b), np.zeros_like(h[:, 0])
    for t in reversed(range(x.shape[1])):
        dh = dh + dout[:, t, :, None] * c
        dx[:, t] += (dh * b).sum(axis=2)
        da += (dh * h[:, t]).sum(axis=0)
        db += (dh * x[:, t, :, None]).sum(axis=0)
        dh = dh * a
    return dx, da, db, (dout[..., None] * h[:, 1:]).sum(axis=(0, 1)), (dout * x).sum(axis=(0, 1))


def split(x, heads):
    return x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)


def merge(x):
    return x.swapaxes(1, 2).reshape(len(x), x.shape[2], -1)


def softmax_gradient(dweights, weights):
    return weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))


def multi_head_forward(x, mask, wq, wk, wv, wo, heads=2):
    """x: (N, T, D); mask (N, T) tells words from padding, which no head attends to."""
    q, k, v = (split(x @ w, heads) for w in (wq, wk, wv))
    scale = 1 / np.sqrt(q.shape[3])
    weights = softmax(np.where(mask[:, None, None], q @ k.swapaxes(2, 3) * scale, -np.inf))
    mixed = merge(weights @ v)
    return mixed @ wo, (x, (wq, wk, wv), wo, q, k, v, weights, mixed, scale)


def multi_head_backward(dout, cache):
    x, ws, wo, q, k, v, weights, mixed, scale = cache
    dmixed = split(dout @ wo.T, q.shape[1])
    dscores = softmax_gradient(dmixed @ v.swapaxes(2, 3), weights) * scale
    douts = dscores @ k, dscores.swapaxes(2, 3) @ q, weights.swapaxes(2, 3) @ dmixed
    douts = [merge(d) for d in douts]
    dx = sum(d @ w.T for d, w in zip(douts, ws))
    return dx, *(np.einsum("ntd,ntm->dm", x, d) for d in douts), np.einsum("ntm,ntd->md", mixed, dout)


def draw_multi_head(rng):
    x, *ws = normal((2, 4, 4), (4, 4), (4, 4), (4, 4), (4, 4))(rng)
    return x, lengths(rng, 2, 4, 2), *ws


def relative_forward(q, k, v, bias):
    """Attention with one more score for each distance: bias (2 T - 1,) is read at i - j + T - 1."""
    T, scale = q.shape[1], 1 / np.sqrt(q.shape[2])
    apart = np.arange(T)[:, None] - np.arange(T) + T - 1
    weights = softmax(q @ k.swapaxes(1, 2) * scale + bias[apart])
    return weights @ v, (q, k, v, bias, apart, weights, scale)


def relative_backward(dout, cache):
    q, k, v, bias, apart, weights, scale = cache
    dscores = softmax_gradient(dout @ v.swapaxes(1, 2), weights)
    dbias = np.zeros_like(bias)
    np.add.at(dbias, apart, dscores.sum(axis=0))
    return dscores @ k * scale, dscores.swapaxes(1, 2) @ q * scale, weights.swapaxes(1, 2) @ dout, dbias


def dropped_attention_forward(q, k, v, keep, rate=0.4):
    """Attention whose weights go through inverted dropout, the mask `keep` (N, T, S) being given."""
    weights = softmax(q @ k.swapaxes(1, 2) / np.sqrt(q.shape[2]))
    dropped = weights * keep / (1 - rate)
    return dropped @ v, (q, k, v, keep, rate, weights, dropped)


def dropped_attention_backward(dout, cache):
    q, k, v, keep, rate, weights, dropped = cache
    dweights = dout @ v.swapaxes(1, 2) * keep / (1 - rate)
    dscores = softmax_gradient(dweights, weights) / np.sqrt(q.shape[2])
    return dscores @ k, dscores.swapaxes(1, 2) @ q, dropped.swapaxes(1, 2) @ dout


def draw_dropped(rng):
    keep = rng.random((2, 4, 4)) < 0.6
    keep[0, 0, :2] = True, False
    return *normal((2, 4, 3), (2, 4, 3), (2, 4, 3))(rng), keep


def additive_forward(query, keys, mask, wq, wk, v):
    """Bahdanau's attention: scores v . tanh(query wq + key wk); query (N, H), keys (N, T, D)."""
    hidden = np.tanh((query @ wq)[:, None] + keys @ wk)
    weights = softmax(np.where(mask, hidden @ v, -np.inf))
    return (weights[..., None] * keys).sum(axis=1), (query, keys, mask, wq, wk, v, hidden, weights)


def additive_backward(dout, cache):
    query, keys, mask, wq, wk, v, hidden, weights = cache
    dscores = softmax_gradient((dout[:, None] * keys).sum(axis=2), weights)
    dhidden = dscores[..., None] * v * (1 - hidden**2)
    dkeys = weights[..., None] * dout[:, None] + dhidden @ wk.T
    dprojected = dhidden.sum(axis=1)
    dwk, dv = np.einsum("ntd,nta->da", keys, dhidden), np.einsum("nta,nt->a", hidden, dscores)
    return dprojected @ wq.T, dkeys, query.T @ dprojected, dwk, dv


def draw_additive(rng):
    query, keys, *ws = normal((3, 4), (3, 5, 4), (4, 4), (4, 4), (4,), scale=0.8)(rng)
    return query, keys, lengths(rng, 3, 5, 2), *ws


def rotary_forward(x, base=10.0):
    """Turn the pairs (x[i], x[i + D / 2]) by t * base ** (-2 i / D); x: (N, T, D)."""
    T, half = x.shape[1], x.shape[2] // 2
    angles = np.arange(T)[:, None] * base ** (-np.arange(half) / half)
    cos, sin = np.cos(angles), np.sin(angles)
    first, second = x[..., :half], x[..., half:]
    return np.concatenate([first * cos - second * sin, first * sin + second * cos], axis=2), (cos, sin)


def rotary_backward(dout, cache):
    cos, sin = cache
    first, second = np.split(dout, 2, axis=2)
    return np.concatenate([first * cos + second * sin, second * cos - first * sin], axis=2)


def at(name, right, inputs, **changes):
    return replace(right, name=name, inputs=inputs, **changes)


def changed(right, **changes):
    """Draw the inputs of a pair and change those of the given places (i0=, i1= ...)."""

    def draw(rng):
        inputs = list(right.inputs(rng))
        for place, change in changes.items():
            inputs[int(place[1:])] = change(inputs[int(place[1:])])
        return tuple(inputs)

    return draw


MASKED_RNN = Planted("RNN that keeps its state over padding", "rnn", masked_rnn_forward, masked_rnn_backward,
                     draw_masked_rnn)  # fmt: skip
JOINT_LSTM = Planted("LSTM of time-major sequences with joint weights", "lstm", joint_lstm_forward,
                     joint_lstm_backward, normal((4, 2, 3), (2, 3), (2, 3), (6, 12), (12,)))  # fmt: skip
CHO_GRU = Planted("GRU over a sequence, reset before the product", "gru", gru_forward, gru_backward,
                  normal((2, 4, 3), (2, 3), (3, 9), (3, 9), (9,)))  # fmt: skip
BOTH_WAYS = Planted("RNN in both directions, again", "rnn", both_ways_forward, both_ways_backward,
                    normal((2, 4, 3), (3, 3), (3, 3), (3, 3), (3, 3), scale=0.8))  # fmt: skip
STATE_SPACE = Planted("diagonal state space", "rnn", state_space_forward, state_space_backward,
                      normal((2, 4, 3), (3, 3), (3, 3), (3, 3), (3,), scale=0.8))  # fmt: skip
MULTI_HEAD = Planted("multi-head attention with padding", "attention", multi_head_forward, multi_head_backward,
                     draw_multi_head)  # fmt: skip
RELATIVE = Planted("attention with relative positions", "attention", relative_forward, relative_backward,
                   normal((2, 4, 3), (2, 4, 3), (2, 4, 3), (7,)))  # fmt: skip
DROPPED = Planted("attention with dropout of its weights", "attention", dropped_attention_forward,
                  dropped_attention_backward, draw_dropped)  # fmt: skip
ADDITIVE = Planted("additive attention, again", "attention", additive_forward, additive_backward, draw_additive)
ROTARY = Planted("rotary embedding of halves", "embedding", rotary_forward, rotary_backward, normal((2, 4, 6)))

RECURRENT = [MASKED_RNN, JOINT_LSTM, CHO_GRU, BOTH_WAYS, STATE_SPACE]
ATTENTIVE = [MULTI_HEAD, RELATIVE, DROPPED, ADDITIVE, ROTARY]
HARD = [
    at("RNN over nothing but padding", MASKED_RNN, changed(MASKED_RNN, i1=np.zeros_like)),
    at("LSTM with joint weights, saturated", JOINT_LSTM, changed(JOINT_LSTM, i4=lambda b: b + 12 * np.sign(b))),
    at("LSTM with joint weights, one of everything", JOINT_LSTM,
       normal((1, 1, 1), (1, 1), (1, 1), (2, 4), (4,))),
    at("GRU over tiny inputs", CHO_GRU, normal((2, 4, 3), (2, 3), (3, 9), (3, 9), (9,), scale=1e-6)),
    at("GRU over one step", CHO_GRU, normal((2, 1, 3), (2, 3), (3, 9), (3, 9), (9,))),
    at("state space that grows", STATE_SPACE, changed(STATE_SPACE, i1=lambda a: 30 + a)),
    at("state space without memory", STATE_SPACE, changed(STATE_SPACE, i1=np.zeros_like)),
    at("state space of mixed scales", STATE_SPACE, changed(STATE_SPACE, i0=lambda x: x * [1e-6, 1, 1e5])),
    at("heads that see one word", MULTI_HEAD, changed(MULTI_HEAD, i1=lambda mask: np.arange(4) < [[1], [1]])),
    at("heads sure of themselves", MULTI_HEAD, changed(MULTI_HEAD, i0=lambda x: 4 * x)),
    at("relative positions beside a large offset", RELATIVE, changed(RELATIVE, i3=lambda bias: bias + 1e6)),
    at("relative positions of one word", RELATIVE, normal((2, 1, 3), (2, 1, 3), (2, 1, 3), (1,))),
    at("attention with every weight dropped", DROPPED, changed(DROPPED, i3=np.zeros_like)),
    at("additive attention of equal keys", ADDITIVE, changed(ADDITIVE, i1=np.ones_like)),
    at("additive attention, saturated", ADDITIVE, changed(ADDITIVE, i0=lambda query: 5 * query)),
    at("rotary embedding of one place", ROTARY, normal((3, 1, 2))),
    at("rotary embedding of huge words", ROTARY, normal((2, 4, 6), scale=1e6)),
    at("causal dilated convolution of one step", Q.CAUSAL_CONV, normal((2, 1, 3), (3, 3, 2), (2,))),
    at("log-sum-exp over paths of scores near a thousand", Q.CRF, changed(Q.CRF, i0=lambda e: e + 1000)),
    at("log-sum-exp over paths of one tag", Q.CRF, normal((2, 3, 1), (1, 1), (1,))),
    at("log-sum-exp over paths of one step", Q.CRF, normal((2, 1, 3), (3, 3), (3,))),
    at("max over words with ties, again", U.TOP,
       changed(U.TOP, i0=lambda x: np.round(x), i1=lambda mask: np.arange(6) < [[6], [4], [1]])),
    at("smoothed loss of no words at all", U.SMOOTHED, changed(U.SMOOTHED, i1=lambda y: 0 * y - 1)),
    at("smoothed loss of large scores", U.SMOOTHED, changed(U.SMOOTHED, i0=lambda x: 200 * x)),
    at("word vectors of one word everywhere", U.WORDS, changed(U.WORDS, i0=lambda words: 0 * words + 5)),
    at("twins that are equal", U.TWINS, U.draw_equal_twins),
    at("twins at their margin", U.TWINS,
       lambda rng: (np.eye(8)[:, :3] * 2, np.zeros((8, 3)), np.arange(8) % 2 == 0, np.eye(3))),
    at("gated feed-forward over shut gates", U.SWIGLU, changed(U.SWIGLU, i0=lambda x: 5 * x)),
    at("RMS norm of blank words", U.WORD_NORM, U.draw_blank_words),
    at("RMS norm of faint words", U.WORD_NORM, normal((2, 4, 5), (5,), scale=1e-5)),
    at("pre-norm block of one feature", U.PRE_NORM, normal((2, 3, 1), (1,), (1, 3), (3, 1))),
    at("triplets at their margin", L.TRIPLET_LOSS,
       lambda rng: tuple(rng.integers(0, 2, (3, 12, 3)) * 1.0)),
    at("highway with shut gates", D.HIGHWAY, changed(D.HIGHWAY, i0=lambda x: 6 * x)),
    at("places beside a large offset", S.POSITIONS, normal((3, 4, 2), (4, 2), shift=1e6)),
]  # fmt: skip

UNSEEN_RIGHT_SEQUENCES = RECURRENT + ATTENTIVE + Q.RIGHT + U.RIGHT + HARD
