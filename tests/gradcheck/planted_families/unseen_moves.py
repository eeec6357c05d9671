"""Wrong backward passes of sorting, gathering, running sums, windows, padding and interleaving."""

import numpy as np

from tests.gradcheck.planted_families import algebra as B
from tests.gradcheck.planted_families import unseen_right_moves as M
from tests.gradcheck.planted_families.case import forgetting, normal, planting
from tests.gradcheck.planted_families.hard_points import whole, with_zeros

UNSEEN_MOVES = []
bug = planting(UNSEEN_MOVES)
OVERLAP = {}


@bug("constant-factor", M.MOVING_MEAN)
def moving_mean_as_a_moving_sum(dout, cache):
    x, width, step = cache
    dx = np.zeros_like(x)
    for i in range(dout.shape[1]):
        dx[:, i * step : i * step + width] += dout[:, i : i + 1]
    return dx


@bug("constant-factor", M.STRETCH)
def stretched_rows_averaged_back(dout, cache):
    x, times = cache
    return dout.reshape(*x.shape, times).mean(axis=2)


@bug("sign", M.LOOKUP)
def lookup_slope_from_high_to_low(dout, cache):
    table, low, part = cache
    dtable = np.zeros_like(table)
    np.add.at(dtable, low, dout * (1 - part))
    np.add.at(dtable, low + 1, dout * part)
    return dout * (table[low] - table[low + 1]), dtable


@bug("sign", M.FAR_DIFFERENCES)
def far_differences_add_on_both_sides(dout, cache):
    x, far = cache
    dx = np.zeros_like(x)
    dx[:, far:] += dout
    dx[:, :-far] += dout
    return dx


@bug("transposed", M.SORT, also=("stride", "wrong-cache-variable"))
def sorted_rows_sorted_again(dout, cache):
    x, order = cache
    return np.take_along_axis(dout, order, axis=1)


@bug("transposed", M.SHUFFLE, inputs=normal((2, 6)), also=("stride",))
def groups_shuffled_once_more(dout, cache):
    x, groups = cache
    return M.shuffle_forward(dout, groups)[0]


@bug("missing-term", M.SUM_BEFORE)
def sum_before_includes_itself_on_the_way_back(dout, x):
    return dout[:, ::-1].cumsum(axis=1)[:, ::-1]


@bug("missing-term", M.FAR_DIFFERENCES)
def far_differences_of_the_later_number_only(dout, cache):
    x, far = cache
    dx = np.zeros_like(x)
    dx[:, far:] = dout
    return dx


@bug("missing-term", M.LOOKUP)
def lookup_teaches_the_lower_value_only(dout, cache):
    table, low, part = cache
    dtable = np.zeros_like(table)
    np.add.at(dtable, low, dout * (1 - part))
    return dout * (table[low + 1] - table[low]), dtable


@bug("missing-mask", M.SYMMETRIC, also=("constant-factor",))
def symmetric_diagonal_counted_twice(dout, cache):
    v, i, j = cache
    return dout[:, i, j] + dout[:, j, i]


@bug("wrong-mask", M.RUNNING_MAX, inputs=whole(0, 4, (4, 9)))
def running_maximum_pays_all_holders(dout, cache):
    x, out = cache
    dx = np.zeros_like(x)
    for t in range(x.shape[1]):
        dx[:, : t + 1] += dout[:, t : t + 1] * (x[:, : t + 1] == out[:, t : t + 1])
    return dx


@bug("wrong-mask", M.SYMMETRIC, also=("missing-term",))
def symmetric_matrix_without_its_diagonal(dout, cache):
    v, i, j = cache
    return (dout[:, i, j] + dout[:, j, i]) * (i < j)


@bug("not-accumulated", M.GATHER)
def gathered_repeats_overwrite(dout, cache):
    x, index = cache
    dx = np.zeros_like(x)
    np.put_along_axis(dx, index, dout, axis=1)
    return dx


@bug("not-accumulated", M.FRAMES)
def frames_written_over_each_other(dout, cache):
    x, width, hop = cache
    dx = np.zeros_like(x)
    for f in range(dout.shape[1]):
        dx[:, f * hop : f * hop + width] = dout[:, f]
    return dx


@bug("not-accumulated", M.LOOKUP)
def lookup_values_added_once_each(dout, cache):
    table, low, part = cache
    dtable = np.zeros_like(table)
    dtable[low] += dout * (1 - part)
    dtable[low + 1] += dout * part
    return dout * (table[low + 1] - table[low]), dtable


