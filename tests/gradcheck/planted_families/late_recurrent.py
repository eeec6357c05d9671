"""Wrong backward passes of recurrent networks: GRU, peepholes, both directions, pauses and leaks."""

import numpy as np

from tests.gradcheck.planted_families import late_layers_recurrent as R
from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families.case import forgetting, planting

LATE_RECURRENT = []
bug = planting(LATE_RECURRENT)


def gru_like(dout, cache, carry=True, reset=True, bent=True, learn_reset=True, flip=1):
    """The GRU's way back with one part or another left out."""
    x, w, u, steps = cache
    H, dx, dw, du, db = len(u), np.zeros_like(x), np.zeros_like(w), np.zeros_like(u), np.zeros(w.shape[1])
    dh = np.zeros_like(dout[0])
    for t in reversed(range(len(x))):
        h, z, r, n = steps[t]
        dh = dh + dout[t]
        dn = dh * z * ((1 - n**2) if bent else 1)
        drh = dn @ u[:, 2 * H :].T
        dz, dr = flip * dh * (n - h) * z * (1 - z), drh * h * r * (1 - r)
        dscores = np.concatenate([dz, dr, dn], axis=1)
        dx[t] = dscores @ w.T
        dw += x[t].T @ dscores
        db += dscores.sum(axis=0)
        seen = r * h if learn_reset else h
        du += np.concatenate([h.T @ dz, h.T @ dr, seen.T @ dn], axis=1)
        dh = (dh * (1 - z) if carry else 0) + drh * (r if reset else 1) + dz @ u[:, :H].T + dr @ u[:, H : 2 * H].T
    return dh, dx, dw, du, db


@bug("missing-term", R.GRU)
def gru_over_time_without_its_carry(dout, cache):
    return gru_like(dout, cache, carry=False)


@bug("missing-term", R.GRU)
def gru_over_time_whose_state_comes_back_unreset(dout, cache):
    return gru_like(dout, cache, reset=False)


@bug("wrong-cache-variable", R.GRU, also=("missing-term",))
def gru_over_time_whose_weights_see_the_state_before_the_reset(dout, cache):
    return gru_like(dout, cache, learn_reset=False)


@bug("sign", R.GRU)
def gru_over_time_whose_update_gate_is_turned_round(dout, cache):
    return gru_like(dout, cache, flip=-1)


@bug("missing-term", R.GRU)
def gru_over_time_whose_content_forgets_tanh(dout, cache):
    return gru_like(dout, cache, bent=False)


@bug("zero-gradient", R.GRU)
def gru_over_time_whose_first_state_is_not_asked(dout, cache):
    dh0, *rest = R.gru_backward(dout, cache)
    return np.zeros_like(dh0), *rest


@bug("border", R.GRU, also=("missing-term",))
def gru_over_time_that_stops_before_its_first_step(dout, cache):
    x, w, u, steps = cache
    dh, dx, dw, du, db = R.gru_backward(dout[1:], (x[1:], w, u, steps[1:]))
    return dh, np.concatenate([np.zeros_like(x[:1]), dx]), dw, du, db


@bug("missing-term", R.PEEPHOLE)
def peephole_of_the_output_gate_not_felt_by_the_cell(dout, cache):
    x, both, c, c_next, w, p, gates = cache
    dx, dh, dc, dw, dp, db = R.peephole_backward(dout, cache)
    i, f, o, g = gates
    through = (dout[:, : c.shape[1]] * np.tanh(c_next)) * o * (1 - o) * p[2]
    return dx, dh, dc - through * f, dw, dp, db


@bug("wrong-cache-variable", R.PEEPHOLE)
def peephole_of_the_output_gate_that_looks_at_the_old_cell(dout, cache):
    x, both, c, c_next, w, p, (i, f, o, g) = cache
    dx, dh, dc, dw, dp, db = R.peephole_backward(dout, cache)
    do = dout[:, : c.shape[1]] * np.tanh(c_next) * o * (1 - o)
    dp[2] = (do * c).sum(axis=0)
    return dx, dh, dc, dw, dp, db


