"""Wrong recurrent networks: vanilla, masked, both ways, LSTM, GRU and state spaces, by the step and in time."""

import numpy as np

from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families.case import forgetting, planting
from tests.gradcheck.planted_families.unseen_right_sequences import (
    BOTH_WAYS,
    CHO_GRU,
    JOINT_LSTM,
    MASKED_RNN,
    STATE_SPACE,
    both_ways_backward,
    changed,
    gru_backward,
    gru_cell,
    gru_through_time,
    joint_lstm_backward,
    joint_lstm_cell,
    joint_lstm_through_time,
    masked_rnn_backward,
    state_space_backward,
)  # fmt: skip

UNSEEN_RECURRENT = []
bug = planting(UNSEEN_RECURRENT)
MEMORY = {}


@bug("missing-term", MASKED_RNN)
def state_kept_over_padding_sends_nothing_back(dout, cache):
    x, mask, hs, news, wx, wh = cache
    dx, dwx, dwh, db = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), np.zeros(len(wh))
    dh = np.zeros_like(hs[0])
    for t in reversed(range(x.shape[1])):
        dz = (dh + dout[:, t]) * mask[:, t, None] * (1 - news[t] ** 2)
        dx[:, t] = dz @ wx.T
        dwx += x[:, t].T @ dz
        dwh += hs[t].T @ dz
        db += dz.sum(axis=0)
        dh = dz @ wh.T
    return dx, dh, dwx, dwh, db


@bug("missing-mask", MASKED_RNN)
def padding_steps_back_through_like_words(dout, cache):
    x, mask, hs, news, wx, wh = cache
    return masked_rnn_backward(dout, (x, np.ones_like(mask), hs, news, wx, wh))


@bug("wrong-mask", MASKED_RNN)
def padding_mask_of_the_step_before(dout, cache):
    x, mask, hs, news, wx, wh = cache
    late = np.concatenate([mask[:, :1], mask[:, :-1]], axis=1)
    return masked_rnn_backward(dout, (x, late, hs, news, wx, wh))


@bug("wrong-mask", MASKED_RNN)
def state_carried_back_over_words_rather_than_padding(dout, cache):
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
        dh = dz @ wh.T + dh * on
    return dx, dh, dwx, dwh, db


@bug("missing-mask", MASKED_RNN)
def words_of_padding_take_part_in_the_bias(dout, cache):
    x, mask, hs, news, wx, wh = cache
    db, dh = np.zeros(len(wh)), np.zeros_like(hs[0])
    for t in reversed(range(x.shape[1])):
        dh = dh + dout[:, t]
        dz = dh * (1 - news[t] ** 2)
        db += dz.sum(axis=0)
        dh = np.where(mask[:, t, None], dz @ wh.T, dh)
    return *masked_rnn_backward(dout, cache)[:4], db


def through_time(dout, cache, slope=lambda hs, t: 1 - hs[t + 1] ** 2, old=0, first=0, memory=1.0):
    """The loop of S.RNN with the parts that go wrong one by one."""
    x, hs, wx, wh = cache
    dx, dwx, dwh, db = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), np.zeros(len(wh))
    dh = np.zeros_like(hs[0])
    for t in reversed(range(first, x.shape[1])):
        dz = (dout[:, t] + memory * dh) * slope(hs, t)
        dx[:, t] = dz @ wx.T
        dwx += x[:, t].T @ dz
        dwh += hs[t + old].T @ dz
        db += dz.sum(axis=0)
        dh = dz @ wh.T
    return dx, dh, dwx, dwh, db


@bug("wrong-cache-variable", S.RNN)
def recurrent_weights_trained_on_the_new_states(dout, cache):
    return through_time(dout, cache, old=1)


@bug("wrong-cache-variable", S.RNN)
def slope_of_tanh_from_the_state_before(dout, cache):
    return through_time(dout, cache, slope=lambda hs, t: 1 - hs[t] ** 2)


@bug("border", S.RNN, also=("missing-term",))
def loop_back_in_time_stops_before_the_first_step(dout, cache):
    return through_time(dout, cache, first=1)


@bug("missing-term", S.RNN, also=("not-accumulated",))
def each_step_hears_only_its_own_output(dout, cache):
    return through_time(dout, cache, memory=0.0)


