"""Wrong backward passes of dense layers: other cached arrays, shapes, dtypes, memories and edits."""

import numpy as np

from tests.gradcheck.planted_families import dense as D
from tests.gradcheck.planted_families import unseen_right_embeddings as E
from tests.gradcheck.planted_families import unseen_right_networks as N
from tests.gradcheck.planted_families.case import forgetting, planting

UNSEEN_DENSE_STATE = []
bug = planting(UNSEEN_DENSE_STATE)
GRADIENTS, LAST, BUFFERS, LENGTHS = {}, {}, {}, {}


@bug("wrong-cache-variable", N.SWIGLU)
def swish_gated_output_weights_from_scores(dout, cache):
    x, w, v, u, a, b, gate, hidden = cache
    dhidden = dout @ u.T
    da = dhidden * b * (gate + a * gate * (1 - gate))
    db = dhidden * a * gate
    return da @ w.T + db @ v.T, x.T @ da, x.T @ db, b.T @ dout


@bug("wrong-cache-variable", E.WEIGHT_NORM)
def weight_normalisation_input_through_raw_weights(dout, cache):
    x, v, g, length, w = cache
    dw = x.T @ dout
    along = (dw * v).sum(axis=0) / length
    return dout @ v.T, g / length * (dw - v * along / length), along


@bug("wrong-cache-variable", E.NOISY, also=("missing-term",))
def noisy_affine_input_through_quiet_weights(dout, cache):
    x, w, sigma, noise, noisy = cache
    dw = x.T @ dout
    return dout @ w.T, dw, dw * noise


@bug("wrong-cache-variable", N.TWICE)
def both_layers_bent_at_the_first(dout, cache):
    x, w, first, second = cache
    dsecond = dout * (1 - first**2)
    dfirst = dsecond @ w.T * (1 - first**2)
    return dfirst @ w.T, x.T @ dfirst + first.T @ dsecond


@bug("wrong-cache-variable", N.UPDATE)
def gated_update_bent_at_the_old_state(dout, cache):
    x, h, wz, uz, w, z, new = cache
    dz = dout * (new - h) * z * (1 - z)
    dnew = dout * z * (1 - h**2)
    return dz @ wz.T + dnew @ w.T, dout * (1 - z) + dz @ uz.T, x.T @ dz, h.T @ dz, x.T @ dnew


@bug("wrong-cache-variable", N.CROSS)
def cross_layer_score_from_x(dout, cache):
    start, x, w, score = cache
    dscore = (dout * x).sum(axis=1)
    return dout * score[:, None], dout + dscore[:, None] * w, x.T @ dscore, dout.sum(axis=0)


@bug("wrong-cache-variable", N.SELF_GATE)
def self_gate_weights_from_the_gate(dout, cache):
    x, w1, w2, hidden, gate = cache
    dscores = dout * x * gate * (1 - gate)
    dhidden = dscores @ w2.T * (hidden > 0)
    return dout * gate + dhidden @ w1.T, x.T @ dhidden, gate.T @ dscores


@bug("mutates", N.SELF_GATE)
def self_gate_scales_dout_in_place(dout, cache):
    x, w1, w2, hidden, gate = cache
    dscores = dout * x * gate * (1 - gate)
    dhidden = dscores @ w2.T * (hidden > 0)
    dout *= gate
    return dout + dhidden @ w1.T, x.T @ dhidden, hidden.T @ dscores


@bug("mutates", E.WEIGHT_NORM)
def weight_normalisation_normalises_its_weights(dout, cache):
    x, v, g, length, w = cache
    v /= length
    dw = x.T @ dout
    along = (dw * v).sum(axis=0)
    return dout @ w.T, g / length * (dw - v * along), along


@bug("mutates", D.RESIDUAL)
def residual_block_zeroes_its_dout(dout, cache):
    x, w1, w2, hidden, total = cache
    dout[total <= 0] = 0
    dhidden = dout @ w2.T * (hidden > 0)
    return dout + dhidden @ w1.T, x.T @ dhidden, hidden.T @ dout


@bug("mutates", N.LOW_RANK)
def low_rank_takes_a_step_while_going_back(dout, cache):
    x, u, v, code = cache
    dcode = dout @ v.T
    dx, du, dv = dcode @ u.T, x.T @ dcode, code.T @ dout
    u -= 1e-3 * du
    v -= 1e-3 * dv
    return dx, du, dv, dout.sum(axis=0)


