"""Resampling, padding and reordering of images with wrong backward passes, as learners get them wrong."""

import numpy as np

from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families import unseen_block_layers as B
from tests.gradcheck.planted_families import unseen_net_layers as T
from tests.gradcheck.planted_families import unseen_right_images as R
from tests.gradcheck.planted_families.case import forgetting, normal, planting
from tests.gradcheck.planted_families.hard_points import whole

UNSEEN_RESAMPLING = []
bug = planting(UNSEEN_RESAMPLING)
KEPT = {}


@bug("not-accumulated", R.GRID_SAMPLE)
def grid_sample_adds_by_fancy_index(dout, cache):
    x, grid = cache
    _, dgrid = B.grid_sample_backward(dout, cache)
    dx = np.zeros_like(x)
    for row, col, weight, _, _ in B.corners_of(x, grid):
        dx[:, row, col] += dout * weight
    return dx, dgrid


@bug("transposed", R.GRID_SAMPLE)
def grid_sample_swaps_down_and_across_in_dgrid(dout, cache):
    dx, dgrid = B.grid_sample_backward(dout, cache)
    return dx, dgrid[..., ::-1].copy()


@bug("sign", R.GRID_SAMPLE)
def grid_sample_slopes_are_all_upward(dout, cache):
    x, grid = cache
    dx, dgrid = B.grid_sample_backward(dout, cache)
    seen = [(dout * x[:, r, c]).sum(axis=0) * abs(down) for r, c, _, down, _ in B.corners_of(x, grid)]
    return dx, np.stack([sum(seen), dgrid[..., 1]], axis=-1)


@bug("zero-gradient", R.GRID_SAMPLE)
def grid_sample_leaves_the_grid_without_gradient(dout, cache):
    dx, dgrid = B.grid_sample_backward(dout, cache)
    return dx, np.zeros_like(dgrid)


@bug("constant-factor", I.UPSAMPLE, inputs=normal((2, 3, 3, 5)))
def upsample_averages_its_copies(dout, cache):
    return I.upsample_backward(dout, cache) / cache[1] ** 2


@bug("not-accumulated", I.UPSAMPLE)
def upsample_takes_the_first_of_every_four_copies(dout, cache):
    return dout[:, :, :: cache[1], :: cache[1]].copy()


@bug("stride", R.BILINEAR)
def bilinear_upsample_lines_up_the_corners(dout, cache):
    H, W = (matrix.shape[1] for matrix in cache)
    matrices = [np.maximum(1 - abs(np.linspace(0, n - 1, 2 * n)[:, None] - np.arange(n)), 0) for n in (H, W)]
    return B.bilinear_backward(dout, matrices)


@bug("border", R.BILINEAR)
def bilinear_upsample_does_not_clamp_at_the_border(dout, cache):
    centres = [(np.arange(len(matrix)) + 0.5) / 2 - 0.5 for matrix in cache]
    pixels = [np.arange(matrix.shape[1]) for matrix in cache]
    return B.bilinear_backward(dout, [np.maximum(1 - abs(c[:, None] - p), 0) for c, p in zip(centres, pixels)])


@bug("border", R.REFLECT, also=("missing-term",))
def reflect_padding_is_cropped_off(dout, cache):
    (_, _, H, W), pad = cache
    return dout[:, :, pad : pad + H, pad : pad + W].copy()


@bug("border", R.REFLECT)
def reflect_padding_repeats_the_edge_pixel(dout, cache):
    shape, pad = cache
    d = dout.copy()
    for axis in (2, 3):
        d = np.moveaxis(d, axis, 0)
        n = shape[axis]
        for k in range(1, pad + 1):
            d[pad + k - 1] += d[pad - k]
            d[pad + n - k] += d[pad + n - 1 + k]
        d = np.moveaxis(d[pad : pad + n], 0, axis)
    return d


@bug("border", I.EDGE_PAD, also=("missing-term",))
def edge_padding_forgets_the_corner_sums(dout, shape):
    dx = dout[:, :, 1:-1, 1:-1].copy()
    dx[:, :, 0] += dout[:, :, 0, 1:-1]
    dx[:, :, -1] += dout[:, :, -1, 1:-1]
    dx[..., 0] += dout[:, :, 1:-1, 0]
    dx[..., -1] += dout[:, :, 1:-1, -1]
    return dx


@bug("stride", R.FRAME, also=("border",))
def zero_frame_counts_the_bottom_rows_as_the_top_ones(dout, cache):
    (_, _, H, W), ((_, bottom), (left, _)) = cache
    return dout[:, :, bottom : bottom + H, left : left + W].copy()


@bug("wrong-shape", R.FRAME)
def zero_frame_gradient_still_has_its_frame(dout, cache):
    return dout.copy()