@bug("sign", S.RNN)
def slope_of_tanh_over_time_turned_round(dout, cache):
    return through_time(dout, cache, slope=lambda hs, t: hs[t + 1] ** 2 - 1)


@bug("not-accumulated", S.RNN)
def recurrent_weights_assigned_at_each_step(dout, cache):
    x, hs, wx, wh = cache
    dx, dwx, dwh, db = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), np.zeros(len(wh))
    dh = np.zeros_like(hs[0])
    for t in reversed(range(x.shape[1])):
        dz = (dout[:, t] + dh) * (1 - hs[t + 1] ** 2)
        dx[:, t] = dz @ wx.T
        dwx += x[:, t].T @ dz
        dwh = hs[t].T @ dz
        db += dz.sum(axis=0)
        dh = dz @ wh.T
    return dx, dh, dwx, dwh, db


@bug("constant-factor", S.RNN)
def weights_of_the_words_averaged_over_time(dout, cache):
    dx, dh, dwx, dwh, db = S.rnn_backward(dout, cache)
    return dx, dh, dwx / dout.shape[1], dwh, db


@bug("zero-gradient", S.RNN)
def first_state_taken_for_a_constant(dout, cache):
    dx, dh, dwx, dwh, db = S.rnn_backward(dout, cache)
    return dx, np.zeros_like(dh), dwx, dwh, db


@bug("mutates", S.RNN)
def later_gradient_added_into_dout(dout, cache):
    x, hs, wx, wh = cache
    for t in reversed(range(x.shape[1])):
        dout[:, t] *= 1 - hs[t + 1] ** 2
        if t:
            dout[:, t - 1] += dout[:, t] @ wh.T
    old = np.stack(hs[:-1], axis=1)
    dwx, dwh = np.einsum("ntd,nth->dh", x, dout), np.einsum("nti,nto->io", old, dout)
    return dout @ wx.T, dout[:, 0] @ wh.T, dwx, dwh, dout.sum(axis=(0, 1))


@bug("wrong-dtype", S.RNN)
def words_of_an_rnn_in_single_precision(dout, cache):
    dx, *others = S.rnn_backward(dout, cache)
    gradient = np.zeros(dx.shape, dtype=np.float32)
    for t in range(dx.shape[1]):
        gradient[:, t] = dx[:, t]
    return gradient, *others


@bug("nondeterministic", S.RNN, inputs=forgetting(MEMORY, S.RNN.inputs))
def gradient_of_the_state_carried_to_the_next_batch(dout, cache):
    carried = dout.copy()
    carried[:, -1] += MEMORY.get("dh", 0)
    gradients = S.rnn_backward(carried, cache)
    MEMORY["dh"] = gradients[1]
    return gradients


def remembering_forward(x, h0, wx, wh, b):
    out, cache = S.rnn_forward(x, h0, wx, wh, b)
    MEMORY["states"] = cache[1]
    return out, cache


@bug("nondeterministic", S.RNN, forward=remembering_forward, inputs=forgetting(MEMORY, S.RNN.inputs))
def states_of_the_latest_forward(dout, cache):
    x, _, wx, wh = cache
    return S.rnn_backward(dout, (x, MEMORY["states"], wx, wh))


@bug("transposed", S.RNN_STEP_SQUARE)
def recurrent_matrix_of_a_step_not_turned(dout, cache):
    x, h, wx, wh, out = cache
    dz = dout * (1 - out**2)
    return dz @ wx.T, dz @ wh, x.T @ dz, h.T @ dz, dz.sum(axis=0)


@bug("wrong-cache-variable", S.RNN_STEP_SQUARE)
def both_matrices_of_a_step_trained_on_the_word(dout, cache):
    x, h, wx, wh, out = cache
    dz = dout * (1 - out**2)
    return dz @ wx.T, dz @ wh.T, x.T @ dz, x.T @ dz, dz.sum(axis=0)


@bug("missing-term", BOTH_WAYS)
def words_hear_only_the_rnn_from_the_left(dout, cache):
    dahead, dback = np.split(dout, 2, axis=2)
    dx, _, dwx, dwh, _ = S.rnn_backward(dahead, cache[0])
    _, _, dvx, dvh, _ = S.rnn_backward(dback[:, ::-1], cache[1])
    return dx, dwx, dwh, dvx, dvh