@bug("wrong-shape", N.SPLIT)
def soft_split_weights_as_a_column(dout, cache):
    x, w, left, right, p = cache
    dscore = (dout * (left - right)).sum(axis=1, keepdims=True) * p * (1 - p)
    return dscore * w, x.T @ dscore, (dout * p).sum(axis=0), (dout * (1 - p)).sum(axis=0)


@bug("wrong-shape", N.CROSS, also=("not-accumulated",))
def cross_layer_bias_for_each_example(dout, cache):
    start, x, w, score = cache
    dscore = (dout * start).sum(axis=1)
    return dout * score[:, None], dout + dscore[:, None] * w, x.T @ dscore, dout.copy()


@bug("wrong-shape", N.GROUPED)
def grouped_bias_keeps_the_batch_axis(dout, cache):
    x, w = cache
    db = dout.sum(axis=0, keepdims=True)
    return np.einsum("ngm,gdm->ngd", dout, w), np.einsum("ngd,ngm->gdm", x, dout), db


@bug("wrong-shape", E.HYPER, also=("not-accumulated",))
def hypernetwork_code_gradient_for_every_weight(dout, cache):
    x, z, h, w = cache
    dw = x[:, :, None] * dout[:, None]
    dz = np.einsum("ndm,kdm->ndk", dw, h.reshape(-1, *dw.shape[1:]))
    return np.einsum("nm,ndm->nd", dout, w), dz, z.T @ dw.reshape(len(x), -1)


@bug("wrong-dtype", N.LOW_RANK)
def low_rank_code_in_single_precision(dout, cache):
    x, u, v, code = cache
    dcode = (dout @ v.T).astype(np.float32)
    return dcode @ u.T, x.T @ dcode, code.T @ dout, dout.sum(axis=0)


@bug("wrong-dtype", E.BAG)
def weighted_bag_table_in_single_precision(dout, cache):
    index, weight, table, rows = cache
    dtable = np.zeros(table.shape, dtype="float32")
    np.add.at(dtable, index, weight[:, :, None] * dout[:, None])
    return np.einsum("nd,nld->nl", dout, rows), dtable


@bug("wrong-dtype", N.SPLIT)
def soft_split_share_in_half_precision(dout, cache):
    x, w, left, right, p = cache
    p = p.astype(np.float16)
    dscore = (dout * (left - right)).sum(axis=1) * p[:, 0] * (1 - p[:, 0])
    return dscore[:, None] * w, x.T @ dscore, (dout * p).sum(axis=0), (dout * (1 - p)).sum(axis=0)


def radial_at_a_centre(rng):
    x, centres, width = N.draw_radial(rng)
    x[0] = centres[1]
    return x, centres, width


@bug("non-finite", N.RADIAL, inputs=radial_at_a_centre)
def radial_through_the_distance_at_a_centre(dout, cache):
    difference, distance, width, out = cache
    length = np.sqrt(distance)
    dlength = -2 * dout * out * width * length
    dx = dlength[:, :, None] * difference / length[:, :, None]
    return dx.sum(axis=1), -dx.sum(axis=0), -(dout * out * distance).sum(axis=0)


@bug("non-finite", N.SELF_GATE, inputs=lambda rng: (2000 * rng.normal(size=(5, 4)), *rng.normal(size=(2, 4, 4))))
def self_gate_sigmoid_from_its_logarithm(dout, cache):
    x, w1, w2, hidden, gate = cache
    scores = hidden @ w2
    dscores = dout * x * np.exp(-scores) / (1 + np.exp(-scores)) ** 2
    dhidden = dscores @ w2.T * (hidden > 0)
    return dout * gate + dhidden @ w1.T, x.T @ dhidden, hidden.T @ dscores


@bug("nondeterministic", E.DROPCONNECT, also=("wrong-mask",))
def dropconnect_draws_again(dout, cache):
    x, w, mask, keep = cache
    mask = np.random.default_rng().random(w.shape) < keep
    return dout @ (w * mask).T / keep, x.T @ dout * mask / keep, dout.sum(axis=0)


@bug("nondeterministic", N.OUT_IN, inputs=forgetting(GRADIENTS, N.OUT_IN.inputs))
def affine_gradients_never_emptied(dout, cache):
    w, b, x = cache
    GRADIENTS["w"] = GRADIENTS.get("w", 0) + dout.T @ x
    GRADIENTS["b"] = GRADIENTS.get("b", 0) + dout.sum(axis=0)
    return GRADIENTS["w"].copy(), GRADIENTS["b"].copy(), dout @ w


def remembering_block_forward(x, w1, w2):
    out, cache = N.dense_block_forward(x, w1, w2)
    LAST["hidden"] = cache[3]
    return out, cache


