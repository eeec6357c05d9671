"""Wrong backward passes of pools, upsampling, padding and the rearranging of pixels."""

import numpy as np

from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families import late_layers_pools as P
from tests.gradcheck.planted_families.case import forgetting, planting
from tests.gradcheck.planted_families.hard_points import whole
from tests.gradcheck.planted_families.images import cropped, padded_by, tap

LATE_POOLS = []
bug = planting(LATE_POOLS)


@bug("not-accumulated", P.PADDED_MAX_POOL, inputs=whole(0, 9, (2, 2, 7, 7)))
def padded_max_pool_whose_winner_is_paid_once(dout, cache):
    x, winner, kernel, stride, pad = cache
    dpadded = np.zeros_like(padded_by(x, pad))
    for place, (i, j) in enumerate(np.ndindex(kernel, kernel)):
        here, won = tap(i, j, dout.shape, stride), winner == place
        dpadded[here] = np.where(won, dout, dpadded[here])
    return cropped(dpadded, pad, x)


@bug("border", P.PADDED_MAX_POOL, also=("stride",))
def padded_max_pool_that_crops_the_far_corner(dout, cache):
    x, winner, kernel, stride, pad = cache
    dpadded = np.zeros_like(padded_by(x, pad))
    for place, (i, j) in enumerate(np.ndindex(kernel, kernel)):
        dpadded[tap(i, j, dout.shape, stride)] += dout * (winner == place)
    return dpadded[:, :, : x.shape[2], : x.shape[3]]


@bug("transposed", P.PADDED_MAX_POOL, also=("wrong-mask",))
def padded_max_pool_that_counts_its_places_down_the_columns(dout, cache):
    x, winner, kernel, stride, pad = cache
    dpadded = np.zeros_like(padded_by(x, pad))
    for i, j in np.ndindex(kernel, kernel):
        dpadded[tap(i, j, dout.shape, stride)] += dout * (winner == j * kernel + i)
    return cropped(dpadded, pad, x)


@bug("wrong-shape", P.PADDED_MAX_POOL)
def padded_max_pool_that_returns_its_padding(dout, cache):
    x, winner, kernel, stride, pad = cache
    dpadded = np.zeros_like(padded_by(x, pad))
    for place, (i, j) in enumerate(np.ndindex(kernel, kernel)):
        dpadded[tap(i, j, dout.shape, stride)] += dout * (winner == place)
    return dpadded


def rows_of_ties(rng):
    (x,) = I.MAX_POOL.inputs(rng)
    x[0, 0, 0, 0] = x[0, 0, 1, 1] = 5
    return (x,)


@bug("wrong-mask", I.MAX_POOL, inputs=rows_of_ties)
def max_pool_that_pays_both_of_two_equal_pixels(dout, cache):
    x, windows, kernel, stride = cache
    dx = np.zeros_like(x)
    for window, (i, j) in zip(windows, np.ndindex(kernel, kernel)):
        dx[tap(i, j, dout.shape, stride)] += dout * (window == windows.max(axis=0))
    return dx


@bug("stride", P.TIME_POOL)
def pool_in_time_that_puts_its_windows_side_by_side(dout, cache):
    x, at, stride = cache
    dx, kernel = np.zeros_like(x), 2
    n, t, d = np.indices(at.shape, sparse=True)
    np.add.at(dx, (n, at - t * stride + t * kernel, d), dout)
    return dx


@bug("not-accumulated", P.TIME_POOL_OVERLAP, inputs=lambda rng: (rng.normal(size=(6, 8, 6)),))
def pool_in_time_that_assigns_to_repeated_places(dout, cache):
    x, at, _ = cache
    dx = np.zeros_like(x)
    np.put_along_axis(dx, at, dout, axis=1)
    return dx


@bug("not-accumulated", P.TIME_POOL_OVERLAP, inputs=lambda rng: (rng.normal(size=(6, 8, 6)),))
def pool_in_time_that_adds_to_repeated_places_at_once(dout, cache):
    x, at, _ = cache
    dx = np.zeros_like(x)
    n, _, d = np.indices(at.shape, sparse=True)
    dx[n, at, d] += dout
    return dx


@bug("wrong-mask", P.TIME_POOL)
def pool_in_time_that_pays_the_smallest(dout, cache):
    x, at, stride = cache
    dx, kernel = np.zeros_like(x), 2
    for t in range(dout.shape[1]):
        window = x[:, t * stride : t * stride + kernel]
        dx[:, t * stride : t * stride + kernel] = dout[:, t, None] * (window == window.min(axis=1, keepdims=True))
    return dx


@bug("border", P.ZERO_AVERAGE_POOL, also=("constant-factor",))
def average_pool_that_divides_its_rim_by_what_is_inside(dout, cache):
    x, kernel, stride, pad = cache
    inside, dpadded = padded_by(np.ones_like(x), pad), np.zeros_like(padded_by(x, pad))
    places = [tap(i, j, dout.shape, stride) for i, j in np.ndindex(kernel, kernel)]
    counts = sum(inside[here] for here in places)
    for here in places:
        dpadded[here] += dout / counts
    return cropped(dpadded, pad, x)


@bug("constant-factor", P.ZERO_AVERAGE_POOL)
def average_pool_that_divides_by_its_side(dout, cache):
    x, kernel, stride, pad = cache
    dpadded = np.zeros_like(padded_by(x, pad))
    for i, j in np.ndindex(kernel, kernel):
        dpadded[tap(i, j, dout.shape, stride)] += dout / kernel
    return cropped(dpadded, pad, x)


