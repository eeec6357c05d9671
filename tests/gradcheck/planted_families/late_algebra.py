"""Wrong backward passes of products, reductions, windows, shifts, gathers, sorts and small matrices."""

from dataclasses import replace

import numpy as np

from tests.gradcheck.planted_families import algebra as G
from tests.gradcheck.planted_families import late_layers_algebra as LG
from tests.gradcheck.planted_families.case import forgetting, normal, planting
from tests.gradcheck.planted_families.late_rare import LATE_RARE
from tests.gradcheck.planted_families.late_small import LATE_SMALL

LATE_ALGEBRA = [*LATE_RARE, *LATE_SMALL]
bug = planting(LATE_ALGEBRA)


@bug("not-accumulated", LG.WINDOWS)
def windows_written_over_one_another(dout, cache):
    shape, place, size, step = cache
    dx = np.zeros(shape)
    dx[:, place] = dout
    return dx


@bug("stride", LG.WINDOWS)
def windows_put_back_one_step_apart(dout, cache):
    shape, place, size, step = cache
    dx = np.zeros(shape)
    for k in range(len(place)):
        dx[:, k : k + size] += dout[:, k]
    return dx


@bug("stride", replace(LG.WINDOWS, options={"size": 2, "step": 3}))
def windows_put_back_a_window_apart(dout, cache):
    shape, place, size, step = cache
    dx = np.zeros(shape)
    for k in range(len(place)):
        dx[:, k * size : (k + 1) * size] += dout[:, k]
    return dx


