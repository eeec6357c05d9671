"""More wrong backward passes through time: separate units, filters, averages, stacks and single steps."""

import numpy as np

from tests.gradcheck.planted_families import late_layers_recurrent as R
from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families.case import planting

LATE_RECURRENT_MORE = []
bug = planting(LATE_RECURRENT_MORE)


def own_like(dout, cache, mask=lambda t, hs: hs[t + 1] > 0, seen=0):
    """The way back through separate units, with another mask or another state for their loops."""
    x, w, u, hs = cache
    dx, dw, du, db, dh = np.zeros_like(x), np.zeros_like(w), np.zeros_like(u), np.zeros_like(u), dout
    for t in reversed(range(x.shape[1])):
        dz = dh * mask(t, hs)
        dx[:, t] = dz @ w.T
        dw += x[:, t].T @ dz
        du += (dz * hs[t + seen]).sum(axis=0)
        db += dz.sum(axis=0)
        dh = dz * u
    return dx, dw, du, db


def often_silent(rng):
    _, w, u, b = R.OWN_RNN.inputs(rng)
    return 2 * rng.normal(size=(8, 4, 2)), w, u, b - 1.5


@bug("wrong-mask", R.OWN_RNN, inputs=often_silent)
def separate_units_masked_by_the_state_before(dout, cache):
    return own_like(dout, cache, mask=lambda t, hs: (hs[t] > 0) | (t == 0))


@bug("missing-mask", R.OWN_RNN, inputs=often_silent)
def separate_units_without_relu_on_the_way_back(dout, cache):
    return own_like(dout, cache, mask=lambda t, hs: 1.0)


@bug("missing-mask", R.OWN_RNN, also=("border",), inputs=often_silent)
def separate_units_whose_last_step_is_not_masked(dout, cache):
    return own_like(dout, cache, mask=lambda t, hs: (hs[t + 1] > 0) | (t + 2 == len(hs)))


@bug("wrong-cache-variable", R.OWN_RNN)
def separate_units_whose_loops_see_the_state_after(dout, cache):
    return own_like(dout, cache, seen=1)


@bug("not-accumulated", R.OWN_RNN)
def separate_units_whose_bias_learns_from_the_first_step(dout, cache):
    x, w, u, hs = cache
    dx, dw, du, db = R.own_rnn_backward(dout, cache)
    dh = dout
    for t in reversed(range(x.shape[1])):
        dz = dh * (hs[t + 1] > 0)
        db = dz.sum(axis=0)
        dh = dz * u
    return dx, dw, du, db


@bug("missing-term", R.STATE_SPACE)
def state_space_layer_whose_decay_is_not_squashed(dout, cache):
    x, decay, b, c, d, hs = cache
    dx, da, db, dc, dd = R.state_space_backward(dout, cache)
    return dx, da / (decay * (1 - decay)), db, dc, dd


@bug("missing-term", R.STATE_SPACE)
def state_space_layer_without_its_direct_path(dout, cache):
    dx, *rest = R.state_space_backward(dout, cache)
    return dx - dout * cache[4], *rest


@bug("wrong-cache-variable", R.STATE_SPACE)
def state_space_layer_whose_readout_sees_the_state_before(dout, cache):
    x, decay, b, c, d, hs = cache
    dx, da, db, _, dd = R.state_space_backward(dout, cache)
    return dx, da, db, sum((dout[:, t, :, None] * hs[t]).sum(axis=0) for t in range(x.shape[1])), dd


@bug("wrong-cache-variable", R.STATE_SPACE)
def state_space_layer_whose_decay_sees_the_state_after(dout, cache):
    x, decay, b, c, d, hs = cache
    dx, _, db, dc, dd = R.state_space_backward(dout, cache)
    dh, ddecay = np.zeros_like(hs[0]), np.zeros_like(b)
    for t in reversed(range(x.shape[1])):
        dh = dh + dout[:, t, :, None] * c
        ddecay += (dh * hs[t + 1]).sum(axis=0)
        dh = dh * decay
    return dx, ddecay * decay * (1 - decay), db, dc, dd


@bug("constant-factor", R.STATE_SPACE)
def state_space_layer_whose_direct_weight_is_averaged_over_time(dout, cache):
    *rest, dd = R.state_space_backward(dout, cache)
    return *rest, (dout * cache[0]).mean(axis=1).sum(axis=0)


