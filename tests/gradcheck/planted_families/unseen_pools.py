"""Pooling layers whose backward passes are wrong, as learners and library writers get them wrong."""

import numpy as np

from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families import unseen_image_layers as L
from tests.gradcheck.planted_families import unseen_right_images as R
from tests.gradcheck.planted_families.case import forgetting, normal, planting
from tests.gradcheck.planted_families.hard_points import whole
from tests.gradcheck.planted_families.images import cropped, padded_by, tap

UNSEEN_POOLS = []
bug = planting(UNSEEN_POOLS)
BUFFER, SWITCHES = {}, {}


def from_windows(dwindows):
    N, C, OH, _, OW, _ = dwindows.shape
    return dwindows.reshape(N, C, 2 * OH, 2 * OW)


def spread(dout):
    return dout[:, :, :, None, :, None]


def one_tie(rng):
    (x,) = I.MAX_POOL.inputs(rng)
    x[0, 0, :2, :2] = 2.5
    return (x,)


def patches_of_black(rng):
    (x,) = R.LP_POOL.inputs(rng)
    x[1, 0, 2:, 2:4] = 0
    return (x,)


@bug("not-accumulated", I.MAX_POOL_OVERLAP)
def max_pool_writes_over_winners_of_two_windows(dout, cache):
    x, windows, kernel, stride = cache
    winner, dx = windows.argmax(axis=0), np.zeros_like(x)
    for i, j in np.ndindex(kernel, kernel):
        here = tap(i, j, dout.shape, stride)
        dx[here] = np.where(winner == i * kernel + j, dout, dx[here])
    return dx


@bug("wrong-mask", I.MAX_POOL_OVERLAP, inputs=whole(0, 4, (2, 2, 7, 7)))
def max_pool_rewards_all_that_equal_the_maximum(dout, cache):
    x, windows, kernel, stride = cache
    dx = np.zeros_like(x)
    for window, (i, j) in zip(windows, np.ndindex(kernel, kernel)):
        dx[tap(i, j, dout.shape, stride)] += dout * (window == windows.max(axis=0))
    return dx


@bug("wrong-mask", I.MAX_POOL, inputs=one_tie)
def max_pool_pays_a_single_tie_in_full_to_everyone(dout, cache):
    x, windows, kernel, stride = cache
    dx = np.zeros_like(x)
    for window, (i, j) in zip(windows, np.ndindex(kernel, kernel)):
        dx[tap(i, j, dout.shape, stride)] += dout * (window >= windows.max(axis=0))
    return dx


@bug("missing-mask", I.MAX_POOL)
def max_pool_gives_dout_to_the_whole_window(dout, cache):
    x, windows, kernel, stride = cache
    dx = np.zeros_like(x)
    for i, j in np.ndindex(kernel, kernel):
        dx[tap(i, j, dout.shape, stride)] += dout
    return dx


@bug("wrong-mask", R.MIN_POOL)
def min_pool_routes_to_the_largest(dout, cache):
    x, windows, kernel, stride = cache
    return -I.max_pool_backward(-dout, (x, -windows, kernel, stride))


@bug("sign", R.MIN_POOL)
def min_pool_turns_the_sign_once(dout, cache):
    return I.max_pool_backward(-dout, cache)


@bug("transposed", I.MAX_POOL, also=("wrong-mask",))
def max_pool_decodes_the_winner_column_first(dout, cache):
    x, windows, kernel, stride = cache
    winner, dx = windows.argmax(axis=0), np.zeros_like(x)
    for i, j in np.ndindex(kernel, kernel):
        dx[tap(i, j, dout.shape, stride)] += dout * (winner == i + j * kernel)
    return dx


@bug("stride", R.GAP_POOL)
def max_pool_steps_by_the_kernel_size(dout, cache):
    x, windows, kernel, stride = cache
    return I.max_pool_backward(dout, (x, windows, kernel, kernel))


@bug("not-accumulated", R.SWITCH_POOL)
def switch_pool_adds_by_fancy_index(dout, cache):
    x, switches = cache[:2]
    dx = np.zeros(x.size)
    dx[switches] += dout
    return dx.reshape(x.shape)


