"""How LSTM and GRU of a5-sequences are checked."""

from functools import partial

import numpy as np

from nnscratch.course import expect, expect_recurrent, slips
from nnscratch.course.exercises import exercise


@exercise(
    "a5.lstm_step_forward",
    file="gated.py",
    minutes=20,
    points=2,
    hints=(
        "Cut state into h and c, and a into four parts of H columns. Which of them go through sigmoid, which "
        "through tanh?",
        "H = len(wh); a[:, :H], a[:, H : 2 * H] and so on are i, f, o, g before their sigmoid or tanh.",
        "c_next = f * c + i * g; h_next = o * np.tanh(c_next); np.concatenate([h_next, c_next], axis=1)",
    ),
)
def lstm_step_forward(mine, rng):
    """Values, float32, manners."""

    def parts_of(x, state, wx, wh, b):
        i, f, o, g = np.split(x @ wx + np.split(state, 2, axis=1)[0] @ wh + b, 4, axis=1)
        return _sigmoid(i), _sigmoid(f), _sigmoid(o), np.tanh(g), np.split(state, 2, axis=1)[1]

    def order(names):
        """The step with the gates' columns in another order."""
        places = ["ifog".index(name) for name in names]

        def step(x, state, wx, wh, b):
            H = len(wh)
            columns = np.argsort(places).repeat(H) * H + np.tile(np.arange(H), 4)
            return _lstm_reference(x, state, wx[:, columns], wh[:, columns], b[columns])

        return step

    def plain_c(*given):
        i, f, o, g, c = parts_of(*given)
        return np.hstack([o * (f * c + i * g), f * c + i * g])

    def swapped(*given):
        h, c = np.split(_lstm_reference(*given), 2, axis=1)
        return np.hstack([c, h])

    def no_memory(*given):
        i, f, o, g, c = parts_of(*given)
        return np.hstack([o * np.tanh(i * g), i * g])

    mistakes = {
        "the columns were in the order i, f, g, o": order("ifgo"),
        "the columns were in the order f, i, o, g": order("fiog"),
        "the columns were in the order i, o, f, g": order("iofg"),
        "h_next were made of c_next without its tanh": plain_c,
        "c_next stood before h_next in the state": swapped,
        "the old c were forgotten": no_memory,
        "the bias were forgotten": lambda x, state, wx, wh, b: _lstm_reference(x, state, wx, wh, 0 * b),
    }
    expect_recurrent.step_values(mine, rng, _lstm_reference, mistakes, gates=4, parts=2)


@exercise(
    "a5.lstm_step_backward",
    file="gated.py",
    minutes=35,
    points=3,
    hints=(
        "Begin at the end: h_next = o * tanh(c_next). Then collect all that comes to c_next before you go on.",
        "dc = dc_next + dh_next * o * (1 - tanh(c_next)**2). From it di, df, dg and the gradient of the old c; "
        "do from dh_next.",
        "da = np.concatenate([dc * g * i * (1 - i), dc * c * f * (1 - f), dh * tanh_c * o * (1 - o), dc * i * "
        "(1 - g**2)], axis=1); the rest is as in the vanilla RNN, with dc * f beside da @ wh.T.",
    ),
)
def lstm_step_backward(mine, rng):
    """The doctor; float32."""
    expect_recurrent.step_gradients(mine, rng, "lstm_step_forward", gates=4, parts=2)


@exercise(
    "a5.lstm_forward",
    file="gated.py",
    minutes=10,
    points=1,
    hints=(
        "As rnn_forward; but what of the state is the output?",
        "The whole state (h and c) goes on to the next step, its first H columns are out.",
        "outs.append(state[:, :H]), and np.stack(outs, axis=1)",
    ),
)
def lstm_forward(mine, rng):
    """Values of sequences of several lengths; float32; manners."""
    expect_recurrent.sequence_values(mine, rng, _lstm_reference, gates=4, parts=2)


