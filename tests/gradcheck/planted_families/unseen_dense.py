"""Wrong backward passes of dense layers, gates, mixtures of experts, embeddings and small networks."""

import numpy as np

from tests.gradcheck.planted_families import dense as D
from tests.gradcheck.planted_families import unseen_right_embeddings as E
from tests.gradcheck.planted_families import unseen_right_networks as N
from tests.gradcheck.planted_families.case import planting
from tests.gradcheck.planted_families.hard_points import equal_pieces
from tests.gradcheck.planted_families.unseen_activations import UNSEEN_ACTIVATIONS
from tests.gradcheck.planted_families.unseen_dense_state import UNSEEN_DENSE_STATE

UNSEEN_DENSE = [*UNSEEN_ACTIVATIONS, *UNSEEN_DENSE_STATE]
bug = planting(UNSEEN_DENSE)


@bug("constant-factor", E.DROPCONNECT)
def dropconnect_weights_without_their_scale(dout, cache):
    x, w, mask, keep = cache
    return dout @ (w * mask).T / keep, x.T @ dout * mask, dout.sum(axis=0)


@bug("constant-factor", N.MACHINE)
def factorisation_machine_without_its_half(dout, cache):
    x, w, v, mixed = cache
    dmixed = 2 * dout[:, None] * mixed
    dx = dout[:, None] * (w - 2 * x * (v**2).sum(axis=1)) + dmixed @ v.T
    return dx, x.T @ dout, x.T @ dmixed - 2 * v * (x.T**2 @ dout)[:, None]


@bug("constant-factor", N.GROUPED)
def grouped_bias_is_a_mean(dout, cache):
    x, w = cache
    return np.einsum("ngm,gdm->ngd", dout, w), np.einsum("ngd,ngm->gdm", x, dout), dout.mean(axis=0)


@bug("constant-factor", D.AFFINE_IMAGES)
def flattened_images_weights_over_the_batch_size(dout, cache):
    x, w, b = cache
    rows = x.reshape(len(x), -1)
    return (dout @ w.T).reshape(x.shape), rows.T @ dout / len(x), dout.sum(axis=0)


@bug("constant-factor", E.MEAN_BAG, inputs=lambda rng: (rng.integers(1, 5, (4, 5)), rng.normal(size=(6, 3))))
def mean_bag_not_divided_by_the_words(dout, cache):
    index, table, real, count = cache
    dtable = np.zeros_like(table)
    np.add.at(dtable, index, real[:, :, None] * dout[:, None])
    return dtable


@bug("sign", N.UPDATE)
def gated_update_with_the_difference_turned(dout, cache):
    x, h, wz, uz, w, z, new = cache
    dz = dout * (h - new) * z * (1 - z)
    dnew = dout * z * (1 - new**2)
    return dz @ wz.T + dnew @ w.T, dout * (1 - z) + dz @ uz.T, x.T @ dz, h.T @ dz, x.T @ dnew


@bug("sign", N.SPLIT)
def soft_split_right_answer_turned(dout, cache):
    x, w, left, right, p = cache
    dscore = (dout * (left - right)).sum(axis=1) * p[:, 0] * (1 - p[:, 0])
    return dscore[:, None] * w, x.T @ dscore, (dout * p).sum(axis=0), (dout * (p - 1)).sum(axis=0)


@bug("sign", N.RADIAL)
def radial_centres_pulled_the_wrong_way(dout, cache):
    difference, distance, width, out = cache
    dpower = -dout * out
    dx = 2 * (dpower * width)[:, :, None] * difference
    return dx.sum(axis=1), dx.sum(axis=0), (dpower * distance).sum(axis=0)


@bug("sign", N.MACHINE)
def factorisation_machine_adds_the_squares(dout, cache):
    x, w, v, mixed = cache
    dmixed = dout[:, None] * mixed
    dx = dout[:, None] * (w + x * (v**2).sum(axis=1)) + dmixed @ v.T
    return dx, x.T @ dout, x.T @ dmixed + v * (x.T**2 @ dout)[:, None]


