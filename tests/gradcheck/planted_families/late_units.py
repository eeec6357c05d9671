"""Wrong backward passes of embeddings, experts, pairwise layers, conditions and gated units."""

import numpy as np

from tests.gradcheck.planted_families import dense as D
from tests.gradcheck.planted_families import late_layers_dense as LD
from tests.gradcheck.planted_families.case import forgetting, planting
from tests.gradcheck.planted_families.sequences import EMBEDDING, PADDED_EMBEDDING

LATE_UNITS = []
bug = planting(LATE_UNITS)


@bug("transposed", LD.PAIR_LAYER)
def pair_layer_matrix_indexed_the_other_way(dout, cache):
    x, y, w = cache
    dx, dy = np.einsum("nk,kji,nj->ni", dout, w, y), np.einsum("nk,kji,ni->nj", dout, w, x)
    return dx, dy, np.einsum("nk,ni,nj->kij", dout, x, y), dout.sum(axis=0)


@bug("transposed", LD.PAIR_LAYER)
def pair_layer_weights_with_both_sides_exchanged(dout, cache):
    x, y, w = cache
    dx, dy = np.einsum("nk,kij,nj->ni", dout, w, y), np.einsum("nk,kij,ni->nj", dout, w, x)
    return dx, dy, np.einsum("nk,ni,nj->kji", dout, x, y), dout.sum(axis=0)


@bug("wrong-cache-variable", LD.PAIR_LAYER)
def pair_layer_second_side_sees_itself(dout, cache):
    x, y, w = cache
    dx, dy = np.einsum("nk,kij,nj->ni", dout, w, y), np.einsum("nk,kij,ni->nj", dout, w, y)
    return dx, dy, np.einsum("nk,ni,nj->kij", dout, x, y), dout.sum(axis=0)


@bug("missing-term", LD.EXPERTS)
def experts_gate_without_the_softmax_sum(dout, cache):
    x, v, w, gate, each = cache
    dscores = gate * (dout[:, None] * each).sum(axis=2)
    dinner = dout[:, None] * gate[:, :, None] * (1 - each**2)
    dx = dscores @ v.T + np.einsum("nkm,kdm->nd", dinner, w)
    return dx, x.T @ dscores, np.einsum("nd,nkm->kdm", x, dinner)


@bug("not-accumulated", LD.EXPERTS, also=("missing-term",))
def experts_last_one_overwrites_the_input_gradient(dout, cache):
    x, v, w, gate, each = cache
    dw = np.zeros_like(w)
    dgate = (dout[:, None] * each).sum(axis=2)
    dscores = gate * (dgate - (dgate * gate).sum(axis=1, keepdims=True))
    for k in range(len(w)):
        dinner = dout * gate[:, k, None] * (1 - each[:, k] ** 2)
        dx = dscores @ v.T + dinner @ w[k].T
        dw[k] = x.T @ dinner
    return dx, x.T @ dscores, dw


@bug("wrong-dtype", LD.EXPERTS)
def experts_gate_kept_in_half_precision(dout, cache):
    x, v, w, gate, each = cache
    gate = gate.astype(np.float16).astype(np.float64)
    dgate = (dout[:, None] * each).sum(axis=2)
    dscores = gate * (dgate - (dgate * gate).sum(axis=1, keepdims=True))
    dinner = dout[:, None] * gate[:, :, None] * (1 - each**2)
    dx = dscores @ v.T + np.einsum("nkm,kdm->nd", dinner, w)
    return dx, x.T @ dscores, np.einsum("nd,nkm->kdm", x, dinner)


@bug("missing-term", LD.FACTORISED)
def factorisation_input_keeps_the_pairs_with_itself(dout, cache):
    x, w, v, s = cache
    d = dout[:, None]
    return d * (w + s @ v.T), x.T @ dout, x.T @ (d * s) - v * ((x**2).T @ d)


@bug("sign", LD.FACTORISED)
def factorisation_squares_added_for_the_factors(dout, cache):
    x, w, v, s = cache
    d = dout[:, None]
    dx = d * (w + s @ v.T - x * (v**2).sum(axis=1))
    return dx, x.T @ dout, x.T @ (d * s) + v * ((x**2).T @ d)


@bug("not-accumulated", LD.BAG)
def bag_of_words_written_by_fancy_index(dout, cache):
    index, w = cache
    dw = np.zeros_like(w)
    dw[index] += dout[:, None] / index.shape[1]
    return dw


@bug("constant-factor", LD.BAG)
def bag_of_words_mean_taken_for_a_sum(dout, cache):
    index, w = cache
    dw = np.zeros_like(w)
    np.add.at(dw, index, dout[:, None])
    return dw


@bug("not-accumulated", LD.WEIGHTED_BAG)
def weighted_bag_repeated_words_counted_once(dout, cache):
    index, s, w, vectors = cache
    dw = np.zeros_like(w)
    for n in range(len(index)):
        for t in range(index.shape[1]):
            dw[index[n, t]] = s[n, t] * dout[n]
    return (dout[:, None] * vectors).sum(axis=2), dw