@bug("stride", BOTH_WAYS, also=("transposed",))
def directions_taken_from_every_second_state(dout, cache):
    return both_ways_backward(np.concatenate([dout[..., ::2], dout[..., 1::2]], axis=2), cache)


@bug("missing-term", JOINT_LSTM, also=("zero-gradient",))
def cell_hears_nothing_from_the_output(dout, cache):
    def cell(dh, dc, step, w):
        z, f, i, g, o, c_old, c = step
        do = dh * np.tanh(c) * o * (1 - o)
        da = np.concatenate([dc * c_old * f * (1 - f), dc * g * i * (1 - i), dc * i * (1 - g**2), do], axis=1)
        return da @ w.T, dc * f, z.T @ da, da.sum(axis=0)

    return joint_lstm_through_time(dout, cache, cell)


@bug("missing-term", JOINT_LSTM, also=("not-accumulated",))
def cell_forgets_what_later_cells_say(dout, cache):
    def cell(dh, dc, step, w):
        return joint_lstm_cell(dh, 0 * dc, step, w)

    return joint_lstm_through_time(dout, cache, cell)


@bug("wrong-cache-variable", JOINT_LSTM)
def forget_gate_trained_on_the_new_cell(dout, cache):
    def cell(dh, dc, step, w):
        z, f, i, g, o, c_old, c = step
        return joint_lstm_cell(dh, dc, (z, f, i, g, o, c, c), w)

    return joint_lstm_through_time(dout, cache, cell)


@bug("transposed", JOINT_LSTM)
def joint_weights_reshaped_to_fit(dout, cache):
    dx, dh, dc, dw, db = joint_lstm_backward(dout, cache)
    return dx, dh, dc, dw.T.reshape(dw.shape), db


@bug("border", JOINT_LSTM, also=("missing-term",))
def first_step_does_not_train_the_joint_weights(dout, cache):
    steps, w = cache
    dx, dh, dc, _, _ = joint_lstm_backward(dout, cache)
    _, _, _, dw, db = joint_lstm_through_time(dout[1:], (steps[1:], w), joint_lstm_cell)
    return dx, dh, dc, dw, db


@bug("mutates", JOINT_LSTM)
def gates_become_their_slopes(dout, cache):
    def cell(dh, dc, step, w):
        z, f, i, g, o, c_old, c = step
        bend = np.tanh(c)
        dc = dc + dh * o * (1 - bend**2)
        dc_old, content = dc * f, dc * i
        for gate in (f, i, o):
            gate *= 1 - gate
        da = np.concatenate([dc * c_old * f, dc * g * i, content * (1 - g**2), dh * bend * o], axis=1)
        return da @ w.T, dc_old, z.T @ da, da.sum(axis=0)

    return joint_lstm_through_time(dout, cache, cell)


@bug("zero-gradient", JOINT_LSTM)
def first_cell_given_no_gradient(dout, cache):
    dx, dh, dc, dw, db = joint_lstm_backward(dout, cache)
    return dx, dh, np.zeros_like(dc), dw, db


@bug("wrong-shape", S.LSTM_STEP)
def biases_of_the_gates_not_summed(dout, cache):
    *others, db = S.lstm_step_backward(dout, cache)
    x, h, c, wx, wh, gates, c_next = cache
    i, f, o, g = gates
    dh, dc = np.split(dout, 2, axis=1)
    dc = dc + dh * o * (1 - np.tanh(c_next) ** 2)
    return *others, S.dscores_of(dc * g, dc * c, dh * np.tanh(c_next), dc * i, gates)


@bug("sign", CHO_GRU)
def update_gate_of_the_gru_turned_round(dout, cache):
    def cell(dh, step, wx, wh):
        x, h, r, z, n = step
        ur, uz, un = np.split(wh, 3, axis=1)
        dn, dz = dh * z * (1 - n**2), dh * (h - n) * z * (1 - z)
        dr = dn @ un.T * h * r * (1 - r)
        da = np.concatenate([dr, dz, dn], axis=1)
        dwh = np.concatenate([h.T @ dr, h.T @ dz, (r * h).T @ dn], axis=1)
        return da @ wx.T, dh * (1 - z) + dn @ un.T * r + dr @ ur.T + dz @ uz.T, x.T @ da, dwh, da.sum(axis=0)

    return gru_through_time(dout, cache, cell)