@bug("wrong-dtype", R.STATE_SPACE)
def state_space_layer_that_runs_back_in_single_precision(dout, cache):
    x, decay, b, c, d, hs = cache
    dx, da, db, dc, dd = R.state_space_backward(dout, cache)
    dh = np.zeros(hs[0].shape, np.float32)
    for t in reversed(range(x.shape[1])):
        dh[...] = dh + dout[:, t, :, None] * c
        dx[:, t] = dout[:, t] * d + (dh * b).sum(axis=2)
        dh[...] = dh * decay
    return dx, da, db, dc, dd


@bug("constant-factor", R.AVERAGE)
def running_average_whose_share_is_left_out(dout, cache):
    dx, dstart = R.average_backward(dout, cache)
    return dx / (1 - cache[1]), dstart


@bug("missing-term", R.AVERAGE, also=("not-accumulated",))
def running_average_that_looks_one_step_back(dout, cache):
    x, keep = cache
    dx, dm = (1 - keep) * dout, dout[0] * keep
    dx[:-1] += keep * (1 - keep) * dout[1:]
    for t in range(1, len(x)):
        dm = dm + keep ** (t + 1) * dout[t]
    return dx, dm


@bug("constant-factor", R.AVERAGE, also=("border",))
def running_average_whose_start_is_not_discounted(dout, cache):
    dx, dstart = R.average_backward(dout, cache)
    return dx, dstart / cache[1]


@bug("sign", R.AVERAGE)
def running_average_that_takes_keep_less_one(dout, cache):
    x, keep = cache
    dx, dm = np.zeros_like(x), np.zeros_like(x[0])
    for t in reversed(range(len(x))):
        dm = dm + dout[t]
        dx[t] = (keep - 1) * dm
        dm = keep * dm
    return dx, dm


@bug("missing-term", R.STACKED, also=("not-accumulated", "border"))
def stacked_rnn_whose_lower_layer_hears_the_last_step(dout, cache):
    shape, cache1, cache2 = cache
    dsecond = np.zeros(shape)
    dsecond[:, -1] = dout
    dfirst, _, *dparams2 = S.rnn_backward(dsecond, cache2)
    dfirst[:, :-1] = 0
    dx, _, *dparams1 = S.rnn_backward(dfirst, cache1)
    return dx, *dparams1, *dparams2


@bug("border", R.STACKED, also=("stride",))
def stacked_rnn_that_starts_at_the_wrong_end(dout, cache):
    shape, cache1, cache2 = cache
    dsecond = np.zeros(shape)
    dsecond[:, 0] = dout
    dfirst, _, *dparams2 = S.rnn_backward(dsecond, cache2)
    dx, _, *dparams1 = S.rnn_backward(dfirst, cache1)
    return dx, *dparams1, *dparams2


@bug("missing-mask", R.STACKED, also=("wrong-mask",))
def stacked_rnn_that_asks_every_state_for_the_last(dout, cache):
    shape, cache1, cache2 = cache
    dsecond = np.broadcast_to(dout[:, None], shape)
    dfirst, _, *dparams2 = S.rnn_backward(dsecond, cache2)
    dx, _, *dparams1 = S.rnn_backward(dfirst, cache1)
    return dx, *dparams1, *dparams2


@bug("zero-gradient", R.STACKED)
def stacked_rnn_whose_lower_weights_are_frozen(dout, cache):
    dx, dwx1, dwh1, db1, *rest = R.stacked_backward(dout, cache)
    return dx, np.zeros_like(dwx1), np.zeros_like(dwh1), np.zeros_like(db1), *rest


@bug("missing-term", R.MINIMAL)
def minimal_gate_that_forgets_its_second_use(dout, cache):
    x, h, wf, uf, wn, un, f, n = cache
    dn = dout * f * (1 - n**2)
    dfh = dn @ un.T
    df = dout * (n - h) * f * (1 - f)
    dh = dout * (1 - f) + dfh * f + df @ uf.T
    return df @ wf.T + dn @ wn.T, dh, x.T @ df, h.T @ df, x.T @ dn, (f * h).T @ dn


@bug("wrong-cache-variable", R.MINIMAL)
def minimal_gate_whose_content_weights_see_the_whole_state(dout, cache):
    x, h, wf, uf, wn, un, f, n = cache
    *rest, _ = R.minimal_step_backward(dout, cache)
    return *rest, h.T @ (dout * f * (1 - n**2))