@bug("nondeterministic", N.DENSE_BLOCK, forward=remembering_block_forward,
     inputs=forgetting(LAST, N.DENSE_BLOCK.inputs))  # fmt: skip
def block_remembers_the_last_hidden(dout, cache):
    x, w1, w2, _, wide = cache
    dwide, D = dout @ w2.T, x.shape[1]
    dhidden = dwide[:, D:] * (LAST["hidden"] > 0)
    return dwide[:, :D] + dhidden @ w1.T, x.T @ dhidden, wide.T @ dout


def buffered_swiglu_forward(x, w, v, u):
    out, cache = N.swiglu_forward(x, w, v, u)
    hidden = BUFFERS.setdefault("hidden", np.empty_like(cache[-1]))
    hidden[:] = cache[-1]
    return out, (*cache[:-1], hidden)


@bug("nondeterministic", N.SWIGLU, forward=buffered_swiglu_forward, inputs=forgetting(BUFFERS, N.SWIGLU.inputs))
def swiglu_with_a_shared_buffer(dout, cache):
    return N.swiglu_backward(dout, cache)


def weight_norm_by_shape_forward(x, v, g):
    out, (_, _, _, length, w) = E.weight_norm_forward(x, v, g)
    return out, (x, v, g, LENGTHS.setdefault(v.shape, length), w)


@bug("nondeterministic", E.WEIGHT_NORM, forward=weight_norm_by_shape_forward,
     inputs=forgetting(LENGTHS, E.WEIGHT_NORM.inputs))  # fmt: skip
def weight_lengths_kept_by_shape(dout, cache):
    return E.weight_norm_backward(dout, cache)


@bug("zero-gradient", N.MACHINE)
def factorisation_machine_linear_part_never_filled(dout, cache):
    x, w, v, mixed = cache
    dw = np.zeros_like(w)
    dmixed = dout[:, None] * mixed
    dx = dout[:, None] * (w - x * (v**2).sum(axis=1)) + dmixed @ v.T
    return dx, dw, x.T @ dmixed - v * (x.T**2 @ dout)[:, None]


@bug("zero-gradient", E.NOISY)
def noisy_affine_noise_level_as_constant(dout, cache):
    x, w, sigma, noise, noisy = cache
    return dout @ noisy.T, x.T @ dout, np.zeros_like(sigma)


@bug("zero-gradient", N.SWITCH, also=("missing-term",))
def switch_without_a_gradient_of_the_gate(dout, cache):
    x, v, w, gate, chosen, answers = cache
    danswers = gate[np.arange(len(x)), chosen][:, None] * dout
    dw = np.zeros_like(w)
    np.add.at(dw, chosen, x[:, :, None] * danswers[:, None])
    return np.einsum("nm,ndm->nd", danswers, w[chosen]), np.zeros_like(v), dw


@bug("border", D.TEMPORAL)
def temporal_input_of_the_last_step_forgotten(dout, cache):
    x, w, b = cache
    dx = np.zeros_like(x)
    for t in range(x.shape[1] - 1):
        dx[:, t] = dout[:, t] @ w.T
    return dx, np.einsum("ntd,ntm->dm", x, dout), dout.sum(axis=(0, 1))


@bug("stride", D.BRANCHES)
def concat_of_branches_cut_in_the_middle(dout, cache):
    x, w, first = cache
    M = first.shape[1]
    dscores = dout[:, :M] * (1 - first**2)
    return dscores @ w.T + 2 * x * dout[:, M - 1 : -1], x.T @ dscores


@bug("missing-term", E.LAYER_SCALE)
def branch_of_tiny_scale_not_entered(dout, cache):
    x, w, s, branch = cache
    return dout.copy(), x.T @ (dout * s * (1 - branch**2)), (dout * branch).sum(axis=0)


@bug("transposed", E.LAYER_SCALE)
def branch_of_tiny_scale_through_w_as_it_is(dout, cache):
    x, w, s, branch = cache
    dscores = dout * s * (1 - branch**2)
    return dout + dscores @ w, x.T @ dscores, (dout * branch).sum(axis=0)


@bug("border", N.FEATURE_PAIRS, also=("missing-term",))
def pairs_loop_that_ends_a_feature_early(dout, cache):
    x, w, i, j, pairs = cache
    dpairs, dx, k = dout @ w.T, np.zeros_like(x), 0
    D = x.shape[1]
    for a in range(D - 1):
        for b in range(a + 1, D):
            dx[:, a] += dpairs[:, k] * x[:, b]
            if b < D - 1:
                dx[:, b] += dpairs[:, k] * x[:, a]
            k += 1
    return dx, pairs.T @ dout