@bug("transposed", N.OUT_IN_SQUARE)
def weights_first_affine_with_the_course_order(dout, cache):
    w, b, x = cache
    return x.T @ dout, dout.sum(axis=0), dout @ w


@bug("transposed", E.HYPER)
def hypernetwork_products_in_the_other_order(dout, cache):
    x, z, h, w = cache
    flat = (dout[:, :, None] * x[:, None]).reshape(len(x), -1)
    return np.einsum("nm,ndm->nd", dout, w), flat @ h.T, z.T @ flat


@bug("transposed", E.OUTER_LAYER)
def outer_layer_contracts_the_other_axis(dout, cache):
    x, y, w, pairs = cache
    dpairs = (dout @ w.T).reshape(len(x), y.shape[1], x.shape[1])
    return np.einsum("nji,nj->ni", dpairs, y), np.einsum("nji,ni->nj", dpairs, x), pairs.T @ dout


@bug("transposed", N.UPDATE)
def gated_update_state_through_untransposed_weights(dout, cache):
    x, h, wz, uz, w, z, new = cache
    dz = dout * (new - h) * z * (1 - z)
    dnew = dout * z * (1 - new**2)
    return dz @ wz.T + dnew @ w.T, dout * (1 - z) + dz @ uz, x.T @ dz, h.T @ dz, x.T @ dnew


@bug("transposed", N.GROUPED)
def grouped_einsum_with_letters_swapped(dout, cache):
    x, w = cache
    return np.einsum("ngm,gmd->ngd", dout, w), np.einsum("ngd,ngm->gdm", x, dout), dout.sum(axis=0)


@bug("transposed", N.TWICE)
def second_use_of_a_layer_transposed(dout, cache):
    x, w, first, second = cache
    dsecond = dout * (1 - second**2)
    dfirst = dsecond @ w.T * (1 - first**2)
    return dfirst @ w.T, x.T @ dfirst + dsecond.T @ first


@bug("transposed", D.AFFINE_IMAGES)
def images_unflattened_column_by_column(dout, cache):
    x, w, b = cache
    dx = (dout @ w.T).reshape(x.shape, order="F")
    return dx, x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)


@bug("missing-term", N.EXPERTS)
def experts_input_without_the_gate_path(dout, cache):
    x, v, w, gate, answers = cache
    dgate = np.einsum("nm,nem->ne", dout, answers)
    dscores = gate * (dgate - (dgate * gate).sum(axis=1, keepdims=True))
    danswers = gate[:, :, None] * dout[:, None]
    return np.einsum("nem,edm->nd", danswers, w), x.T @ dscores, np.einsum("nd,nem->edm", x, danswers)


@bug("missing-term", N.CROSS)
def cross_layer_without_the_skip(dout, cache):
    start, x, w, score = cache
    dscore = (dout * start).sum(axis=1)
    return dout * score[:, None], dscore[:, None] * w, x.T @ dscore, dout.sum(axis=0)


@bug("missing-term", N.SWIGLU)
def swish_gated_network_with_half_a_swish(dout, cache):
    x, w, v, u, a, b, gate, hidden = cache
    dhidden = dout @ u.T
    da, db = dhidden * b * gate, dhidden * a * gate
    return da @ w.T + db @ v.T, x.T @ da, x.T @ db, hidden.T @ dout


@bug("missing-term", N.MACHINE)
def factorisation_machine_keeps_its_squares(dout, cache):
    x, w, v, mixed = cache
    dmixed = dout[:, None] * mixed
    return dout[:, None] * w + dmixed @ v.T, x.T @ dout, x.T @ dmixed


@bug("missing-term", E.WEIGHT_NORM)
def weight_normalisation_length_held_fixed(dout, cache):
    x, v, g, length, w = cache
    dw = x.T @ dout
    return dout @ w.T, g / length * dw, (dw * v).sum(axis=0) / length


