"""How the vanilla RNN of a5-sequences is checked."""

from functools import partial

import numpy as np

from nnscratch.course import expect, expect_recurrent, slips
from nnscratch.course.exercises import exercise


@exercise(
    "a5.rnn_step_forward",
    file="rnn.py",
    minutes=5,
    points=1,
    hints=(
        "Two matrix products, a sum and a tanh.",
        "What will backward need? tanh' is 1 - out**2, and the matrix products need their factors.",
        "out = np.tanh(x @ wx + state @ wh + b); return out, (x, state, wx, wh, out)",
    ),
)
def rnn_step_forward(mine, rng):
    """Values, float32, manners."""
    mistakes = {
        "the bias were forgotten": lambda x, state, wx, wh, b: _rnn_reference(x, state, wx, wh, 0 * b),
        "the tanh were forgotten": lambda x, state, wx, wh, b: x @ wx + state @ wh + b,
        "the state before were forgotten": lambda x, state, wx, wh, b: _rnn_reference(x, 0 * state, wx, wh, b),
        "the input were forgotten": lambda x, state, wx, wh, b: _rnn_reference(0 * x, state, wx, wh, b),
        "wh were transposed": lambda x, state, wx, wh, b: _rnn_reference(x, state, wx, wh.T, b),
    }
    expect_recurrent.step_values(mine, rng, _rnn_reference, mistakes)


@exercise(
    "a5.rnn_step_backward",
    file="rnn.py",
    minutes=15,
    points=2,
    hints=(
        "First through the tanh: the gradient da of what stands inside its brackets.",
        "da has shape (N, H). Let shapes lead you: which product with da has the shape of x, of state, of wx, "
        "of wh?",
        "da = dout * (1 - out**2); da @ wx.T, da @ wh.T, x.T @ da, state.T @ da, da.sum(axis=0)",
    ),
)
def rnn_step_backward(mine, rng):
    """The doctor; float32."""
    expect_recurrent.step_gradients(mine, rng, "rnn_step_forward")


@exercise(
    "a5.rnn_forward",
    file="rnn.py",
    minutes=10,
    points=1,
    hints=(
        "A loop over the T steps; what does each step need from the one before?",
        "state = start; then in each step state, cache = rnn_step_forward(x[:, t], state, ...). Keep both in "
        "lists.",
        "return np.stack(outs, axis=1), caches",
    ),
)
def rnn_forward(mine, rng):
    """Values of sequences of several lengths; float32; manners."""
    expect_recurrent.sequence_values(mine, rng, _rnn_reference)


@exercise(
    "a5.rnn_backward",
    file="rnn.py",
    minutes=25,
    points=3,
    hints=(
        "Go from the last step to the first. What comes to the state of step t, besides dout[:, t]?",
        "The dstate that step t + 1 handed back. Add it to dout[:, t], go through rnn_step_backward, add up "
        "the gradients of wx, wh and b.",
        "dx, dstate, *grads = rnn_step_backward(dout[:, t] + dstate, cache[t]) for t in reversed(range(T)), "
        "with dstate = 0 before the first; the last dstate is dstart.",
    ),
)
def rnn_backward(mine, rng):
    """The doctor; float32."""
    expect_recurrent.sequence_gradients(mine, rng, "rnn_forward")


@exercise(
    "a5.truncated_backward",
    file="rnn.py",
    minutes=25,
    points=3,
    hints=(
        "Each piece is an rnn_forward and an rnn_backward of its own. What goes from one piece to the next, "
        "and what does not go back?",
        "state = out[:, -1] begins the next piece; the dstart of rnn_backward is thrown away. Gradients of "
        "weights add up.",
        "for begin in range(0, T, length): piece = slice(begin, begin + length); out, cache = rnn_forward(x[:, "
        "piece], state, wx, wh, b); dx, _, *grads = rnn_backward(dout[:, piece], cache); state = out[:, -1]",
    ),
)
def truncated_backward(mine, rng):
    """Against whole sequences that are cut by hand; pieces of one step, and a last one that is shorter."""
    N, T, D, H = 2, 7, 3, 4
    x, dout, start, wx, wh, b = _arrays(rng, (N, T, D), (N, T, H), (N, H), (D, H), (H, H), (H,))
    for length in (1, 3, 7, 10):
        given = dict(x=x, dout=dout, start=start, wx=wx, wh=wh, b=b)
        result = expect.unchanged(lambda: mine(**given, length=length), **given)
        names = ("out", "dx", "dwx", "dwh", "db")
        words = f"it should return {len(names)} things, {', '.join(names)}; it returns {expect.described(result)}"
        expect.true(isinstance(result, tuple) and len(result) == len(names), words)
        arrays = x, dout, start, wx, wh, b
        expected, whole = _truncated(*arrays, length), _truncated(*arrays, T)
        pieces = [slice(begin, begin + length) for begin in range(0, T, length)]
        apart = [_truncated(x[:, piece], dout[:, piece], *arrays[2:], T) for piece in pieces]
        last = _truncated(
            x[:, pieces[-1]], dout[:, pieces[-1]], _before(expected[0], start, pieces[-1]), wx, wh, b, T
        )
        for k, name in enumerate(names):
            mistakes = {
                "gradients went back from a piece into the one before": lambda: whole[k],
                "every piece began with the start": lambda: (
                    np.concatenate([part[k] for part in apart], axis=1)
                    if k < 2
                    else sum(part[k] for part in apart)
                ),
                "only the last piece's gradients counted": lambda: last[k],
            }
            slips.equal(result[k], expected[k], name, given=dict(x=x, length=length), slips=mistakes)
    expect.raises(ValueError, lambda: mine(**given, length=0), "pieces of 0 steps")


def _arrays(rng, *shapes):
    return tuple(rng.normal(size=shape) for shape in shapes)


def _rnn_reference(x, state, wx, wh, b):
    return np.tanh(np.einsum("nd,dh->nh", x, wx) + np.einsum("ng,gh->nh", state, wh) + b)


def _truncated(x, dout, start, wx, wh, b, length):
    """Step by step: what the derivative of a step hands back ends where a piece begins."""
    T, H = dout.shape[1:]
    states = [start]
    for t in range(T):
        states.append(_rnn_reference(x[:, t], states[-1], wx, wh, b))
    dx, dwx, dwh, db, back = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), np.zeros(H), 0
    for t in reversed(range(T)):
        back = 0 if t % length == length - 1 else back
        da = (dout[:, t] + back) * (1 - states[t + 1] ** 2)
        dx[:, t], back = da @ wx.T, da @ wh.T
        dwx, dwh, db = dwx + x[:, t].T @ da, dwh + states[t].T @ da, db + da.sum(axis=0)
    return np.stack(states[1:], axis=1), dx, dwx, dwh, db


def _before(out, start, piece):
    """The state before a piece of a sequence."""
    return out[:, piece.start - 1] if piece.start else start