@bug("not-accumulated", M.STRETCH)
def stretched_rows_take_the_first_copy(dout, cache):
    x, times = cache
    return dout[:, ::times].copy()


@bug("not-accumulated", M.TRAPEZOID, also=("missing-term",))
def trapezoid_times_assigned_twice(dout, cache):
    y, t, width = cache
    dy, dt = np.zeros_like(y), np.zeros_like(t)
    dy[:, 1:] += dout[:, None] * width / 2
    dy[:, :-1] += dout[:, None] * width / 2
    dwidth = (dout[:, None] * (y[:, 1:] + y[:, :-1]) / 2).sum(axis=0)
    dt[1:] = dwidth
    dt[:-1] = -dwidth
    return dy, dt


@bug("border", M.SMOOTH, also=("missing-term",))
def smoothed_rows_lose_what_the_ends_lent(dout, x):
    wide = np.zeros((x.shape[0], x.shape[1] + 2))
    wide[:, :-2] += dout / 4
    wide[:, 1:-1] += dout / 2
    wide[:, 2:] += dout / 4
    return wide[:, 1:-1].copy()


@bug("border", M.SLOPES)
def slopes_at_the_ends_halved_too(dout, x):
    dx = np.zeros_like(x)
    dx[:, 2:] += dout[:, 1:-1] / 2
    dx[:, :-2] -= dout[:, 1:-1] / 2
    dx[:, 1] += dout[:, 0] / 2
    dx[:, 0] -= dout[:, 0] / 2
    dx[:, -1] += dout[:, -1] / 2
    dx[:, -2] -= dout[:, -1] / 2
    return dx


@bug("border", M.MIRROR)
def reflection_of_the_right_end_repeats_the_edge(dout, cache):
    x, pad = cache
    dx = dout[:, pad:-pad].copy()
    dx[:, 1 : pad + 1] += dout[:, :pad][:, ::-1]
    dx[:, -pad:] += dout[:, -pad:][:, ::-1]
    return dx


@bug("border", M.TRAPEZOID)
def trapezoid_ends_with_whole_weights(dout, cache):
    y, t, width = cache
    dy, dt = np.zeros_like(y), np.zeros_like(t)
    dy[:, 1:-1] = dout[:, None] * (width[1:] + width[:-1]) / 2
    dy[:, 0], dy[:, -1] = dout * width[0], dout * width[-1]
    dwidth = (dout[:, None] * (y[:, 1:] + y[:, :-1]) / 2).sum(axis=0)
    dt[1:] += dwidth
    dt[:-1] -= dwidth
    return dy, dt


@bug("border", M.RUNNING_MEAN, also=("missing-term",))
def running_mean_forgets_the_last_step(dout, x):
    dx = np.zeros_like(x)
    for t in range(x.shape[1] - 1):
        dx[:, : t + 1] += dout[:, t : t + 1] / (t + 1)
    return dx


@bug("stride", M.FRAMES)
def frames_put_back_one_step_apart(dout, cache):
    x, width, hop = cache
    dx = np.zeros_like(x)
    for f in range(dout.shape[1]):
        dx[:, f : f + width] += dout[:, f]
    return dx


@bug("stride", M.MOVING_MEAN)
def moving_mean_steps_by_its_width(dout, cache):
    x, width, step = cache
    dx = np.zeros_like(x)
    for i in range(dout.shape[1]):
        dx[:, i * width : i * width + width] += dout[:, i : i + 1] / width
    return dx


@bug("stride", M.INTERLEAVE, also=("transposed",))
def interleaved_columns_cut_in_halves(dout, _):
    first, second = np.split(dout, 2, axis=1)
    return first.copy(), second.copy()


@bug("stride", M.STRETCH, also=("transposed",))
def stretched_rows_folded_like_tiles(dout, cache):
    x, times = cache
    return dout.reshape(len(x), times, -1).sum(axis=1)


@bug("stride", B.EVERY_SECOND)
def every_second_column_packed_to_the_left(dout, x):
    dx = np.zeros_like(x)
    dx[:, : dout.shape[1]] = 2 * dout * x[:, ::2]
    return dx


@bug("stride", M.LAGS)
def past_of_rows_not_shifted_back(dout, x):
    T = x.shape[1]
    return dout[:, :T] + dout[:, T:]