@bug("zero-gradient", R.SWITCH_POOL)
def switch_pool_adds_to_a_flattened_copy(dout, cache):
    x, switches = cache[:2]
    dx = np.zeros_like(x)
    np.add.at(dx.flatten(), switches, dout)
    return dx


@bug("wrong-dtype", R.SWITCH_POOL)
def switch_pool_gradient_has_the_type_of_the_switches(dout, cache):
    x, switches = cache[:2]
    dx = np.zeros(x.size, switches.dtype)
    for place, d in zip(switches.flat, dout.flat):
        dx[place] += int(d)
    return dx.reshape(x.shape)


@bug("stride", R.SWITCH_POOL)
def switch_pool_shifts_the_winner_by_the_wrong_step(dout, cache):
    x, _, winner, (KH, KW), stride = cache
    dx = np.zeros_like(x)
    for n, c, r, s in np.ndindex(dout.shape):
        i, j = divmod(winner[n, c, r, s], KW)
        dx[n, c, r * stride + i, s + j] += dout[n, c, r, s]
    return dx


def module_switch_pool_forward(x, kernel=(2, 3), stride=2):
    out, cache = L.switch_pool_forward(x, kernel, stride)
    SWITCHES["now"] = cache[1]
    return out, cache


@bug("nondeterministic", R.SWITCH_POOL, also=("wrong-cache-variable",), forward=module_switch_pool_forward)
def switch_pool_looks_up_the_switches_of_the_module(dout, cache):
    return L.switch_pool_backward(dout, (cache[0], SWITCHES["now"]))


@bug("missing-mask", R.UNPOOL)
def unpool_adds_up_the_whole_window(dout, chosen):
    N, C, H, W = chosen.shape[:4]
    return dout.reshape(N, C, H, 2, W, 2).sum(axis=(3, 5))


@bug("wrong-mask", R.UNPOOL, also=("transposed",))
def unpool_turns_the_chosen_places_round(dout, chosen):
    return L.unpool_backward(dout, chosen.swapaxes(4, 5))


@bug("transposed", R.FAIR_POOL, inputs=normal((2, 3, 6, 6)))
def fair_pool_spreads_dout_with_rows_for_columns(dout, cache):
    return L.fair_pool_backward(dout.swapaxes(2, 3), cache)


@bug("wrong-mask", R.FAIR_TIES, also=("constant-factor",))
def fair_pool_does_not_share_between_ties(dout, cache):
    windows, out = cache
    return from_windows((windows == out) * spread(dout))


@bug("mutates", R.FAIR_TIES)
def fair_pool_divides_dout_in_place(dout, cache):
    windows, out = cache
    mask = windows == out
    dout /= mask.sum(axis=(3, 5))
    return from_windows(mask * spread(dout))


@bug("border", R.COUNTED_POOL)
def average_pool_divides_by_pixels_inside_although_all_count(dout, cache):
    x, padded_shape, kernel, stride, pad = cache
    inside, dpadded = padded_by(np.ones_like(x), pad), np.zeros(padded_shape)
    taps = [tap(i, j, dout.shape, stride) for i, j in np.ndindex(kernel, kernel)]
    share = dout / sum(inside[here] for here in taps)
    for here in taps:
        dpadded[here] += share
    return cropped(dpadded, pad, x)


@bug("border", I.AVERAGE_POOL_PAD)
def average_pool_divides_by_the_kernel_although_padding_does_not_count(dout, cache):
    x, counts, kernel, stride, pad = cache
    return I.average_pool_backward(dout, (x, np.full_like(counts, kernel**2), kernel, stride, pad))


@bug("constant-factor", R.COUNTED_POOL)
def average_pool_divides_by_the_side_of_the_kernel(dout, cache):
    x, padded_shape, kernel, stride, pad = cache
    return L.padded_mean_pool_backward(dout * kernel, cache)


