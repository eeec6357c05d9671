"""More wrong backward passes: mixed pools, unpooling, resizing, shuffles, paddings and the mean place."""

import numpy as np

from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families import late_layers_pools as P
from tests.gradcheck.planted_families.case import planting

LATE_POOLS_MORE = []
bug = planting(LATE_POOLS_MORE)


@bug("missing-term", P.MIXED_POOL)
def mixed_pool_that_pays_only_the_winner(dout, cache):
    x, windows, top, mean, a = cache
    N, C, H, W = x.shape
    won = windows.argmax(axis=4)[..., None] == np.arange(4)
    dwindows = (dout * a)[..., None] * won
    dx = dwindows.reshape(N, C, H // 2, W // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(x.shape)
    return dx, (dout * (top - mean)).sum(axis=(0, 2, 3))


@bug("missing-term", P.MIXED_POOL)
def mixed_pool_whose_share_sees_only_the_largest(dout, cache):
    dx, _ = P.mixed_pool_backward(dout, cache)
    return dx, (dout * cache[2]).sum(axis=(0, 2, 3))


@bug("wrong-cache-variable", P.MIXED_POOL)
def mixed_pool_with_its_two_shares_exchanged(dout, cache):
    x, windows, top, mean, a = cache
    dx, dshare = P.mixed_pool_backward(dout, (x, windows, top, mean, 1 - a))
    return dx, dshare


@bug("wrong-shape", P.MIXED_POOL)
def mixed_pool_with_a_share_for_each_image(dout, cache):
    dx, _ = P.mixed_pool_backward(dout, cache)
    return dx, (dout * (cache[2] - cache[3])).sum(axis=(2, 3))


@bug("transposed", P.MIXED_POOL)
def mixed_pool_folded_back_in_the_wrong_order(dout, cache):
    x, windows, top, mean, a = cache
    won = windows.argmax(axis=4)[..., None] == np.arange(4)
    dwindows = (dout * a)[..., None] * won + (dout * (1 - a))[..., None] / 4
    N, C, H, W = x.shape
    dx = dwindows.reshape(N, C, H // 2, 2, W // 2, 2).reshape(x.shape)
    return dx, (dout * (top - mean)).sum(axis=(0, 2, 3))


@bug("missing-mask", P.UNPOOL)
def unpooling_that_sums_the_empty_places_too(dout, places):
    N, C, H, W = places.shape
    return dout.reshape(N, C, H, 2, W, 2).sum(axis=(3, 5))


@bug("wrong-mask", P.UNPOOL, also=("stride",))
def unpooling_that_counts_its_places_from_one(dout, places):
    N, C, H, W = places.shape
    parts = dout.reshape(N, C, H, 2, W, 2)
    return sum(parts[:, :, :, i, :, j] * (places == 2 * i + j + 1) for i, j in np.ndindex(2, 2))


@bug("transposed", P.BILINEAR_SQUARE)
def bilinear_resize_with_its_two_directions_exchanged(dout, cache):
    rows, columns = cache
    return np.einsum("ih,ncij,jw->ncwh", rows, dout, columns)


@bug("border", P.BILINEAR, also=("missing-term",))
def bilinear_upsample_whose_last_row_is_not_collected(dout, cache):
    rows, columns = cache
    rows = rows.copy()
    rows[-1] = 0
    return np.einsum("ih,ncij,jw->nchw", rows, dout, columns)


@bug("constant-factor", P.BILINEAR)
def bilinear_upsample_that_averages_what_it_should_collect(dout, cache):
    rows, columns = cache
    dx = np.einsum("ih,ncij,jw->nchw", rows, dout, columns)
    return dx * (dx[0, 0].size / dout[0, 0].size)


@bug("not-accumulated", P.NEAREST)
def nearest_resize_that_keeps_one_of_two_copies(dout, cache):
    shape, rows, columns = cache
    dx = np.zeros(shape)
    dx[:, :, rows[:, None], columns] = dout
    return dx


@bug("stride", P.NEAREST, also=("wrong-cache-variable",))
def nearest_resize_that_rounds_where_it_had_cut(dout, cache):
    shape, rows, columns = cache
    dx = np.zeros(shape)
    rows = np.minimum((np.arange(len(rows)) * shape[2] / len(rows)).round().astype(int), shape[2] - 1)
    np.add.at(dx, (slice(None), slice(None), rows[:, None], columns), dout)
    return dx


@bug("constant-factor", I.UPSAMPLE)
def upsample_that_takes_the_mean_of_its_copies(dout, cache):
    (N, C, H, W), factor = cache
    return dout.reshape(N, C, H, factor, W, factor).mean(axis=(3, 5))


@bug("not-accumulated", I.UPSAMPLE, also=("stride",))
def upsample_that_takes_every_other_pixel(dout, cache):
    _, factor = cache
    return dout[:, :, ::factor, ::factor].copy()


@bug("transposed", P.PIXEL_SHUFFLE)
def pixel_shuffle_with_rows_and_columns_of_a_block_exchanged(dout, cache):
    (N, C, H, W), r = cache
    return dout.reshape(N, C // r**2, H, r, W, r).transpose(0, 1, 5, 3, 2, 4).reshape(N, C, H, W)


@bug("transposed", P.PIXEL_SHUFFLE)
def pixel_shuffle_with_the_block_before_the_channels(dout, cache):
    (N, C, H, W), r = cache
    return dout.reshape(N, C // r**2, H, r, W, r).transpose(0, 3, 5, 1, 2, 4).reshape(N, C, H, W)


@bug("transposed", P.CHANNEL_SHUFFLE)
def channel_shuffle_shuffled_once_more(dout, cache):
    (N, C, H, W), groups = cache
    return dout.reshape(N, groups, C // groups, H, W).swapaxes(1, 2).reshape(N, C, H, W)


@bug("border", P.REFLECT_PAD, also=("missing-term",))
def reflection_padding_that_drops_the_reflected(dout, cache):
    _, pad = cache
    return dout[:, :, pad:-pad, pad:-pad].copy()


@bug("border", P.REFLECT_PAD, also=("stride",))
def reflection_padding_folded_on_the_edge_itself(dout, cache):
    _, pad = cache
    dx = dout.copy()
    for _ in range(2):
        inner = dx[:, :, pad : dx.shape[2] - pad].copy()
        for k in range(pad):
            inner[:, :, k] += dx[:, :, pad - 1 - k]
            inner[:, :, -1 - k] += dx[:, :, dx.shape[2] - pad + k]
        dx = inner.swapaxes(2, 3)
    return dx


@bug("border", P.CIRCULAR_PAD)
def circular_padding_with_its_ends_exchanged(dout, cache):
    _, pad = cache
    dx = dout[:, pad:-pad].copy()
    dx[:, :pad] += dout[:, :pad]
    dx[:, -pad:] += dout[:, -pad:]
    return dx


@bug("mutates", P.CIRCULAR_PAD)
def circular_padding_that_adds_inside_its_gradient(dout, cache):
    _, pad = cache
    dx = dout[:, pad:-pad]
    dx[:, -pad:] += dout[:, :pad]
    dx[:, :pad] += dout[:, -pad:]
    return dx


@bug("not-accumulated", I.EDGE_PAD, also=("border",))
def edge_padding_that_replaces_the_edge(dout, _):
    dx = dout[:, :, 1:-1, :].copy()
    dx[:, :, 0] = dout[:, :, 0]
    dx[:, :, -1] += dout[:, :, -1]
    dx[..., 1] += dx[..., 0]
    dx[..., -2] += dx[..., -1]
    return dx[..., 1:-1]


@bug("missing-term", P.PLACE)
def mean_place_without_the_normalisation(dout, cache):
    weights, y, x, rows, columns = cache
    _, drows, dcolumns = P.place_backward(dout, cache)
    off = rows[:, None] * dout[:, :, 0, None, None] + columns * dout[:, :, 1, None, None]
    return weights * off, drows, dcolumns


@bug("wrong-cache-variable", P.PLACE)
def mean_place_that_takes_x_for_y(dout, cache):
    weights, y, x, rows, columns = cache
    _, drows, dcolumns = P.place_backward(dout, cache)
    dscores, _, _ = P.place_backward(dout, (weights, x, x, rows, columns))
    return dscores, drows, dcolumns


@bug("transposed", P.PLACE, also=("wrong-cache-variable",))
def mean_place_whose_rulers_change_places(dout, cache):
    dscores, drows, dcolumns = P.place_backward(dout, cache)
    return dscores, dcolumns, drows


@bug("zero-gradient", P.PLACE)
def mean_place_whose_rulers_are_constants(dout, cache):
    dscores, drows, dcolumns = P.place_backward(dout, cache)
    return dscores, np.zeros_like(drows), np.zeros_like(dcolumns)