@bug("wrong-cache-variable", M.RUNNING_PRODUCT)
def running_product_times_its_numbers(dout, cache):
    x, out = cache
    return (dout * x)[:, ::-1].cumsum(axis=1)[:, ::-1] / x


@bug("wrong-cache-variable", M.TRAPEZOID)
def trapezoid_weights_from_the_times(dout, cache):
    y, t, width = cache
    dy, dt = np.zeros_like(y), np.zeros_like(t)
    dy[:, 1:] += dout[:, None] * t[1:] / 2
    dy[:, :-1] += dout[:, None] * t[1:] / 2
    dwidth = (dout[:, None] * (y[:, 1:] + y[:, :-1]) / 2).sum(axis=0)
    dt[1:] += dwidth
    dt[:-1] -= dwidth
    return dy, dt


@bug("mutates", M.RUNNING_MEAN)
def running_mean_sums_dout_in_place(dout, x):
    dout /= np.arange(1, x.shape[1] + 1)
    return dout[:, ::-1].cumsum(axis=1)[:, ::-1]


@bug("mutates", M.LAGS)
def rows_beside_their_past_added_into_dout(dout, x):
    T = x.shape[1]
    dx = dout[:, :T]
    dx[:, :-1] += dout[:, T + 1 :]
    return dx


def sort_in_place_forward(x):
    order = x.argsort(axis=1)
    x.sort(axis=1)
    return x.copy(), (x, order)


@bug("mutates", M.SORT, forward=sort_in_place_forward)
def rows_sorted_where_they_lie(dout, cache):
    return M.sort_backward(dout, cache)


@bug("wrong-shape", M.MIRROR)
def reflected_ends_kept(dout, cache):
    x, pad = cache
    dx = dout.copy()
    dx[:, pad + 1 : 2 * pad + 1] += dout[:, :pad][:, ::-1]
    dx[:, -2 * pad - 1 : -pad - 1] += dout[:, -pad:][:, ::-1]
    return dx


@bug("wrong-shape", M.SEGMENT_MEAN)
def mean_of_segments_not_sent_to_rows(dout, cache):
    x, segment, size = cache
    return dout / size


@bug("wrong-dtype", M.MEDIAN, also=("zero-gradient",))
def median_gradient_in_whole_numbers(dout, cache):
    x, middle = cache
    dx = np.zeros(x.shape, dtype=int)
    dx[np.arange(len(x)), middle] = dout
    return dx


@bug("wrong-dtype", M.SMOOTH)
def smoothed_rows_summed_in_single_precision(dout, x):
    wide = np.zeros((x.shape[0], x.shape[1] + 2), np.float32)
    wide[:, :-2] += dout / 4
    wide[:, 1:-1] += dout / 2
    wide[:, 2:] += dout / 4
    dx = wide[:, 1:-1].astype(float)
    dx[:, 0] += wide[:, 0]
    dx[:, -1] += wide[:, -1]
    return dx


@bug("non-finite", M.RUNNING_PRODUCT, inputs=lambda rng: (with_zeros(rng)[0],))
def running_product_divided_by_its_zeros(dout, cache):
    x, out = cache
    return (dout * out)[:, ::-1].cumsum(axis=1)[:, ::-1] / x


@bug("nondeterministic", M.FRAMES, inputs=forgetting(OVERLAP, M.FRAMES.inputs))
def frames_overlap_in_a_kept_array(dout, cache):
    x, width, hop = cache
    dx = OVERLAP.setdefault(x.shape, np.zeros_like(x))
    for f in range(dout.shape[1]):
        dx[:, f * hop : f * hop + width] += dout[:, f]
    return dx.copy()


@bug("zero-gradient", M.TRAPEZOID)
def trapezoid_times_never_filled(dout, cache):
    y, t, width = cache
    dy = np.zeros_like(y)
    dy[:, 1:] += dout[:, None] * width / 2
    dy[:, :-1] += dout[:, None] * width / 2
    return dy, np.zeros_like(t)


@bug("zero-gradient", M.LOOKUP)
def lookup_place_without_gradient(dout, cache):
    table, low, part = cache
    dtable = np.zeros_like(table)
    np.add.at(dtable, low, dout * (1 - part))
    np.add.at(dtable, low + 1, dout * part)
    return np.zeros_like(part), dtable