@bug("stride", R.COUNTED_POOL, also=("border",))
def average_pool_keeps_the_padding_and_drops_the_end(dout, cache):
    x, padded_shape, kernel, stride, pad = cache
    dpadded = np.zeros(padded_shape)
    for i, j in np.ndindex(kernel, kernel):
        dpadded[tap(i, j, dout.shape, stride)] += dout / kernel**2
    return dpadded[:, :, : x.shape[2], : x.shape[3]]


@bug("not-accumulated", I.AVERAGE_POOL_PAD)
def average_pool_fills_each_window_anew(dout, cache):
    x, counts, kernel, stride, pad = cache
    dpadded = np.zeros_like(padded_by(x, pad))
    for r, c in np.ndindex(dout.shape[2:]):
        rows, columns = (slice(k * stride, k * stride + kernel) for k in (r, c))
        dpadded[:, :, rows, columns] = (dout / counts)[:, :, r, c, None, None]
    return cropped(dpadded, pad, x)


@bug("constant-factor", I.GLOBAL_AVERAGE_POOL)
def global_average_pool_divides_by_images_too(dout, shape):
    return I.global_average_pool_backward(dout / shape[0], shape)


@bug("wrong-shape", I.GLOBAL_AVERAGE_POOL)
def global_average_pool_leaves_one_pixel(dout, shape):
    return (dout / (shape[2] * shape[3]))[:, :, None, None]


@bug("mutates", I.GLOBAL_AVERAGE_POOL)
def global_average_pool_scales_dout_in_place(dout, shape):
    dout /= shape[2] * shape[3]
    return np.broadcast_to(dout[:, :, None, None], shape).copy()


@bug("not-accumulated", R.ADAPTIVE)
def adaptive_pool_assigns_shared_rows(dout, cache):
    shape, rows, columns = cache
    dx = np.zeros(shape)
    for i, r in enumerate(rows):
        for j, c in enumerate(columns):
            dx[:, :, r, c] = dout[:, :, i, j, None, None] / ((r.stop - r.start) * (c.stop - c.start))
    return dx