@bug("stride", R.CROP, also=("border",))
def crop_places_the_gradient_in_the_corner(dout, cache):
    shape, _, _ = cache
    return B.crop_backward(dout, (shape, 0, 0))


@bug("transposed", R.SHUFFLE)
def pixel_shuffle_backward_puts_block_places_before_channels(dout, cache):
    (N, C, H, W), r = cache
    return dout.reshape(N, C // r**2, H, r, W, r).transpose(0, 3, 5, 1, 2, 4).reshape(N, C, H, W)


@bug("transposed", R.CHANNEL_SHUFFLE)
def channel_shuffle_is_shuffled_once_more(dout, groups):
    return B.channel_shuffle_forward(dout, groups)[0]


@bug("sign", R.ROUGHNESS)
def roughness_pulls_both_neighbours_the_same_way(dout, cache):
    shape, down, across = cache
    dx, scale = np.zeros(shape), 2 * dout[:, None, None, None]
    dx[:, :, 1:] += scale * down
    dx[:, :, :-1] += scale * down
    dx[..., 1:] += scale * across
    dx[..., :-1] -= scale * across
    return dx


@bug("missing-term", R.ROUGHNESS, also=("not-accumulated",))
def roughness_moves_only_the_later_pixel(dout, cache):
    shape, down, across = cache
    dx, scale = np.zeros(shape), 2 * dout[:, None, None, None]
    dx[:, :, 1:] += scale * down
    dx[..., 1:] += scale * across
    return dx


@bug("missing-term", R.STYLE)
def style_matrix_uses_each_channel_once(dout, cache):
    shape, flat = cache
    return (dout @ flat / flat.shape[2]).reshape(shape)


@bug("constant-factor", R.STYLE)
def style_matrix_divides_by_channels(dout, cache):
    shape, flat = cache
    return ((dout + dout.swapaxes(1, 2)) @ flat / flat.shape[1]).reshape(shape)


@bug("missing-term", R.UNSHARP)
def unsharp_mask_forgets_the_pixel_itself(dout, cache):
    amount, detail, count = cache
    _, damount = T.unsharp_backward(dout, cache)
    ddetail = dout * amount[:, None, None]
    return ddetail - I.blur_backward(ddetail, count), damount


@bug("sign", R.UNSHARP)
def unsharp_mask_adds_the_blur(dout, cache):
    amount, detail, count = cache
    ddetail = dout * amount[:, None, None]
    dx = dout + ddetail + I.blur_backward(ddetail, count)
    return dx, (dout * detail).sum(axis=(0, 2, 3))


@bug("wrong-shape", R.UNSHARP, also=("not-accumulated",))
def unsharp_mask_gives_every_image_an_amount(dout, cache):
    dx, _ = T.unsharp_backward(dout, cache)
    return dx, (dout * cache[1]).sum(axis=(2, 3))


@bug("border", I.BLUR)
def blur_divides_everywhere_by_three(dout, count):
    return I.blur_backward(dout, np.full_like(count, 3))


@bug("border", R.THIRDS, also=("missing-term",))
def blur_pool_drops_the_reflected_columns(dout, shape):
    W = shape[3]
    dpadded = np.zeros((*shape[:3], W + 2))
    for s, k in enumerate((0.25, 0.5, 0.25)):
        dpadded[..., s : s + W : 2] += k * dout
    return dpadded[..., 1:-1]


@bug("wrong-mask", R.CHANNEL_MAXOUT, inputs=whole(0, 3, (2, 6, 3, 3)))
def channel_maxout_rewards_every_equal_piece(dout, cache):
    split, shape = cache
    return (dout[:, :, None] * (split == split.max(axis=2, keepdims=True))).reshape(shape)


def memorising_maxout_forward(x, pieces=2):
    out, (split, shape) = T.channel_maxout_forward(x, pieces)
    winner = KEPT.setdefault(shape, split.argmax(axis=2)[:, :, None] == np.arange(pieces)[:, None, None])
    return out, (winner, shape)


@bug(
    "nondeterministic",
    R.CHANNEL_MAXOUT,
    also=("wrong-mask",),
    forward=memorising_maxout_forward,
    inputs=forgetting(KEPT, R.CHANNEL_MAXOUT.inputs),
)
def channel_maxout_works_out_its_winners_once(dout, cache):
    winner, shape = cache
    return (dout[:, :, None] * winner).reshape(shape)


@bug("zero-gradient", R.CROP)
def crop_fills_a_padded_copy(dout, cache):
    shape, top, left = cache
    dx = np.zeros(shape)
    rows, columns = np.arange(top, top + dout.shape[2]), np.arange(left, left + dout.shape[3])
    dx[:, :, rows][..., columns] += dout
    return dx


@bug("wrong-dtype", R.SHUFFLE)
def pixel_shuffle_is_returned_in_half_precision(dout, cache):
    return B.pixel_shuffle_backward(dout, cache).astype(np.float16)
