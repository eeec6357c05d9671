"""More wrong backward passes of embeddings and recurrent layers."""

import numpy as np

from tests.gradcheck.planted_families.case import forgetting, normal, planting
from tests.gradcheck.planted_families.more_layers import (
    BAG,
    GRU,
    LAST_STATE,
    PADDED_RNN,
    ROTARY,
    TWO_WAY,
    bag_backward,
    gru_backward,
    last_state_backward,
    padded_rnn_backward,
    turned,
    two_way_backward,
)
from tests.gradcheck.planted_families.sequences import (
    EMBEDDING,
    GRU_STEP,
    LSTM,
    LSTM_STEP,
    POSITIONS,
    RNN,
    dscores_of,
    embedding_backward,
    gru_step_backward,
    lstm_backward,
    rnn_backward,
)

MORE_SEQUENCES = []
bug = planting(MORE_SEQUENCES)
memory = {}


def back_in_time(dout, cache, slope_of=lambda hs, t: 1 - hs[t + 1] ** 2, hand_back=lambda dz, wh, t: dz @ wh.T):
    """Walk back through an RNN: the dz of each step, the first step first, and the gradient of h0."""
    x, hs, _, wh = cache
    dh, dzs = np.zeros_like(hs[0]), []
    for t in reversed(range(x.shape[1])):
        dzs.insert(0, (dout[:, t] + dh) * slope_of(hs, t))
        dh = hand_back(dzs[0], wh, t)
    return dzs, dh


def rnn_gradients(dzs, dh, cache):
    """All gradients of an RNN from the dz of each step and the gradient of h0."""
    x, hs, wx, _ = cache
    dwx = sum(x[:, t].T @ dz for t, dz in enumerate(dzs))
    dwh = sum(hs[t].T @ dz for t, dz in enumerate(dzs))
    return np.stack([dz @ wx.T for dz in dzs], axis=1), dh, dwx, dwh, sum(dz.sum(axis=0) for dz in dzs)


@bug("not-accumulated", RNN, also=("missing-term",))
def rnn_dwh_overwritten_at_each_step(dout, cache):
    dzs, dh = back_in_time(dout, cache)
    dx, dh, dwx, dwh, db = rnn_gradients(dzs, dh, cache)
    for t in reversed(range(len(dzs))):
        dwh = cache[1][t].T @ dzs[t]
    return dx, dh, dwx, dwh, db


@bug("zero-gradient", RNN, also=("missing-term",))
def rnn_initial_state_said_to_be_constant(dout, cache):
    dx, dh, *rest = rnn_backward(dout, cache)
    return dx, np.zeros_like(dh), *rest


@bug("wrong-cache-variable", RNN, also=("missing-mask", "wrong-mask"))
def rnn_slope_of_tanh_from_the_state_before(dout, cache):
    return rnn_gradients(*back_in_time(dout, cache, slope_of=lambda hs, t: 1 - hs[t] ** 2), cache)


@bug("wrong-cache-variable", RNN, also=("transposed",))
def rnn_dwx_from_the_word_before(dout, cache):
    dzs, dh = back_in_time(dout, cache)
    dx, dh, _, dwh, db = rnn_gradients(dzs, dh, cache)
    return dx, dh, sum(cache[0][:, t - 1].T @ dz for t, dz in enumerate(dzs)), dwh, db


@bug("border", RNN, also=("missing-term", "not-accumulated"))
def rnn_last_step_left_out(dout, cache):
    x, hs, wx, wh = cache
    dx, *rest = rnn_backward(dout[:, :-1], (x[:, :-1], hs[:-1], wx, wh))
    return np.concatenate([dx, np.zeros_like(x[:, :1])], axis=1), *rest


@bug("missing-term", RNN, also=("not-accumulated", "border"))
def rnn_truncated_after_two_steps(dout, cache):
    return rnn_gradients(*back_in_time(dout, cache, hand_back=lambda dz, wh, t: dz @ wh.T * (t % 2)), cache)


@bug("transposed", RNN)
def rnn_wh_not_transposed_on_the_way_back(dout, cache):
    return rnn_gradients(*back_in_time(dout, cache, hand_back=lambda dz, wh, t: dz @ wh), cache)