@bug("not-accumulated", P.ZERO_AVERAGE_POOL)
def average_pool_whose_shared_pixels_are_overwritten(dout, cache):
    x, kernel, stride, pad = cache
    dpadded = np.zeros_like(padded_by(x, pad))
    for i, j in np.ndindex(kernel, kernel):
        dpadded[tap(i, j, dout.shape, stride)] = dout / kernel**2
    return cropped(dpadded, pad, x)


@bug("mutates", P.ZERO_AVERAGE_POOL)
def average_pool_that_divides_its_gradient_in_place(dout, cache):
    x, kernel, stride, pad = cache
    dpadded = np.zeros_like(padded_by(x, pad))
    dout /= kernel**2
    for i, j in np.ndindex(kernel, kernel):
        dpadded[tap(i, j, dout.shape, stride)] += dout
    return cropped(dpadded, pad, x)


@bug("sign", P.POWER_POOL)
def power_pool_that_forgets_which_side_of_zero(dout, cache):
    x, out, kernel, stride, p = cache
    dx = np.zeros_like(x)
    for i, j in np.ndindex(kernel, kernel):
        here = tap(i, j, dout.shape, stride)
        dx[here] += dout * (abs(x[here]) / out) ** (p - 1)
    return dx


@bug("constant-factor", P.POWER_POOL)
def power_pool_with_the_exponent_left_in_front(dout, cache):
    return cache[4] * P.power_pool_backward(dout, cache)


def with_a_dark_window(rng):
    (x,) = P.POWER_POOL.inputs(rng)
    x[0, 1, :2, 2:4] = 0
    return (x,)


@bug("non-finite", P.POWER_POOL, inputs=with_a_dark_window)
def power_pool_that_divides_by_a_dark_window(dout, cache):
    x, out, kernel, stride, p = cache
    dx = np.zeros_like(x)
    for i, j in np.ndindex(kernel, kernel):
        here = tap(i, j, dout.shape, stride)
        dx[here] += dout / out ** (p - 1) * abs(x[here]) ** (p - 1) * np.sign(x[here])
    return dx


@bug("constant-factor", P.SOFT_POOL)
def soft_pool_with_its_sharpness_once_too_often(dout, cache):
    return 3.0 * P.soft_pool_backward(dout, cache)


@bug("not-accumulated", P.SOFT_POOL)
def soft_pool_whose_windows_overwrite_each_other(dout, cache):
    x, weights, kernel, stride = cache
    dx = np.zeros_like(x)
    for weight, (i, j) in zip(weights, np.ndindex(kernel, kernel)):
        dx[tap(i, j, dout.shape, stride)] = dout * weight
    return dx


def unshifted_soft_pool_forward(x, kernel=2, stride=1, r=3.0):
    out, _ = P.soft_pool_forward(x, kernel, stride, r)
    return out, (x, r, kernel, stride)


@bug("non-finite", P.SOFT_POOL, forward=unshifted_soft_pool_forward,
     inputs=lambda rng: (300 + rng.normal(size=(2, 2, 4, 4)),))  # fmt: skip
def soft_pool_of_bright_pixels_without_a_shift(dout, cache):
    x, r, kernel, stride = cache
    dx = np.zeros_like(x)
    places = [tap(i, j, dout.shape, stride) for i, j in np.ndindex(kernel, kernel)]
    total = sum(np.exp(r * x[here]) for here in places)
    for here in places:
        dx[here] += dout * np.exp(r * x[here]) / total
    return dx


@bug("border", P.ADAPTIVE_POOL, also=("stride",))
def adaptive_pool_whose_bins_do_not_share_pixels(dout, cache):
    shape, bins = cache
    dx = np.zeros(shape)
    for i, (a, b) in enumerate(bins[0]):
        for j, (c, d) in enumerate(bins[1]):
            ends = bins[1][j + 1][0] if j + 1 < len(bins[1]) else d
            dx[:, :, a:b, c:ends] += dout[:, :, i, j, None, None] / ((b - a) * (d - c))
    return dx


@bug("not-accumulated", P.ADAPTIVE_POOL)
def adaptive_pool_whose_later_bin_takes_the_shared_pixels(dout, cache):
    shape, bins = cache
    dx = np.zeros(shape)
    for i, (a, b) in enumerate(bins[0]):
        for j, (c, d) in enumerate(bins[1]):
            dx[:, :, a:b, c:d] = dout[:, :, i, j, None, None] / ((b - a) * (d - c))
    return dx


@bug("transposed", P.GLOBAL_MAX_POOL, inputs=lambda rng: (rng.normal(size=(3, 2, 4, 4)),))
def global_max_pool_unfolded_by_columns(dout, cache):
    return P.global_max_pool_backward(dout, cache).swapaxes(2, 3)


@bug("missing-mask", P.GLOBAL_MAX_POOL, also=("wrong-mask",))
def global_max_pool_that_pays_every_pixel(dout, cache):
    x, _ = cache
    return np.broadcast_to(dout[..., None, None], x.shape).copy()


pool_places = {}


def remembering_pool_forward(x):
    out, (x, at) = P.global_max_pool_forward(x)
    pool_places["at"] = at
    return out, x


@bug("nondeterministic", P.GLOBAL_MAX_POOL, forward=remembering_pool_forward,
     inputs=forgetting(pool_places, P.GLOBAL_MAX_POOL.inputs))  # fmt: skip
def global_max_pool_that_remembers_the_latest_places(dout, x):
    return P.global_max_pool_backward(dout, (x, pool_places["at"]))