@bug("wrong-shape", LD.WEIGHTED_BAG)
def weighted_bag_importance_not_summed_over_features(dout, cache):
    index, s, w, vectors = cache
    dw = np.zeros_like(w)
    np.add.at(dw, index, s[:, :, None] * dout[:, None])
    return dout[:, None] * vectors, dw


@bug("wrong-cache-variable", LD.WEIGHTED_BAG, also=("stride",))
def weighted_bag_vectors_read_in_table_order(dout, cache):
    index, s, w, vectors = cache
    dw = np.zeros_like(w)
    np.add.at(dw, index, s[:, :, None] * dout[:, None])
    return dout @ w.T, dw


@bug("wrong-shape", EMBEDDING)
def word_vectors_as_long_as_the_words_seen(dout, cache):
    x, w = cache
    dw = np.zeros((x.max() + 1, w.shape[1]))
    np.add.at(dw, x, dout)
    return dw


@bug("wrong-dtype", EMBEDDING)
def word_vectors_summed_in_an_array_of_the_indexes_type(dout, cache):
    x, w = cache
    dw = np.zeros(w.shape, x.dtype)
    for place in np.ndindex(x.shape):
        dw[x[place]] = dw[x[place]] + dout[place]
    return dw


@bug("missing-mask", PADDED_EMBEDDING)
def padding_word_learns_from_empty_places(dout, cache):
    x, w = cache
    dw = np.zeros_like(w)
    np.add.at(dw, x, dout)
    return dw


@bug("wrong-mask", PADDED_EMBEDDING)
def padding_word_taken_to_be_the_last(dout, cache):
    x, w = cache
    dw = np.zeros_like(w)
    np.add.at(dw, x, dout * (x != len(w) - 1)[..., None])
    return dw


@bug("missing-term", LD.TIED_WORDS, also=("not-accumulated",))
def tied_words_learn_by_their_scores_only(dout, cache):
    index, w, hidden = cache
    return dout.T @ hidden


@bug("not-accumulated", LD.TIED_WORDS)
def tied_words_with_repeats_added_by_fancy_index(dout, cache):
    index, w, hidden = cache
    dw = dout.T @ hidden
    dw[index] += dout @ w * (1 - hidden**2)
    return dw


@bug("wrong-cache-variable", LD.TIED_WORDS)
def tied_words_scores_seen_before_the_tanh(dout, cache):
    index, w, hidden = cache
    dw = dout.T @ w[index]
    np.add.at(dw, index, dout @ w * (1 - hidden**2))
    return dw


@bug("sign", LD.RADIAL)
def radial_centres_pushed_away(dout, cache):
    difference, square, width, out = cache
    dsquare = -dout * out * width
    ddifference = 2 * dsquare[:, :, None] * difference
    return ddifference.sum(axis=1), ddifference.sum(axis=0), (dsquare * square).sum(axis=0)


@bug("constant-factor", LD.RADIAL)
def radial_square_without_its_two(dout, cache):
    difference, square, width, out = cache
    dsquare = -dout * out * width
    ddifference = dsquare[:, :, None] * difference
    return ddifference.sum(axis=1), -ddifference.sum(axis=0), (dsquare * square).sum(axis=0)


@bug("missing-term", LD.RADIAL, also=("wrong-cache-variable",))
def radial_width_without_the_exponential_of_its_logarithm(dout, cache):
    difference, square, width, out = cache
    dsquare = -dout * out * width
    ddifference = 2 * dsquare[:, :, None] * difference
    return ddifference.sum(axis=1), -ddifference.sum(axis=0), -(dout * out * square).sum(axis=0)


@bug("wrong-dtype", LD.RADIAL)
def radial_differences_stored_in_single_precision(dout, cache):
    difference, square, width, out = cache
    dsquare = -dout * out * width
    ddifference = 2 * dsquare[:, :, None] * difference.astype(np.float32)
    return ddifference.sum(axis=1), -ddifference.sum(axis=0), (dsquare * square).sum(axis=0)


@bug("transposed", LD.GROUPED)
def grouped_weights_with_groups_and_examples_swapped(dout, cache):
    x, w = cache
    return np.einsum("ngm,gdm->ngd", dout, w), np.einsum("gnd,gnm->gdm", x, dout), dout.sum(axis=0)


@bug("transposed", LD.GROUPED)
def grouped_input_through_untransposed_blocks(dout, cache):
    x, w = cache
    return np.einsum("ngd,gdm->ngm", dout, w), np.einsum("ngd,ngm->gdm", x, dout), dout.sum(axis=0)


@bug("border", LD.GROUPED, also=("zero-gradient", "missing-term"))
def grouped_loop_stops_before_the_last_group(dout, cache):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for g in range(len(w) - 1):
        dx[:, g], dw[g] = dout[:, g] @ w[g].T, x[:, g].T @ dout[:, g]
    return dx, dw, dout.sum(axis=0)