@bug("sign", R.MINIMAL)
def minimal_gate_that_closes_for_new_content(dout, cache):
    x, h, wf, uf, wn, un, f, n = cache
    dn = dout * f * (1 - n**2)
    dfh = dn @ un.T
    df = (dout * (h - n) + dfh * h) * f * (1 - f)
    dh = dout * (1 - f) + dfh * f + df @ uf.T
    return df @ wf.T + dn @ wn.T, dh, x.T @ df, h.T @ df, x.T @ dn, (f * h).T @ dn


@bug("transposed", R.MINIMAL)
def minimal_gate_with_a_turned_input_gradient(dout, cache):
    dx, dh, dwf, *rest = R.minimal_step_backward(dout, cache)
    return dx, dh, dwf.T.copy(), *rest


@bug("non-finite", R.MINIMAL, inputs=lambda rng: tuple(
    a * s for a, s in zip(R.MINIMAL.inputs(rng), (3000.0, 1, 1, 1, 1, 1))))  # fmt: skip
def minimal_gate_that_divides_by_its_shut_gates(dout, cache):
    x, h, wf, uf, wn, un, f, n = cache
    bend = f**2 * (1 / f - 1)
    dn = dout * f * (1 - n**2)
    dfh = dn @ un.T
    df = (dout * (n - h) + dfh * h) * bend
    dh = dout * (1 - f) + dfh * f + df @ uf.T
    return df @ wf.T + dn @ wn.T, dh, x.T @ df, h.T @ df, x.T @ dn, (f * h).T @ dn


@bug("missing-term", S.LSTM)
def lstm_whose_cell_is_cut_at_each_step(dout, cache):
    steps, wx, wh = cache
    dxs, dwx, dwh, db, dh = [], np.zeros_like(wx), np.zeros_like(wh), 0, np.zeros_like(dout[:, 0])
    for t in reversed(range(len(steps))):
        x, h, c, gates, c_next = steps[t]
        i, f, o, g = gates
        dh, bend = dout[:, t] + dh, np.tanh(c_next)
        dc = dh * o * (1 - bend**2)
        dz = S.dscores_of(dc * g, dc * c, dh * bend, dc * i, gates)
        dxs.insert(0, dz @ wx.T)
        dwx, dwh, db, dh = dwx + x.T @ dz, dwh + h.T @ dz, db + dz.sum(axis=0), dz @ wh.T
    return np.stack(dxs, axis=1), dh, dwx, dwh, db


@bug("transposed", S.LSTM_STEP, also=("wrong-cache-variable",))
def lstm_step_with_forget_and_output_gates_in_each_others_place(dout, cache):
    dx, dh, dc, dwx, dwh, db = S.lstm_step_backward(dout, cache)
    order = np.r_[0:3, 6:9, 3:6, 9:12]
    return dx, dh, dc, dwx[:, order], dwh[:, order], db[order]


@bug("wrong-cache-variable", S.LSTM_STEP)
def lstm_step_whose_forget_gate_sees_the_next_cell(dout, cache):
    x, h, c, wx, wh, gates, c_next = cache
    i, f, o, g = gates
    dh_next, dc_next = np.split(dout, 2, axis=1)
    bend = np.tanh(c_next)
    dc = dc_next + dh_next * o * (1 - bend**2)
    dz = S.dscores_of(dc * g, dc * c_next, dh_next * bend, dc * i, gates)
    return dz @ wx.T, dz @ wh.T, dc * f, x.T @ dz, h.T @ dz, dz.sum(axis=0)


@bug("mutates", S.RNN)
def rnn_that_squares_its_states_in_place(dout, cache):
    x, hs, wx, wh = cache
    dx, dwx, dwh, db, dh = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), 0, np.zeros_like(hs[0])
    for t in reversed(range(x.shape[1])):
        bend = hs[t + 1]
        bend *= -bend
        bend += 1
        dz = (dout[:, t] + dh) * bend
        dx[:, t], dh = dz @ wx.T, dz @ wh.T
        dwx, dwh, db = dwx + x[:, t].T @ dz, dwh + hs[t].T @ dz, db + dz.sum(axis=0)
    return dx, dh, dwx, dwh, db