@bug("sign", RNN)
def rnn_later_steps_subtracted(dout, cache):
    return rnn_gradients(*back_in_time(dout, cache, hand_back=lambda dz, wh, t: -dz @ wh.T), cache)


@bug("constant-factor", RNN)
def rnn_db_averaged_over_the_steps(dout, cache):
    *rest, db = rnn_backward(dout, cache)
    return *rest, db / dout.shape[1]


@bug("mutates", RNN)
def rnn_squares_a_state_in_place(dout, cache):
    def slope(hs, t):
        state = hs[t + 1]
        state *= state
        return 1 - state

    return rnn_gradients(*back_in_time(dout, cache, slope_of=slope), cache)


@bug("border", RNN, also=("missing-term",))
def rnn_one_element_of_dwh_lost(dout, cache):
    dx, dh, dwx, dwh, db = rnn_backward(dout, cache)
    dwh[-1, -1] = 0
    return dx, dh, dwx, dwh, db


@bug("wrong-shape", RNN, also=("transposed",))
def rnn_dx_with_time_first(dout, cache):
    dx, *rest = rnn_backward(dout, cache)
    return dx.transpose(1, 0, 2), *rest


@bug("transposed", RNN, also=("wrong-cache-variable",))
def rnn_dx_collected_from_the_end(dout, cache):
    dx, *rest = rnn_backward(dout, cache)
    return dx[:, ::-1], *rest


@bug("missing-mask", PADDED_RNN, also=("wrong-mask",))
def padded_rnn_learns_from_the_padding(dout, cache):
    x, hs, news, wx, wh, mask = cache
    return padded_rnn_backward(dout, (x, hs, news, wx, wh, np.ones_like(mask)))


@bug("missing-term", PADDED_RNN, also=("not-accumulated", "wrong-mask"))
def padded_rnn_state_not_handed_past_the_padding(dout, cache):
    x, hs, news, wx, wh, mask = cache
    slope = [mask[:, t, None] * (1 - new**2) for t, new in enumerate(news)]
    dzs, dh = back_in_time(dout, (x, hs, wx, wh), slope_of=lambda hs, t: slope[t])
    return rnn_gradients(dzs, dh, (x, hs, wx, wh))


@bug("wrong-mask", PADDED_RNN, also=("border",))
def padded_rnn_mask_one_step_late(dout, cache):
    x, hs, news, wx, wh, mask = cache
    return padded_rnn_backward(dout, (x, hs, news, wx, wh, np.roll(mask, 1, axis=1)))


@bug("border", LAST_STATE, also=("wrong-cache-variable", "missing-term"))
def last_state_taken_for_the_first(dout, cache):
    dhs = np.zeros((*cache[0].shape[:2], dout.shape[1]))
    dhs[:, 0] = dout
    return rnn_backward(dhs, cache)


@bug("constant-factor", LAST_STATE)
def last_state_dwx_averaged_over_the_steps(dout, cache):
    dx, dh, dwx, dwh, db = last_state_backward(dout, cache)
    return dx, dh, dwx / dx.shape[1], dwh, db


@bug("transposed", TWO_WAY, also=("wrong-cache-variable",))
def two_way_rnn_second_dx_not_turned_round(dout, cache):
    dthere, dback = np.split(dout, 2, axis=2)
    dx, *_ = rnn_backward(dthere, cache[0])
    dx_back, *_ = rnn_backward(dback[:, ::-1], cache[1])
    return dx + dx_back, *two_way_backward(dout, cache)[1:]


@bug("not-accumulated", TWO_WAY, also=("missing-term",))
def two_way_rnn_dx_of_the_second_direction_alone(dout, cache):
    dx, *_ = rnn_backward(np.split(dout, 2, axis=2)[1][:, ::-1], cache[1])
    return dx[:, ::-1], *two_way_backward(dout, cache)[1:]


def step_parts(dout, cache):
    """dh, the whole dc, the cell before and the tanh of the next one."""
    _, _, c, _, _, (_, _, o, _), c_next = cache
    dh, dc = np.split(dout, 2, axis=1)
    bend = np.tanh(c_next)
    return dh, dc + dh * o * (1 - bend**2), c, bend