@bug("missing-term", N.FILM)
def condition_shifts_without_gradient(dout, cache):
    x, c, w, v, scale = cache
    dscale = dout * x
    return dout * scale, dscale @ w.T, c.T @ dscale, c.T @ dout


@bug("missing-term", N.FILM, also=("wrong-cache-variable",))
def film_scale_without_its_one(dout, cache):
    x, c, w, v, scale = cache
    dscale = dout * x
    return dout * (c @ w), dscale @ w.T + dout @ v.T, c.T @ dscale, c.T @ dout


@bug("missing-term", N.UPDATE)
def gated_update_state_without_the_gate(dout, cache):
    x, h, wz, uz, w, z, new = cache
    dz = dout * (new - h) * z * (1 - z)
    dnew = dout * z * (1 - new**2)
    return dz @ wz.T + dnew @ w.T, dout * (1 - z), x.T @ dz, h.T @ dz, x.T @ dnew


@bug("missing-term", N.FEATURE_PAIRS, also=("not-accumulated",))
def only_the_first_of_each_pair(dout, cache):
    x, w, i, j, pairs = cache
    dpairs, dx = dout @ w.T, np.zeros_like(x)
    np.add.at(dx, (slice(None), i), dpairs * x[:, j])
    return dx, pairs.T @ dout


@bug("missing-term", N.SWITCH)
def switch_gate_with_a_diagonal_softmax(dout, cache):
    x, v, w, gate, chosen, answers = cache
    rows = np.arange(len(x))
    dgate = np.zeros_like(gate)
    dgate[rows, chosen] = (dout * answers).sum(axis=1)
    dscores = gate * dgate
    danswers = gate[rows, chosen][:, None] * dout
    dw = np.zeros_like(w)
    np.add.at(dw, chosen, x[:, :, None] * danswers[:, None])
    return dscores @ v.T + np.einsum("nm,ndm->nd", danswers, w[chosen]), x.T @ dscores, dw


@bug("missing-mask", E.DROPCONNECT)
def dropped_connections_are_learned(dout, cache):
    x, w, mask, keep = cache
    return dout @ (w * mask).T / keep, x.T @ dout / keep, dout.sum(axis=0)


@bug("missing-mask", E.DROPCONNECT, also=("wrong-cache-variable",))
def dropconnect_input_through_all_weights(dout, cache):
    x, w, mask, keep = cache
    return dout @ w.T / keep, x.T @ dout * mask / keep, dout.sum(axis=0)


@bug("missing-mask", N.DENSE_BLOCK)
def densely_connected_block_without_relu(dout, cache):
    x, w1, w2, hidden, wide = cache
    dwide, D = dout @ w2.T, x.shape[1]
    dhidden = dwide[:, D:]
    return dwide[:, :D] + dhidden @ w1.T, x.T @ dhidden, wide.T @ dout


@bug("missing-mask", E.DEPTH)
def stochastic_depth_teaches_the_dropped(dout, cache):
    x, w, alive, keep, scores = cache
    dscores = dout * (scores > 0) / keep
    return dout + dscores @ w.T, x.T @ dscores


@bug("missing-mask", E.MEAN_BAG)
def padding_word_is_learned(dout, cache):
    index, table, real, count = cache
    dtable, share = np.zeros_like(table), dout / count[:, None]
    for n, words in enumerate(index):
        for word in words:
            dtable[word] += share[n]
    return dtable


@bug("wrong-mask", E.DEPTH, also=("wrong-cache-variable",))
def stochastic_depth_relu_of_the_input(dout, cache):
    x, w, alive, keep, scores = cache
    dscores = dout * alive[:, None] * (x > 0) / keep
    return dout + dscores @ w.T, x.T @ dscores