@bug("border", LG.WINDOWS, also=("missing-term",))
def windows_without_the_last_one(dout, cache):
    shape, place, size, step = cache
    dx = np.zeros(shape)
    for k in range((shape[1] - size) // step):
        dx[:, k * step : k * step + size] += dout[:, k]
    return dx


@bug("constant-factor", LG.MOVING)
def moving_mean_not_divided_by_its_width(dout, cache):
    x, size = cache
    dx = np.zeros_like(x)
    for k in range(dout.shape[1]):
        dx[:, k : k + size] += dout[:, k : k + 1]
    return dx


@bug("border", LG.MOVING)
def moving_mean_ends_divided_by_their_visits(dout, cache):
    x, size = cache
    dx, visits = np.zeros_like(x), np.zeros(x.shape[1])
    for k in range(dout.shape[1]):
        dx[:, k : k + size] += dout[:, k : k + 1]
        visits[k : k + size] += 1
    return dx / visits


@bug("stride", LG.MOVING, also=("border",))
def moving_mean_gradient_centred_on_its_window(dout, cache):
    x, size = cache
    dx = np.zeros_like(x)
    for k in range(dout.shape[1]):
        dx[:, max(k - size // 2, 0) : k + size // 2 + 1] += dout[:, k : k + 1] / size
    return dx


@bug("missing-term", LG.REFLECTED, also=("border",))
def reflected_padding_cropped_off(dout, shape):
    return dout[:, 2:-2].copy()


@bug("border", LG.REFLECTED)
def reflected_padding_folded_onto_the_edge_column(dout, shape):
    dx = dout[:, 2:-2].copy()
    dx[:, 1::-1] += dout[:, :2]
    dx[:, :-3:-1] += dout[:, -2:]
    return dx


@bug("border", LG.REFLECTED, also=("transposed",))
def reflected_padding_folded_without_turning(dout, shape):
    dx = dout[:, 2:-2].copy()
    dx[:, 1:3] += dout[:, :2]
    dx[:, -3:-1] += dout[:, -2:]
    return dx


@bug("border", LG.EDGE_PADDED, also=("not-accumulated",))
def repeated_padding_counts_one_copy_of_two(dout, shape):
    dx = dout[:, 2:-2].copy()
    dx[:, 0] += dout[:, 1]
    dx[:, -1] += dout[:, -2]
    return dx


@bug("wrong-shape", LG.EDGE_PADDED)
def repeated_padding_left_on(dout, shape):
    dx = dout.copy()
    dx[:, 2] += dout[:, :2].sum(axis=1)
    dx[:, -3] += dout[:, -2:].sum(axis=1)
    return dx


@bug("stride", LG.SECOND_DIFFERENCE)
def second_difference_middle_moved_by_one(dout, shape):
    dx = np.zeros(shape)
    dx[:, 2:] += dout
    dx[:, :-2] -= 2 * dout
    dx[:, :-2] += dout
    return dx


@bug("constant-factor", LG.SECOND_DIFFERENCE, also=("missing-term",))
def second_difference_middle_counted_once(dout, shape):
    dx = np.zeros(shape)
    dx[:, 2:] += dout
    dx[:, 1:-1] -= dout
    dx[:, :-2] += dout
    return dx


@bug("border", G.DIFFERENCES)
def differences_wrap_round_the_end(dout, shape):
    padded = np.concatenate([dout, dout[:, :1]], axis=1)
    return np.roll(padded, 1, axis=1) - padded


@bug("stride", LG.SHIFT_PRODUCT)
def neighbour_product_rolled_the_same_way_again(dout, cache):
    x, before, shift = cache
    return dout * before + np.roll(dout * x, shift, axis=1)


@bug("missing-term", LG.SHIFT_PRODUCT)
def neighbour_product_without_the_later_one(dout, cache):
    x, before, shift = cache
    return dout * before


@bug("not-accumulated", LG.GATHER)
def gathered_rows_with_repeats_assigned(dout, cache):
    x, rows = cache
    dx = np.zeros_like(x)
    dx[rows] = 2 * dout * x[rows]
    return dx


@bug("mutates", LG.GATHER)
def gathered_rows_doubled_where_they_lie(dout, cache):
    x, rows = cache
    dout *= 2
    dx = np.zeros_like(x)
    np.add.at(dx, rows, dout * x[rows])
    return dx


@bug("wrong-dtype", LG.GATHER)
def gathered_rows_scattered_by_single_precision(dout, cache):
    x, rows = cache
    dx = np.zeros(x.shape, np.float32)
    np.add.at(dx, rows, (2 * dout * x[rows]).astype(np.float32))
    return dx.astype(x.dtype)


@bug("transposed", LG.SORTED_ROWS)
def sorted_rows_put_back_by_the_forward_order(dout, order):
    return np.take_along_axis(dout, order, axis=1)


@bug("missing-term", LG.WEIGHTED_MEAN)
def weighted_mean_total_taken_as_given(dout, cache):
    x, s, total, out = cache
    return dout * s / total, dout * x / total


@bug("wrong-cache-variable", LG.WEIGHTED_MEAN)
def weighted_mean_input_shares_exchanged_for_values(dout, cache):
    x, s, total, out = cache
    return dout * x / total, dout * (x - out) / total


@bug("constant-factor", LG.DEVIATION)
def deviation_divided_by_all_examples(dout, cache):
    centred, out = cache
    return dout * centred / (out * len(centred))


@bug("wrong-cache-variable", LG.DEVIATION, also=("constant-factor",))
def deviation_divided_by_the_variance(dout, cache):
    centred, out = cache
    return dout * centred / (out**2 * (len(centred) - 1))


@bug("non-finite", LG.DEVIATION, inputs=lambda rng: (rng.normal(size=(5, 4)) * np.array([1.0, 1, 0, 1]),))
def deviation_of_a_constant_column_recomputed(dout, cache):
    centred, out = cache
    std = np.sqrt((centred**2).sum(axis=0) / (len(centred) - 1))
    return dout * centred / (std * (len(centred) - 1))


@bug("missing-term", LG.ATTENTION_POOL)
def attention_pool_scores_do_not_reach_the_rows(dout, cache):
    x, q, weight = cache
    dweight = (dout[:, None] * x).sum(axis=2)
    dscores = weight * (dweight - (dweight * weight).sum(axis=1, keepdims=True))
    return dout[:, None] * weight[:, :, None], (dscores[:, :, None] * x).sum(axis=(0, 1))


@bug("wrong-dtype", LG.ATTENTION_POOL)
def attention_pool_weights_in_half_precision(dout, cache):
    x, q, weight = cache
    dweight = (dout[:, None] * x).sum(axis=2)
    dscores = weight * (dweight - (dweight * weight.astype("f2")).sum(axis=1, keepdims=True))
    dx = dout[:, None] * weight[:, :, None] + dscores[:, :, None] * q
    return dx, (dscores[:, :, None] * x).sum(axis=(0, 1))


@bug("wrong-shape", LG.ATTENTION_POOL)
def attention_pool_query_for_every_example(dout, cache):
    x, q, weight = cache
    dweight = (dout[:, None] * x).sum(axis=2)
    dscores = weight * (dweight - (dweight * weight).sum(axis=1, keepdims=True))
    dx = dout[:, None] * weight[:, :, None] + dscores[:, :, None] * q
    return dx, (dscores[:, :, None] * x).sum(axis=1)


@bug("wrong-cache-variable", LG.POLYNOMIAL)
def polynomial_slope_with_one_power_too_many(dout, cache):
    x, c, powers = cache
    slope = powers[..., 1:] @ (c[1:] * np.arange(1, len(c)))
    return dout * slope, (dout[..., None] * powers).sum(axis=(0, 1))


@bug("missing-term", LG.POLYNOMIAL, also=("constant-factor",))
def polynomial_exponents_not_brought_down(dout, cache):
    x, c, powers = cache
    return dout * (powers[..., :-1] @ c[1:]), (dout[..., None] * powers).sum(axis=(0, 1))


@bug("transposed", LG.SMOOTH_DISTANCE)
def smooth_distances_summed_over_each_others_rows(dout, cache):
    difference, out = cache
    d = (dout / out)[:, :, None] * difference
    return d.sum(axis=0), -d.sum(axis=1)


@bug("non-finite", LG.SMOOTH_DISTANCE, inputs=lambda rng: (lambda x: (x, x.copy()))(rng.normal(size=(4, 3))))
def smooth_distances_divided_by_bare_lengths(dout, cache):
    difference, out = cache
    length = np.sqrt((difference**2).sum(axis=2))
    d = (dout / length)[:, :, None] * difference
    return d.sum(axis=1), -d.sum(axis=0)


@bug("wrong-cache-variable", LG.MAGNITUDE)
def magnitude_parts_exchanged(dout, cache):
    re, im, out = cache
    return dout * im / out, dout * re / out


@bug("sign", LG.BLEND)
def blend_position_runs_backward(dout, cache):
    a, b, t = cache
    return dout * (1 - t), dout * t, (dout * (a - b)).sum(axis=0)


@bug("missing-term", LG.BLEND)
def blend_first_array_keeps_all_of_its_gradient(dout, cache):
    a, b, t = cache
    return dout.copy(), dout * t, (dout * (b - a)).sum(axis=0)


@bug("transposed", LG.BLEND)
def blend_position_summed_along_the_rows(dout, cache):
    a, b, t = cache
    return dout * (1 - t), dout * t, (dout * (b - a)).sum(axis=1)


@bug("not-accumulated", LG.SMOOTHING, also=("missing-term",))
def smoothing_carries_only_one_step_back(dout, keep):
    dx = (1 - keep) * dout
    dx[:, :-1] += (1 - keep) * keep * dout[:, 1:]
    return dx


@bug("border", LG.SMOOTHING, also=("constant-factor",))
def smoothing_first_step_taken_as_the_start(dout, keep):
    dx, dh = np.zeros_like(dout), 0
    for t in reversed(range(dout.shape[1])):
        dh = keep * dh + dout[:, t]
        dx[:, t] = dh if t == 0 else (1 - keep) * dh
    return dx


@bug("transposed", LG.DETERMINANT)
def determinant_cofactors_laid_as_the_adjugate(dout, a):
    adjugate = np.stack([a[:, 1, 1], -a[:, 0, 1], -a[:, 1, 0], a[:, 0, 0]], axis=1).reshape(a.shape)
    return dout[:, None, None] * adjugate


@bug("sign", LG.DETERMINANT)
def determinant_off_diagonal_signs_lost(dout, a):
    cofactors = np.stack([a[:, 1, 1], a[:, 1, 0], a[:, 0, 1], a[:, 0, 0]], axis=1).reshape(a.shape)
    return dout[:, None, None] * cofactors


@bug("sign", LG.SMALL_INVERSE)
def inverse_grows_with_its_matrix(dout, out):
    t = out.swapaxes(1, 2)
    return t @ dout @ t


@bug("missing-term", LG.SANDWICH)
def sandwich_product_upper_slice_only(dout, cache):
    a, s = cache
    return dout @ a @ s.swapaxes(1, 2), a.swapaxes(1, 2) @ dout @ a


@bug("missing-term", LG.SANDWICH, also=("transposed",))
def sandwich_product_taken_to_be_symmetric(dout, cache):
    a, s = cache
    return 2 * dout @ a @ s.swapaxes(1, 2), a.swapaxes(1, 2) @ dout @ a


@bug("stride", LG.INTERLEAVE, also=("transposed",))
def columns_by_turns_split_in_halves(dout, shape):
    return dout[:, : shape[1]].copy(), dout[:, shape[1] :].copy()


@bug("stride", LG.REPEATED, also=("transposed",))
def repeated_columns_summed_as_if_tiled(dout, cache):
    (N, D), times = cache
    return dout.reshape(N, times, D).sum(axis=1)


@bug("not-accumulated", LG.REPEATED)
def repeated_columns_first_copy_only(dout, cache):
    shape, times = cache
    return dout[:, ::times].copy()


@bug("sign", LG.CUBE_NORM)
def cubic_norm_signs_of_numbers_squared_away(dout, cache):
    x, out = cache
    return (dout / out**2)[:, None] * x**2


@bug("transposed", LG.OUTER_SUM, inputs=normal((4, 4), (4, 4)))
def sums_of_pairs_reduced_along_the_other_axis(dout, cache):
    a, b, out = cache
    d = dout * (1 - out**2)
    return d.sum(axis=0), d.sum(axis=1)


BUFFER = {}


@bug("nondeterministic", LG.SEGMENTS, inputs=forgetting(BUFFER, LG.SEGMENTS.inputs))
def segments_filled_into_a_buffer_never_emptied(dout, part):
    buffer = BUFFER.setdefault("dx", np.zeros((len(part), dout.shape[1])))
    buffer += dout[part]
    return buffer
