"""Correct residual blocks whose weights are tiny: what the block adds is small beside what it hands on."""

from dataclasses import replace

import numpy as np

from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families import normalization as N
from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families.case import Planted


def relu_block_forward(x, w1, w2):
    """x + relu(x w1) w2."""
    hidden = np.maximum(x @ w1, 0)
    return x + hidden @ w2, (x, w1, w2, hidden)


def relu_block_backward(dout, cache):
    x, w1, w2, hidden = cache
    dhidden = dout @ w2.T * (hidden > 0)
    return dout + dhidden @ w1.T, x.T @ dhidden, hidden.T @ dout


def tanh_block_forward(x, w1, b1, w2, b2):
    hidden = np.tanh(x @ w1 + b1)
    return x + hidden @ w2 + b2, (x, w1, w2, hidden)


def tanh_block_backward(dout, cache):
    x, w1, w2, hidden = cache
    dhidden = dout @ w2.T * (1 - hidden**2)
    return dout + dhidden @ w1.T, x.T @ dhidden, dhidden.sum(axis=0), hidden.T @ dout, dout.sum(axis=0)


def norm_block_forward(x, gamma, beta, w1, w2):
    """x + relu(norm(x) w1) w2: the norm comes first, over the features of each example."""
    normal, cache = N.LAYER_NORM.forward(x, gamma, beta)
    hidden = np.maximum(normal @ w1, 0)
    return x + hidden @ w2, (cache, normal, w1, w2, hidden)


def norm_block_backward(dout, cache):
    cache, normal, w1, w2, hidden = cache
    dhidden = dout @ w2.T * (hidden > 0)
    dx, dgamma, dbeta = N.LAYER_NORM.backward(dhidden @ w1.T, cache)
    return dout + dx, dgamma, dbeta, normal.T @ dhidden, hidden.T @ dout


def conv_block_forward(x, w1, b1, w2, b2):
    """x + conv(relu(conv(x)))."""
    scores, first = I.conv_forward(x, w1, b1, pad=1)
    change, second = I.conv_forward(np.maximum(scores, 0), w2, b2, pad=1)
    return x + change, (first, scores, second)


def conv_block_backward(dout, cache):
    first, scores, second = cache
    dhidden, dw2, db2 = I.conv_backward(dout, second)
    dx, dw1, db1 = I.conv_backward(dhidden * (scores > 0), first)
    return dout + dx, dw1, db1, dw2, db2


def recurrent_block_forward(x, w, v):
    """h goes on from word to word: h + relu(x[:, t] w + h v), and all of them are the output."""
    h, states, scores = np.zeros((len(x), w.shape[1])), [], []
    for t in range(x.shape[1]):
        scores.append(x[:, t] @ w + h @ v)
        states.append(h)
        h = h + np.maximum(scores[-1], 0)
    return np.stack([*states[1:], h], axis=1), (x, w, v, states, scores)


def recurrent_block_backward(dout, cache):
    x, w, v, states, scores = cache
    dx, dw, dv, dh = np.zeros_like(x), np.zeros_like(w), np.zeros_like(v), np.zeros_like(dout[:, 0])
    for t in range(x.shape[1] - 1, -1, -1):
        dh = dh + dout[:, t]
        dscores = dh * (scores[t] > 0)
        dx[:, t], dw, dv = dscores @ w.T, dw + x[:, t].T @ dscores, dv + states[t].T @ dscores
        dh = dh + dscores @ v.T
    return dx, dw, dv


def attention_block_forward(x, wq, wk, wv):
    change, cache = S.self_attention_forward(x, wq, wk, wv)
    return x + change, cache


def attention_block_backward(dout, cache):
    dx, dwq, dwk, dwv = S.self_attention_backward(dout, cache)
    return dout + dx, dwq, dwk, dwv


def tiny(scale, *shapes):
    """The first array is x; the others, the weights, are as small as the scale says, or as one scale for each."""
    scales = scale if isinstance(scale, tuple) else (scale,) * (len(shapes) - 1)
    return lambda rng: tuple(s * rng.normal(size=shape) for s, shape in zip((1, *scales), shapes))


def of_many_scales(*shapes):
    """Every column of every weight has a scale of its own, from 1e-8 to 1."""
    return lambda rng: (
        rng.normal(size=shapes[0]),
        *(rng.normal(size=s) * 10.0 ** rng.integers(-8, 1, s[-1]) for s in shapes[1:]),
    )