@bug("missing-term", R.PEEPHOLE)
def peepholes_that_do_not_lead_back_to_the_cell(dout, cache):
    x, both, c, c_next, w, p, gates = cache
    i, f, o, g = gates
    dx, dh, dc, dw, dp, db = R.peephole_backward(dout, cache)
    bend = np.tanh(c_next)
    do = dout[:, : c.shape[1]] * bend * o * (1 - o)
    dc_next = dout[:, c.shape[1] :] + dout[:, : c.shape[1]] * o * (1 - bend**2) + do * p[2]
    return dx, dh, dc_next * f, dw, dp, db


@bug("wrong-shape", R.PEEPHOLE)
def peepholes_whose_gradient_lies_in_one_row(dout, cache):
    dx, dh, dc, dw, dp, db = R.peephole_backward(dout, cache)
    return dx, dh, dc, dw, np.concatenate(list(dp)), db


@bug("transposed", R.TWO_WAY, also=("stride",))
def both_directions_without_turning_the_second_back(dout, cache):
    dahead, dback = np.split(dout, 2, axis=2)
    dx1, dh1, *dparams1 = S.rnn_backward(dahead, cache[0])
    dx2, dh2, *dparams2 = S.rnn_backward(dback[:, ::-1], cache[1])
    return dx1 + dx2, dh1 + dh2, *dparams1, *dparams2


@bug("stride", R.TWO_WAY, also=("transposed",))
def both_directions_fed_forwards_on_the_way_back(dout, cache):
    dahead, dback = np.split(dout, 2, axis=2)
    dx1, dh1, *dparams1 = S.rnn_backward(dahead, cache[0])
    dx2, dh2, *dparams2 = S.rnn_backward(dback, cache[1])
    return dx1 + dx2[:, ::-1], dh1 + dh2, *dparams1, *dparams2


@bug("not-accumulated", R.TWO_WAY, also=("missing-term",))
def both_directions_whose_first_state_hears_one(dout, cache):
    dx, _, *rest = R.two_way_backward(dout, cache)
    dahead, dback = np.split(dout, 2, axis=2)
    dh0 = S.rnn_backward(dahead, cache[0])[1]
    dh0 = S.rnn_backward(dback[:, ::-1], cache[1])[1]
    return dx, dh0, *rest


@bug("missing-term", R.TWO_WAY, also=("not-accumulated",))
def both_directions_whose_inputs_hear_the_way_ahead_only(dout, cache):
    _, *rest = R.two_way_backward(dout, cache)
    return S.rnn_backward(np.split(dout, 2, axis=2)[0], cache[0])[0], *rest


@bug("missing-mask", R.PAUSED)
def pausing_rnn_that_learns_from_pauses(dout, cache):
    x, hs, news, wx, wh, words = cache
    dx, dwx, dwh, db = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), np.zeros(len(wh))
    dh = np.zeros_like(hs[0])
    for t in reversed(range(x.shape[1])):
        dh = dh + dout[:, t]
        dz = dh * (1 - news[t] ** 2)
        dx[:, t] = dz @ wx.T
        dwx += x[:, t].T @ dz
        dwh += hs[t].T @ dz
        db += dz.sum(axis=0)
        dh = dh * ~words[:, t, None] + dz @ wh.T
    return dx, dh, dwx, dwh, db


@bug("missing-term", R.PAUSED)
def pausing_rnn_that_forgets_in_a_pause(dout, cache):
    x, hs, news, wx, wh, words = cache
    dx, dwx, dwh, db = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), np.zeros(len(wh))
    dh = np.zeros_like(hs[0])
    for t in reversed(range(x.shape[1])):
        dz = (dh + dout[:, t]) * words[:, t, None] * (1 - news[t] ** 2)
        dx[:, t] = dz @ wx.T
        dwx += x[:, t].T @ dz
        dwh += hs[t].T @ dz
        db += dz.sum(axis=0)
        dh = dz @ wh.T
    return dx, dh, dwx, dwh, db