@bug("missing-term", LD.FILM)
def condition_heard_through_its_gain_only(dout, cache):
    x, c, wg, wb, gain = cache
    dgain = dout * x
    return dout * gain, dgain @ wg.T, c.T @ dgain, c.T @ dout


@bug("wrong-cache-variable", LD.FILM, also=("missing-term",))
def condition_gain_without_its_one(dout, cache):
    x, c, wg, wb, gain = cache
    dgain = dout * x
    return dout * (c @ wg), dgain @ wg.T + dout @ wb.T, c.T @ dgain, c.T @ dout


@bug("zero-gradient", LD.FILM)
def condition_treated_as_data(dout, cache):
    x, c, wg, wb, gain = cache
    return dout * gain, np.zeros_like(c), c.T @ (dout * x), c.T @ dout


@bug("missing-term", LD.EXCITE)
def excitation_gate_taken_as_given(dout, cache):
    x, w1, w2, hidden, gate = cache
    dscores = dout * x * gate * (1 - gate)
    dhidden = dscores @ w2.T * (hidden > 0)
    return dout * gate, x.T @ dhidden, hidden.T @ dscores


@bug("wrong-cache-variable", LD.EXCITE)
def excitation_second_weights_see_the_features(dout, cache):
    x, w1, w2, hidden, gate = cache
    dscores = dout * x * gate * (1 - gate)
    dhidden = dscores @ w2.T * (hidden > 0)
    return dout * gate + dhidden @ w1.T, x.T @ dhidden, x.T @ dscores


@bug("missing-term", LD.CROSS)
def cross_layer_without_its_skip(dout, cache):
    x0, x, w, s = cache
    ds = (dout * x0).sum(axis=1)
    return dout * s[:, None], ds[:, None] * w, x.T @ ds, dout.sum(axis=0)


@bug("wrong-cache-variable", LD.CROSS)
def cross_layer_weights_see_the_first_input(dout, cache):
    x0, x, w, s = cache
    ds = (dout * x0).sum(axis=1)
    return dout * s[:, None], ds[:, None] * w + dout, x0.T @ ds, dout.sum(axis=0)


@bug("missing-term", LD.SWISH_UNIT)
def swish_gated_unit_with_the_sigmoid_held_fixed(dout, cache):
    x, w, v, u, a, value, gate, product = cache
    dproduct = dout @ u.T
    da, dvalue = dproduct * value * gate, dproduct * a * gate
    return da @ w.T + dvalue @ v.T, x.T @ da, x.T @ dvalue, product.T @ dout


@bug("not-accumulated", LD.SWISH_UNIT, also=("missing-term",))
def swish_gated_unit_second_branch_replaces_the_first(dout, cache):
    x, w, v, u, a, value, gate, product = cache
    dproduct = dout @ u.T
    da = dproduct * value * (gate + a * gate * (1 - gate))
    dx = da @ w.T
    dvalue = dproduct * a * gate
    dx = dvalue @ v.T
    return dx, x.T @ da, x.T @ dvalue, product.T @ dout


@bug("wrong-dtype", LD.SWISH_UNIT)
def swish_gated_unit_slope_in_single_precision(dout, cache):
    x, w, v, u, a, value, gate, product = cache
    dproduct = dout @ u.T
    slope = np.asarray(gate + a * gate * (1 - gate), dtype=np.float32)
    da, dvalue = dproduct * value * slope, dproduct * a * gate
    return da @ w.T + dvalue @ v.T, x.T @ da, x.T @ dvalue, product.T @ dout


@bug("sign", D.HIGHWAY)
def highway_gate_pulled_toward_the_carried_input(dout, cache):
    x, w, v, gate, change = cache
    dchange = dout * gate * (1 - change**2)
    dgate = dout * (x - change) * gate * (1 - gate)
    return dchange @ w.T + dgate @ v.T + dout * (1 - gate), x.T @ dchange, x.T @ dgate


@bug("sign", D.SIAMESE)
def siamese_weights_add_the_second_view(dout, cache):
    x, y, w, first, second = cache
    dfirst, dsecond = dout * (1 - first**2), dout * (1 - second**2)
    return dfirst @ w.T, -dsecond @ w.T, x.T @ dfirst + y.T @ dsecond


@bug("transposed", D.AFFINE_SQUARE)
def square_affine_weights_transposed_in_the_end(dout, cache):
    x, w, b = cache
    return dout @ w.T, (x.T @ dout).T, dout.sum(axis=0)


TOTALS = {}


@bug("nondeterministic", D.TIED, inputs=forgetting(TOTALS, D.TIED.inputs))
def tied_weights_gradient_added_to_the_last_one(dout, cache):
    x, w, code = cache
    dscores = dout @ w * (1 - code**2)
    TOTALS["w"] = TOTALS.get("w", 0) + x.T @ dscores + dout.T @ code
    return dscores @ w.T, TOTALS["w"]