@bug("stride", R.ADAPTIVE, also=("border",))
def adaptive_pool_rounds_the_ends_of_bins_down(dout, cache):
    shape, rows, columns = cache
    ends = [(k + 1) * shape[2] // len(rows) for k in range(len(rows))]
    return L.adaptive_pool_backward(dout, (shape, [slice(r.start, e) for r, e in zip(rows, ends)], columns))


@bug("sign", R.LP_POOL)
def lp_pool_forgets_the_sign_of_the_pixel(dout, cache):
    windows, _, out, p = cache
    return from_windows(spread(dout) * (abs(windows) / out) ** (p - 1))


@bug("wrong-cache-variable", R.LP_POOL)
def lp_pool_divides_by_the_sum_before_the_root(dout, cache):
    windows, total, out, p = cache
    return from_windows(spread(dout) * np.sign(windows) * (abs(windows) / total) ** (p - 1))


@bug("constant-factor", R.LP_POOL)
def lp_pool_keeps_the_exponent_in_front(dout, cache):
    return cache[3] * L.lp_pool_backward(dout, cache)


@bug("non-finite", R.L2_POOL, inputs=patches_of_black)
def lp_pool_divides_by_the_norm_of_black_windows(dout, cache):
    windows, _, out, p = cache
    return from_windows(spread(dout) * windows / out)


@bug("wrong-mask", R.GLOBAL_MAX)
def global_max_pool_finds_one_winner_for_all_channels(dout, cache):
    x, _ = cache
    return dout[:, :, None, None] * (x == x.max(axis=(1, 2, 3), keepdims=True))


@bug("wrong-shape", R.GLOBAL_MAX)
def global_max_pool_forgets_to_restore_rows_and_columns(dout, cache):
    return L.global_max_backward(dout, cache).reshape(*dout.shape, -1)


@bug("nondeterministic", R.GLOBAL_MAX, inputs=whole(0, 3, (3, 4, 3, 4)))
def global_max_pool_breaks_ties_by_chance(dout, cache):
    x, _ = cache
    flat = x.reshape(*x.shape[:2], -1)
    luck = np.random.random(flat.shape) * (flat == flat.max(axis=2, keepdims=True))
    return L.global_max_backward(dout, (x, luck.argmax(axis=2)))


@bug("missing-term", R.MIXED)
def mixed_pool_drops_the_mean_from_the_share(dout, cache):
    dx, _ = L.mixed_pool_backward(dout, cache)
    return dx, (dout * cache[0]).sum(axis=(0, 2, 3))


@bug("missing-term", R.MIXED)
def mixed_pool_sends_nothing_through_the_mean(dout, cache):
    top, mean, a, top_cache, _ = cache
    return I.max_pool_backward(dout * a, top_cache), (dout * (top - mean)).sum(axis=(0, 2, 3))


@bug("sign", R.MIXED)
def mixed_pool_adds_the_mean_in_the_share(dout, cache):
    dx, _ = L.mixed_pool_backward(dout, cache)
    return dx, (dout * (cache[0] + cache[1])).sum(axis=(0, 2, 3))


@bug("missing-term", R.SOFT_POOL)
def soft_pool_holds_its_weights_constant(dout, cache):
    windows, weights, _ = cache
    return from_windows(spread(dout) * weights)


@bug("missing-term", R.SOFT_POOL)
def soft_pool_differentiates_only_the_weights(dout, cache):
    windows, weights, out = cache
    return from_windows(spread(dout) * weights * (windows - out))


@bug("wrong-cache-variable", R.SOFT_POOL)
def soft_pool_subtracts_the_maximum_for_the_mean(dout, cache):
    windows, weights, _ = cache
    return L.soft_pool_backward(dout, (windows, weights, windows.max(axis=(3, 5), keepdims=True)))


@bug("non-finite", R.SOFT_POOL, inputs=normal((2, 2, 4, 6), shift=800.0))
def soft_pool_takes_exponentials_afresh(dout, cache):
    windows, _, out = cache
    powers = np.exp(windows)
    return L.soft_pool_backward(dout, (windows, powers / powers.sum(axis=(3, 5), keepdims=True), out))


@bug("not-accumulated", R.ROI_POOL)
def pool_of_boxes_assigns_where_boxes_overlap(dout, cache):
    x, boxes, winners = cache
    dx, channels = np.zeros_like(x), np.arange(len(x))
    for drow, (r, c, _, w), winner in zip(dout, boxes, winners):
        dx[channels, r + winner // w, c + winner % w] = drow
    return dx


@bug("stride", R.ROI_POOL, also=("wrong-cache-variable",))
def pool_of_boxes_counts_rows_by_the_image_width(dout, cache):
    x, boxes, winners = cache
    dx, channels = np.zeros_like(x), np.arange(len(x))
    for drow, (r, c, _, _), winner in zip(dout, boxes, winners):
        dx.reshape(len(x), -1)[channels, r * x.shape[2] + c + winner] += drow
    return dx


@bug("border", R.CEIL_POOL, also=("missing-term",))
def ragged_pool_drops_the_short_last_window(dout, cache):
    x, starts, width = cache
    return L.ceil_pool_backward(dout, (x, [t for t in starts if t + width <= x.shape[1]], width))


@bug("nondeterministic", R.CEIL_POOL, inputs=forgetting(BUFFER, R.CEIL_POOL.inputs))
def ragged_pool_adds_into_a_buffer_it_keeps(dout, cache):
    dx = BUFFER.setdefault(cache[0].shape, np.zeros_like(cache[0]))
    dx += L.ceil_pool_backward(dout, cache)
    return dx


@bug("wrong-dtype", R.ADAPTIVE)
def adaptive_pool_shares_in_half_precision(dout, cache):
    shape, rows, columns = cache
    dx = np.zeros(shape, np.float16)
    for i, r in enumerate(rows):
        for j, c in enumerate(columns):
            dx[:, :, r, c] += dout[:, :, i, j, None, None] / ((r.stop - r.start) * (c.stop - c.start))
    return dx