@bug("wrong-mask", R.PAUSED)
def pausing_rnn_that_carries_over_words(dout, cache):
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
        dh = dh * word + dz @ wh.T
    return dx, dh, dwx, dwh, db


@bug("wrong-mask", R.PAUSED, also=("stride",))
def pausing_rnn_whose_mask_is_one_step_late(dout, cache):
    x, hs, news, wx, wh, words = cache
    late = np.concatenate([words[:, :1], words[:, :-1]], axis=1)
    return R.paused_backward(dout, (x, hs, news, wx, wh, late))


@bug("not-accumulated", R.LEAKY_RNN)
def leaky_rnn_whose_leak_learns_from_one_step(dout, cache):
    x, w, u, leak, hs, news = cache
    dx, dw, du, dleak = R.leaky_backward(dout, cache)
    dh = np.zeros_like(hs[0])
    for t in reversed(range(x.shape[1])):
        dh = dh + dout[:, t]
        dleak = (dh * (news[t] - hs[t])).sum(axis=0)
        dh = dh * (1 - leak) + dh * leak * (1 - news[t] ** 2) @ u.T
    return dx, dw, du, dleak


@bug("wrong-cache-variable", R.LEAKY_RNN)
def leaky_rnn_bent_by_its_state(dout, cache):
    x, w, u, leak, hs, news = cache
    dx, dw, du, dleak = (np.zeros_like(a) for a in (x, w, u, leak))
    dh = np.zeros_like(hs[0])
    for t in reversed(range(x.shape[1])):
        dh = dh + dout[:, t]
        dleak += (dh * (news[t] - hs[t])).sum(axis=0)
        dz = dh * leak * (1 - hs[t + 1] ** 2)
        dx[:, t] = dz @ w.T
        dw += x[:, t].T @ dz
        du += hs[t].T @ dz
        dh = dh * (1 - leak) + dz @ u.T
    return dx, dw, du, dleak


@bug("missing-term", R.LEAKY_RNN)
def leaky_rnn_whose_leak_ignores_the_old_state(dout, cache):
    x, w, u, leak, hs, news = cache
    return *R.leaky_backward(dout, cache)[:3], leaks(dout, cache)


def leaks(dout, cache):
    x, w, u, leak, hs, news = cache
    dleak, dh = np.zeros_like(leak), np.zeros_like(hs[0])
    for t in reversed(range(x.shape[1])):
        dh = dh + dout[:, t]
        dleak += (dh * news[t]).sum(axis=0)
        dh = dh * (1 - leak) + dh * leak * (1 - news[t] ** 2) @ u.T
    return dleak


@bug("transposed", R.LEAKY_RNN)
def leaky_rnn_through_unturned_recurrent_weights(dout, cache):
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
        dh = dh * (1 - leak) + dz @ u
    return dx, dw, du, dleak


@bug("mutates", R.LEAKY_RNN)
def leaky_rnn_that_adds_up_in_the_gradient(dout, cache):
    x, w, u, leak, hs, news = cache
    dx, dw, du, dleak = (np.zeros_like(a) for a in (x, w, u, leak))
    for t in reversed(range(x.shape[1])):
        dh = dout[:, t]
        dleak += (dh * (news[t] - hs[t])).sum(axis=0)
        dz = dh * leak * (1 - news[t] ** 2)
        dx[:, t] = dz @ w.T
        dw += x[:, t].T @ dz
        du += hs[t].T @ dz
        if t:
            dout[:, t - 1] += dh * (1 - leak) + dz @ u.T
    return dx, dw, du, dleak


memory = {}


@bug("nondeterministic", R.LEAKY_RNN, inputs=forgetting(memory, R.LEAKY_RNN.inputs))
def leaky_rnn_that_starts_with_the_gradient_of_the_last_call(dout, cache):
    x, w, u, leak, hs, news = cache
    later = dout.copy()
    later[:, -1] += memory.get("dh", 0)
    grads = R.leaky_backward(later, cache)
    memory["dh"] = grads[0].mean()
    return grads