@exercise(
    "a5.lstm_backward",
    file="gated.py",
    minutes=20,
    points=2,
    hints=(
        "As rnn_backward; but dout belongs to h alone. What comes to c from outside?",
        "Begin with dstate = zeros (N, 2H). In each step add dout[:, t] to its first H columns: on a copy.",
        "from_outside = np.concatenate([dout[:, t], zeros], axis=1); dx, dstate, *grads = "
        "lstm_step_backward(dstate + from_outside, cache[t])",
    ),
)
def lstm_backward(mine, rng):
    """The doctor; float32."""
    expect_recurrent.sequence_gradients(mine, rng, "lstm_forward", gates=4, parts=2)


@exercise(
    "a5.gru_step_forward",
    file="gated.py",
    minutes=15,
    points=2,
    hints=(
        "Keep from_x and from_h apart: for n they are not simply added.",
        "r and z are sigmoids of sums of parts 0 and 1. In n the reset gate multiplies from_h's part 2 only.",
        "n = np.tanh(from_x[:, 2 * H :] + r * from_h[:, 2 * H :]); out = (1 - z) * n + z * state",
    ),
)
def gru_step_forward(mine, rng):
    """Values, float32, manners."""

    def parts_of(x, state, wx, wh, b):
        (xr, xz, xn), (hr, hz, hn) = np.split(x @ wx + b, 3, axis=1), np.split(state @ wh, 3, axis=1)
        return _sigmoid(xr + hr), _sigmoid(xz + hz), xn, hn

    def blended(x, state, wx, wh, b):
        r, z, xn, hn = parts_of(x, state, wx, wh, b)
        return z * np.tanh(xn + r * hn) + (1 - z) * state

    def reset_before(x, state, wx, wh, b):
        r, z, xn, hn = parts_of(x, state, wx, wh, b)
        return (1 - z) * np.tanh(xn + (r * state) @ wh[:, 2 * len(wh) :]) + z * state

    def reset_all(x, state, wx, wh, b):
        r, z, xn, hn = parts_of(x, state, wx, wh, b)
        return (1 - z) * np.tanh(r * (xn + hn)) + z * state

    def no_reset(x, state, wx, wh, b):
        r, z, xn, hn = parts_of(x, state, wx, wh, b)
        return (1 - z) * np.tanh(xn + hn) + z * state

    def gates_swapped(x, state, wx, wh, b):
        z, r, xn, hn = parts_of(x, state, wx, wh, b)
        return (1 - z) * np.tanh(xn + r * hn) + z * state

    mistakes = {
        "z and 1 - z were swapped": blended,
        "the reset gate acted on the state before the product with wh, not after it": reset_before,
        "the reset gate acted on what comes from x too": reset_all,
        "the reset gate were left out": no_reset,
        "the columns of r and z were swapped": gates_swapped,
    }
    expect_recurrent.step_values(mine, rng, _gru_reference, mistakes, gates=3)


@exercise(
    "a5.gru_step_backward",
    file="gated.py",
    minutes=35,
    points=3,
    hints=(
        "Which quantities did next depend on? n, z and state; n on from_x, r and from_h. Go back in this order.",
        "dn goes through its tanh; dz = dout * (state - n) and dr = dn * from_h_n through their sigmoids. What "
        "comes to from_h for n is dn * r.",
        "dfrom_x = [dr, dz, dn], dfrom_h = [dr, dz, dn * r]; dstate = dout * z + dfrom_h @ wh.T; dwh = state.T "
        "@ dfrom_h",
    ),
)
def gru_step_backward(mine, rng):
    """The doctor; float32."""
    expect_recurrent.step_gradients(mine, rng, "gru_step_forward", gates=3)


def _sigmoid(a):
    return 1 / (1 + np.exp(-a))


def _lstm_reference(x, state, wx, wh, b):
    h, c = np.split(state, 2, axis=1)
    i, f, o, g = np.split(np.concatenate([x, h], axis=1) @ np.concatenate([wx, wh]) + b, 4, axis=1)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    return np.hstack([_sigmoid(o) * np.tanh(c), c])


def _gru_reference(x, state, wx, wh, b):
    (xr, xz, xn), (hr, hz, hn) = np.split(x @ wx + b, 3, axis=1), np.split(state @ wh, 3, axis=1)
    z = _sigmoid(xz + hz)
    n = np.tanh(xn + _sigmoid(xr + hr) * hn)
    return n + z * (state - n)
