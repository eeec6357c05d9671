"""Rows of cs231n/rnn_layers.py."""

import numpy as np

from nnscratch.course import expect
from nnscratch.course.cs231n.rows import check_backward, check_forward, row, written
from nnscratch.interop.cs231n import rnn_layers

FILE = "rnn_layers.py"


def _step(rng, gates):
    N, D, H = 3, 4, 5
    weights = rng.normal(size=(D, gates * H)), rng.normal(size=(H, gates * H)), rng.normal(size=gates * H)
    return rng.normal(size=(N, D)), rng.normal(size=(N, H)), weights


def _sequence(gates):
    def inputs(rng, shape):
        N, T, D, H = shape
        weights = rng.normal(size=(D, gates * H)), rng.normal(size=(H, gates * H)), rng.normal(size=gates * H)
        return rng.normal(size=(N, T, D)), rng.normal(size=(N, H)), *weights

    return inputs


def _pair_rows(name, inputs, shape):
    @row(f"{name}_forward", FILE)
    def forward(mine, rng):
        check_forward(mine, getattr(rnn_layers, f"{name}_forward"), inputs, rng, (shape,))

    @row(f"{name}_backward", FILE)
    def backward(mine, rng):
        check_backward(mine, inputs(rng, shape))


def _rnn_step(rng, shape):
    x, h, weights = _step(rng, 1)
    return x, h, *weights


_pair_rows("rnn_step", _rnn_step, None)
_pair_rows("rnn", _sequence(1), (2, 3, 4, 5))


@row("word_embedding_forward", FILE)
def _word_embedding_forward(mine, rng):
    """Values."""
    check_forward(
        mine, rnn_layers.word_embedding_forward, lambda r, s: (r.integers(5, size=s), r.normal(size=(5, 3))), rng,
        ((2, 4),),
    )  # fmt: skip


@row("word_embedding_backward", FILE)
def _word_embedding_backward(mine, rng):
    """The doctor, on words that come up more than once."""
    check_backward(mine, (np.array([[0, 3, 1, 3], [3, 4, 2, 0]]), rng.normal(size=(5, 3))), wrt=[1])


@row("lstm_step_forward", FILE)
def _lstm_step_forward(mine, rng):
    """Both values."""
    x, h, weights = _step(rng, 4)
    c = rng.normal(size=h.shape)
    result = written(mine(x, h, c, *weights), mine.__name__)
    expect.true(len(result) == 3, f"it should return next_h, next_c and cache; it returns {len(result)} things")
    expected = rnn_layers.lstm_step_forward(x, h, c, *weights)
    expect.equal(result[1], expected[1], "next_c (gates in the order i, f, o, g)")
    expect.equal(result[0], expected[0], "next_h")


@row("lstm_step_backward", FILE)
def _lstm_step_backward(mine, rng):
    """The doctor, on next_h and next_c side by side."""
    x, h, weights = _step(rng, 4)
    H, step = h.shape[1], expect.function(mine, "lstm_step_forward")

    def forward(*inputs):
        next_h, next_c, cache = written(step(*inputs), "lstm_step_forward")
        return np.concatenate([next_h, next_c], axis=1), cache

    def backward(dout, cache):
        return written(mine(dout[:, :H].copy(), dout[:, H:].copy(), cache), mine.__name__)

    inputs = (x, h, rng.normal(size=h.shape), *weights)
    backward(np.ones((len(h), 2 * H)), forward(*inputs)[1])
    expect.gradients(forward, backward, inputs)


_pair_rows("lstm", _sequence(4), (2, 3, 4, 3))