@bug("missing-term", CHO_GRU)
def old_state_of_the_gru_not_passed_straight_back(dout, cache):
    def cell(dh, step, wx, wh):
        dx, dh_old, *others = gru_cell(dh, step, wx, wh)
        return dx, dh_old - dh * (1 - step[3]), *others

    return gru_through_time(dout, cache, cell)


@bug("wrong-cache-variable", CHO_GRU, inputs=changed(CHO_GRU, i4=lambda b: b + 5 * (np.arange(9) < 3)))
def content_weights_trained_on_the_state_before_reset(dout, cache):
    def cell(dh, step, wx, wh):
        x, h, r, z, n = step
        dx, dh_old, dwx, dwh, db = gru_cell(dh, step, wx, wh)
        dwh[:, -h.shape[1] :] = h.T @ (dh * z * (1 - n**2))
        return dx, dh_old, dwx, dwh, db

    return gru_through_time(dout, cache, cell)


@bug("wrong-cache-variable", STATE_SPACE)
def readout_trained_on_the_states_before(dout, cache):
    h = cache[1]
    dx, da, db, _, dskip = state_space_backward(dout, cache)
    return dx, da, db, (dout[..., None] * h[:, :-1]).sum(axis=(0, 1)), dskip


@bug("missing-term", STATE_SPACE, inputs=changed(STATE_SPACE, i4=lambda skip: skip / 100))
def skip_around_the_states_forgotten(dout, cache):
    dx, *others = state_space_backward(dout, cache)
    return dx - dout * cache[5], *others


@bug("wrong-shape", STATE_SPACE)
def skip_of_the_state_space_kept_for_each_step(dout, cache):
    return *state_space_backward(dout, cache)[:4], (dout * cache[0]).sum(axis=0)


@bug("non-finite", STATE_SPACE, inputs=changed(STATE_SPACE, i1=np.zeros_like))
def states_before_recovered_by_division(dout, cache):
    x, h, a, b, c, skip = cache
    before = (h[:, 1:] - b * x[..., None]) / a
    return state_space_backward(dout, (x, np.concatenate([before, h[:, -1:]], axis=1), a, b, c, skip))


@bug("nondeterministic", CHO_GRU, inputs=forgetting(MEMORY, CHO_GRU.inputs))
def bias_of_the_gru_added_up_over_calls(dout, cache):
    *others, db = gru_backward(dout, cache)
    MEMORY["db"] = db + MEMORY.get("db", 0)
    return *others, MEMORY["db"]


@bug("missing-term", S.RNN, inputs=changed(S.RNN, i3=lambda wh: wh / 4))
def gradient_flows_two_steps_back_at_most(dout, cache):
    dx, dh0, dwx, dwh, db = (0 * gradient for gradient in S.rnn_backward(dout, cache))
    x, hs, wx, wh = cache
    for end in range(x.shape[1]):
        dh = dout[:, end]
        for t in range(end, max(end - 3, -1), -1):
            dz = dh * (1 - hs[t + 1] ** 2)
            dx[:, t] += dz @ wx.T
            dwx, dwh, db = dwx + x[:, t].T @ dz, dwh + hs[t].T @ dz, db + dz.sum(axis=0)
            dh = dz @ wh.T
        dh0 += dh * (t == 0)
    return dx, dh0, dwx, dwh, db


@bug("missing-term", CHO_GRU, inputs=changed(CHO_GRU, i3=lambda wh: wh / 10))
def reset_gate_sends_nothing_to_the_state_before(dout, cache):
    def cell(dh, step, wx, wh):
        x, h, r, z, n = step
        ur, uz, un = np.split(wh, 3, axis=1)
        dx, dh_old, *others = gru_cell(dh, step, wx, wh)
        return dx, dh * (1 - z) + (dh * z * (1 - n**2)) @ un.T * r + (dh * (n - h) * z * (1 - z)) @ uz.T, *others

    return gru_through_time(dout, cache, cell)