def outdone_inputs(rng):
    """Inputs of mixed scales, and tiny weights."""
    x, w1, w2 = tiny(1e-3, (4, 5), (5, 6), (6, 5))(rng)
    return x * 10.0 ** rng.integers(-4, 4, 5), w1, w2


DENSE_SHAPES = ((4, 5), (5, 6), (6, 5))
TANH_SHAPES = ((4, 5), (5, 6), (6,), (6, 5), (5,))
CONV_SHAPES = ((2, 2, 4, 4), (3, 2, 3, 3), (3,), (2, 3, 3, 3), (2,))
WORDS = ((2, 4, 3), (3, 4), (4, 4))

RELU_BLOCK = Planted(
    "relu block of weights of 1e-3", "residual", relu_block_forward, relu_block_backward, tiny(1e-3, *DENSE_SHAPES)
)
TANH_BLOCK = Planted(
    "tanh block of weights of 1e-3", "residual", tanh_block_forward, tanh_block_backward, tiny(1e-3, *TANH_SHAPES)
)
NORM_BLOCK = Planted(
    "norm block of weights of 1e-3",
    "residual",
    norm_block_forward,
    norm_block_backward,
    tiny((1, 1, 1e-3, 1e-3), (4, 5), (5,), (5,), (5, 6), (6, 5)),
)
CONV_BLOCK = Planted(
    "convolutional block of weights of 1e-2",
    "residual",
    conv_block_forward,
    conv_block_backward,
    tiny(1e-2, *CONV_SHAPES),
)
RECURRENT_BLOCK = Planted(
    "recurrent block of weights of 1e-3",
    "rnn",
    recurrent_block_forward,
    recurrent_block_backward,
    tiny(1e-3, *WORDS),
)
ATTENTION_BLOCK = Planted(
    "attention block of weights of 1e-2",
    "attention",
    attention_block_forward,
    attention_block_backward,
    tiny(1e-2, (2, 3, 4), (4, 4), (4, 4), (4, 4)),
)


def at(name, right, inputs):
    return replace(right, name=name, inputs=inputs)


LATE_RIGHT_TINY = [
    RELU_BLOCK, TANH_BLOCK, NORM_BLOCK, CONV_BLOCK, RECURRENT_BLOCK, ATTENTION_BLOCK,
    at("relu block of weights of 1e-4", RELU_BLOCK, tiny(1e-4, *DENSE_SHAPES)),
    at("relu block of weights of 1e-6", RELU_BLOCK, tiny(1e-6, *DENSE_SHAPES)),
    at("relu block of weights of 1e-8", RELU_BLOCK, tiny(1e-8, *DENSE_SHAPES)),
    at("relu block of tiny and large weights", RELU_BLOCK, tiny((1e-6, 1.0), *DENSE_SHAPES)),
    at("relu block of large and tiny weights", RELU_BLOCK, tiny((1.0, 1e-6), *DENSE_SHAPES)),
    at("relu block of weights of many scales", RELU_BLOCK, of_many_scales(*DENSE_SHAPES)),
    at("relu block of inputs of mixed scales", RELU_BLOCK, outdone_inputs),
    at("tanh block of weights of 1e-6", TANH_BLOCK, tiny(1e-6, *TANH_SHAPES)),
    at("tanh block of weights of many scales", TANH_BLOCK, of_many_scales(*TANH_SHAPES)),
    at("norm block of weights of 1e-6", NORM_BLOCK, tiny((1, 1, 1e-6, 1e-6), (4, 5), (5,), (5,), (5, 6), (6, 5))),
    at("convolutional block of weights of 1e-4", CONV_BLOCK, tiny(1e-4, *CONV_SHAPES)),
    at("convolutional block of weights of 1e-7", CONV_BLOCK, tiny(1e-7, *CONV_SHAPES)),
    at("recurrent block of weights of 1e-6", RECURRENT_BLOCK, tiny(1e-6, *WORDS)),
    at("recurrent block of weights of many scales", RECURRENT_BLOCK, of_many_scales(*WORDS)),
    at("attention block of weights of 1e-5", ATTENTION_BLOCK, tiny(1e-5, (2, 3, 4), (4, 4), (4, 4), (4, 4))),
    at("RNN of weights of 1e-5", S.RNN, tiny((1, 1e-5, 1e-5, 1e-5), (2, 4, 3), (2, 4), (3, 4), (4, 4), (4,))),
    at("LSTM of weights of 1e-4", S.LSTM, tiny((1, 1e-4, 1e-4, 1e-4), (2, 4, 3), (2, 3), (3, 12), (3, 12), (12,))),
]  # fmt: skip