@bug("wrong-mask", D.TWO_LAYER, also=("missing-mask",))
def two_layer_hidden_at_least_zero(dout, cache):
    x, w1, w2, scores, hidden = cache
    dscores = dout @ w2.T * (hidden >= 0)
    return dscores @ w1.T, x.T @ dscores, dscores.sum(axis=0), hidden.T @ dout, dout.sum(axis=0)


@bug("wrong-mask", D.MAXOUT, inputs=equal_pieces)
def maxout_pays_all_equal_pieces(dout, cache):
    x, w, pieces = cache
    routed = dout * (pieces == pieces.max(axis=0))
    return np.einsum("knm,kdm->nd", routed, w), x.T @ routed, routed.sum(axis=1)


@bug("wrong-mask", E.DROPCONNECT)
def dropconnect_teaches_what_was_dropped(dout, cache):
    x, w, mask, keep = cache
    return dout @ (w * mask).T / keep, np.where(mask, 0, x.T @ dout) / keep, dout.sum(axis=0)


@bug("not-accumulated", E.BAG)
def weighted_bag_repeated_words_once(dout, cache):
    index, weight, table, rows = cache
    dtable = np.zeros_like(table)
    dtable[index] += weight[:, :, None] * dout[:, None]
    return np.einsum("nd,nld->nl", dout, rows), dtable


@bug("not-accumulated", N.SWITCH)
def expert_learns_from_its_last_example(dout, cache):
    x, v, w, gate, chosen, answers = cache
    rows = np.arange(len(x))
    dgate = np.zeros_like(gate)
    dgate[rows, chosen] = (dout * answers).sum(axis=1)
    dscores = gate * (dgate - (dgate * gate).sum(axis=1, keepdims=True))
    danswers = gate[rows, chosen][:, None] * dout
    dw = np.zeros_like(w)
    dw[chosen] += x[:, :, None] * danswers[:, None]
    return dscores @ v.T + np.einsum("nm,ndm->nd", danswers, w[chosen]), x.T @ dscores, dw


@bug("not-accumulated", N.TWICE, also=("missing-term",))
def same_layer_twice_overwrites_its_weights(dout, cache):
    x, w, first, second = cache
    for before, after in ((first, second), (x, first)):
        dscores = dout * (1 - after**2)
        dw, dout = before.T @ dscores, dscores @ w.T
    return dout, dw


@bug("not-accumulated", E.TYPED)
def word_types_take_the_last_word(dout, cache):
    words, types, table, kinds = cache
    dtable, dkinds = np.zeros_like(table), np.zeros_like(kinds)
    np.add.at(dtable, words, dout)
    dkinds[types] = dout
    return dtable, dkinds


@bug("not-accumulated", N.OUT_IN)
def affine_loop_keeps_the_last_bias(dout, cache):
    w, b, x = cache
    dw, dx = np.zeros_like(w), np.zeros_like(x)
    for n in range(len(x)):
        dw += np.outer(dout[n], x[n])
        db = dout[n].copy()
        dx[n] = dout[n] @ w
    return dw, db, dx


@bug("not-accumulated", D.TEMPORAL)
def temporal_weights_of_the_last_step(dout, cache):
    x, w, b = cache
    dx = np.empty_like(x)
    for t in range(x.shape[1]):
        dx[:, t] = dout[:, t] @ w.T
        dw = x[:, t].T @ dout[:, t]
    return dx, dw, dout.sum(axis=(0, 1))


@bug("not-accumulated", N.EXPERTS, also=("missing-term",))
def experts_loop_keeps_the_last_input_gradient(dout, cache):
    x, v, w, gate, answers = cache
    dgate, dw = np.empty_like(gate), np.empty_like(w)
    for e in range(len(w)):
        dgate[:, e] = (dout * answers[:, e]).sum(axis=1)
        danswer = gate[:, e : e + 1] * dout
        dw[e] = x.T @ danswer
        dx = danswer @ w[e].T
    dscores = gate * (dgate - (dgate * gate).sum(axis=1, keepdims=True))
    return dx + dscores @ v.T, x.T @ dscores, dw