def step_gradients(dz, dc, cache):
    x, h, _, wx, wh, gates, _ = cache
    return dz @ wx.T, dz @ wh.T, dc * gates[1], x.T @ dz, h.T @ dz, dz.sum(axis=0)


@bug("transposed", LSTM_STEP, also=("wrong-cache-variable",))
def lstm_step_gates_in_another_order(dout, cache):
    i, f, o, g = gates = cache[5]
    dh, dc, c, bend = step_parts(dout, cache)
    di, df, do, dg = np.split(dscores_of(dc * g, dc * c, dh * bend, dc * i, gates), 4, axis=1)
    return step_gradients(np.concatenate([di, df, dg, do], axis=1), dc, cache)


@bug("wrong-mask", LSTM_STEP, also=("wrong-cache-variable", "missing-mask"))
def lstm_step_content_with_the_slope_of_a_sigmoid(dout, cache):
    i, f, o, g = cache[5]
    dh, dc, c, bend = step_parts(dout, cache)
    scores = (dc * g * i * (1 - i), dc * c * f * (1 - f), dh * bend * o * (1 - o), dc * i * g * (1 - g))
    return step_gradients(np.concatenate(scores, axis=1), dc, cache)


@bug("wrong-cache-variable", LSTM_STEP)
def lstm_step_forget_gate_sees_the_new_content(dout, cache):
    i, f, o, g = gates = cache[5]
    dh, dc, c, bend = step_parts(dout, cache)
    return step_gradients(dscores_of(dc * g, dc * g, dh * bend, dc * i, gates), dc, cache)


@bug("missing-mask", LSTM_STEP, also=("missing-term",))
def lstm_step_cell_reached_without_the_slope_of_tanh(dout, cache):
    _, _, c, _, _, (i, f, o, g), c_next = cache
    dh, dc = np.split(dout, 2, axis=1)
    dc = dc + dh * o
    return step_gradients(dscores_of(dc * g, dc * c, dh * np.tanh(c_next), dc * i, (i, f, o, g)), dc, cache)


@bug("missing-term", LSTM, also=("zero-gradient", "border"))
def lstm_db_of_the_output_gate_lost(dout, cache):
    *rest, db = lstm_backward(dout, cache)
    H = dout.shape[2]
    db[2 * H : 3 * H] = 0
    return *rest, db


@bug("wrong-cache-variable", LSTM, also=("border",))
def lstm_forget_gates_one_step_late(dout, cache):
    steps, wx, wh = cache
    forgets = [step[3][1] for step in steps]
    late = [
        (x, h, c, (i, forgets[max(t - 1, 0)], o, g), c_next)
        for t, (x, h, c, (i, _, o, g), c_next) in enumerate(steps)
    ]
    return lstm_backward(dout, (late, wx, wh))


@bug("mutates", LSTM)
def lstm_pops_its_steps_off_the_cache(dout, cache):
    steps, wx, wh = cache
    taken = []
    while steps:
        taken.insert(0, steps.pop())
    return lstm_backward(dout, (taken, wx, wh))


@bug("wrong-dtype", LSTM)
def lstm_dx_in_a_buffer_of_float32(dout, cache):
    dx, *rest = lstm_backward(dout, cache)
    buffer = np.empty(dx.shape, np.float32)
    for t in range(dx.shape[1]):
        buffer[:, t] = dx[:, t]
    return buffer, *rest


@bug("nondeterministic", LSTM, also=("not-accumulated",), inputs=forgetting(memory, LSTM.inputs))
def lstm_starts_from_the_dh_of_the_last_call(dout, cache):
    dh = memory.get("dh", 0)
    dlast = np.zeros_like(dout)
    dlast[:, -1] = dh
    grads = lstm_backward(dout + dlast, cache)
    memory["dh"] = grads[1]
    return grads


def gru_parts(dout, cache):
    """The gradients of the scores: dz and dr of the gates, dn of the new content."""
    _, h, _, _, z, r, n, hn = cache
    dn = dout * (1 - z) * (1 - n**2)
    return dout * (h - n) * z * (1 - z), dn * hn * r * (1 - r), dn


def gru_gradients(dout, cache, dz, dr, dn):
    x, h, wx, wh, z, r, _, _ = cache
    dxs, dhs = np.concatenate([dz, dr, dn], axis=1), np.concatenate([dz, dr, dn * r], axis=1)
    return dxs @ wx.T, dhs @ wh.T + dout * z, x.T @ dxs, h.T @ dhs, dxs.sum(axis=0)


@bug("missing-mask", GRU_STEP, also=("missing-term",))
def gru_new_content_without_the_slope_of_tanh(dout, cache):
    dz, dr, dn = gru_parts(dout, cache)
    slope = 1 - cache[6] ** 2
    return gru_gradients(dout, cache, dz, dr / slope, dn / slope)


@bug("wrong-cache-variable", GRU_STEP)
def gru_reset_gate_from_the_state_itself(dout, cache):
    *kept, _ = cache
    return gru_step_backward(dout, (*kept, cache[1]))


@bug("sign", GRU_STEP)
def gru_update_gate_new_minus_old(dout, cache):
    dz, dr, dn = gru_parts(dout, cache)
    return gru_gradients(dout, cache, -dz, dr, dn)


@bug("missing-mask", GRU_STEP, also=("missing-term", "wrong-cache-variable"))
def gru_dwh_without_the_reset_gate(dout, cache):
    dx, dh, dwx, _, db = gru_step_backward(dout, cache)
    return dx, dh, dwx, cache[1].T @ np.concatenate(gru_parts(dout, cache), axis=1), db


@bug("wrong-cache-variable", GRU_STEP, also=("wrong-mask",))
def gru_db_through_the_reset_gate(dout, cache):
    dz, dr, dn = gru_parts(dout, cache)
    *rest, _ = gru_step_backward(dout, cache)
    return *rest, np.concatenate([dz, dr, dn * cache[5]], axis=1).sum(axis=0)


@bug("not-accumulated", GRU, also=("missing-term",))
def gru_dwx_overwritten_at_each_step(dout, caches):
    dh, dwx = 0, None
    for t in reversed(range(len(caches))):
        _, dh, dwx, _, _ = gru_step_backward(dout[:, t] + dh, caches[t])
    dx, dh, _, dwh, db = gru_backward(dout, caches)
    return dx, dh, dwx, dwh, db


@bug("missing-term", GRU, also=("border", "wrong-cache-variable"))
def gru_h0_from_its_own_step_alone(dout, caches):
    dx, _, *rest = gru_backward(dout, caches)
    return dx, gru_step_backward(dout[:, 0], caches[0])[1], *rest


@bug("missing-mask", BAG, also=("missing-term", "wrong-cache-variable"))
def bag_of_words_dw_without_the_weights(dout, cache):
    x, weights, w = cache
    return bag_backward(dout, cache)[0], bag_backward(dout, (x, np.ones_like(weights), w))[1]


@bug("not-accumulated", BAG, also=("missing-term",))
def bag_of_words_repeated_words_counted_once(dout, cache):
    x, weights, w = cache
    dw = np.zeros_like(w)
    dw[x] += weights[..., None] * dout[:, None]
    return bag_backward(dout, cache)[0], dw


@bug("wrong-mask", EMBEDDING, also=("border", "missing-term"), inputs=lambda rng: (
    np.array([[0, 1, 2, 2], [3, 0, 1, 4]]), rng.normal(size=(6, 3))
))  # fmt: skip
def embedding_takes_word_0_for_padding(dout, cache):
    dw = embedding_backward(dout, cache)
    dw[0] = 0
    return dw


@bug("nondeterministic", EMBEDDING, also=("not-accumulated",), inputs=forgetting(memory, EMBEDDING.inputs))
def embedding_dw_buffer_cleared_only_once(dout, cache):
    x, w = cache
    np.add.at(memory.setdefault("dw", np.zeros_like(w)), x, dout)
    return memory["dw"]


@bug("transposed", POSITIONS, also=("not-accumulated",), inputs=normal((4, 4, 2), (4, 2)))
def positions_summed_over_time(dout, _):
    return dout.copy(), dout.sum(axis=1)


@bug("transposed", ROTARY, also=("sign",))
def rotary_positions_turned_the_same_way_again(dout, angles):
    return turned(dout, angles)


@bug("missing-term", ROTARY, also=("not-accumulated",))
def rotary_positions_keep_only_the_cosines(dout, angles):
    return dout * np.tile(np.cos(angles), 2)
