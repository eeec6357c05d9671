"""Wrong backward passes of convolutions, pooling and other layers of images."""

import numpy as np

from tests.gradcheck.planted_families.case import planting
from tests.gradcheck.planted_families.images import (
    AVERAGE_POOL,
    AVERAGE_POOL_PAD,
    CONV,
    CONV_DILATED,
    CONV_RAGGED,
    CONV_RELU_POOL,
    CONV_SQUARE,
    CONV_STRIDE,
    CONV_TRANSPOSE,
    EDGE_PAD,
    GLOBAL_AVERAGE_POOL,
    LOCAL_CONV,
    MAX_POOL,
    MAX_POOL_OVERLAP,
    UPSAMPLE,
    conv_backward,
    conv_forward,
    conv_transpose_backward,
    cropped,
    edge_pad_backward,
    local_conv_backward,
    max_pool_backward,
    padded_by,
    tap,
)

IMAGE_BUGS = []
bug = planting(IMAGE_BUGS)


def whole_numbers(rng):
    return (rng.integers(0, 3, (2, 2, 6, 6)).astype(float),)


def dx_of(dout, cache):
    """The correct dx of a convolution, still with its padding."""
    x, padded, w, stride, pad, dilation = cache
    dpadded = np.zeros_like(padded)
    for i, j in np.ndindex(w.shape[2:]):
        dpadded[tap(i, j, dout.shape, stride, dilation)] += np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
    return dpadded


@bug("constant-factor", AVERAGE_POOL)
def average_pool_without_the_share(dout, cache):
    x, counts, kernel, stride, pad = cache
    dx = np.zeros_like(x)
    for i, j in np.ndindex(kernel, kernel):
        dx[tap(i, j, dout.shape, stride)] += dout
    return dx


@bug("constant-factor", GLOBAL_AVERAGE_POOL)
def global_average_pool_divided_by_the_height_alone(dout, shape):
    return np.broadcast_to(dout[:, :, None, None] / shape[2], shape).copy()


@bug("constant-factor", UPSAMPLE)
def upsample_averages_the_copies(dout, cache):
    (N, C, H, W), factor = cache
    return dout.reshape(N, C, H, factor, W, factor).mean(axis=(3, 5))


@bug("transposed", CONV_SQUARE)
def conv_dw_with_filters_and_channels_swapped(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    return dx, dw.transpose(1, 0, 2, 3), db


@bug("transposed", CONV)
def conv_dx_with_the_kernel_not_flipped(dout, cache):
    """dx as a convolution of the padded dout, for which the kernel has to be turned by 180 degrees."""
    x, padded, w, stride, pad, dilation = cache
    _, dw, db = conv_backward(dout, cache)
    around, dx = padded_by(dout, 1), np.zeros_like(x)
    for i, j in np.ndindex(3, 3):
        dx += np.einsum("nfhw,fc->nchw", around[tap(i, j, x.shape)], w[:, :, i, j])
    return dx, dw, db


@bug("transposed", CONV)
def conv_dx_with_rows_and_columns_swapped(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    return dx.swapaxes(2, 3), dw, db


@bug("missing-mask", MAX_POOL)
def max_pool_hands_dout_to_the_whole_window(dout, cache):
    return dout.repeat(2, axis=2).repeat(2, axis=3)


@bug("missing-mask", CONV_RELU_POOL)
def conv_relu_pool_forgets_the_relu(dout, cache):
    conv_cache, scores, pool_cache = cache
    return conv_backward(max_pool_backward(dout, pool_cache), conv_cache)


@bug("wrong-mask", MAX_POOL, inputs=whole_numbers)
def max_pool_hands_dout_to_every_tie(dout, cache):
    x, windows, kernel, stride = cache
    dx = np.zeros_like(x)
    for i, j in np.ndindex(kernel, kernel):
        dx[tap(i, j, dout.shape, stride)] += dout * (windows[i * kernel + j] == windows.max(axis=0))
    return dx


@bug("wrong-mask", MAX_POOL, also=("transposed",))
def max_pool_takes_its_switch_apart_the_wrong_way(dout, cache):
    x, windows, kernel, stride = cache
    winner, dx = windows.argmax(axis=0), np.zeros_like(x)
    for i, j in np.ndindex(kernel, kernel):
        dx[tap(i, j, dout.shape, stride)] += dout * (winner == j * kernel + i)
    return dx


@bug("not-accumulated", MAX_POOL_OVERLAP)
def max_pool_overlapping_windows_assigned(dout, cache):
    x, windows, kernel, stride = cache
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(dout.shape):
        r, s = divmod(windows[:, n, c, i, j].argmax(), kernel)
        dx[n, c, i * stride + r, j * stride + s] = dout[n, c, i, j]
    return dx


@bug("not-accumulated", CONV)
def conv_dx_assigned_by_each_window(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    dpadded = np.zeros_like(padded)
    for i, j in np.ndindex(dout.shape[2:]):
        dpadded[:, :, i : i + 3, j : j + 3] = np.einsum("nf,fcij->ncij", dout[:, :, i, j], w)
    _, dw, db = conv_backward(dout, cache)
    return cropped(dpadded, pad, x), dw, db


@bug("not-accumulated", CONV_STRIDE)
def conv_dw_of_the_last_image(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    dx, dw, db = conv_backward(dout, cache)
    for n in range(len(x)):
        for i, j in np.ndindex(w.shape[2:]):
            seen = padded[n : n + 1][tap(i, j, dout.shape, stride)]
            dw[:, :, i, j] = np.einsum("nfhw,nchw->fc", dout[n : n + 1], seen)
    return dx, dw, db


@bug("not-accumulated", AVERAGE_POOL_PAD)
def average_pool_overlapping_windows_assigned(dout, cache):
    x, counts, kernel, stride, pad = cache
    dpadded = np.zeros_like(padded_by(x, pad))
    for i, j in np.ndindex(kernel, kernel):
        dpadded[tap(i, j, dout.shape, stride)] = dout / counts
    return cropped(dpadded, pad, x)


@bug("border", CONV)
def conv_padding_cropped_one_pixel_off(dout, cache):
    x = cache[0]
    _, dw, db = conv_backward(dout, cache)
    return cropped(dx_of(dout, cache), 2, x), dw, db


@bug("border", CONV)
def conv_last_row_of_windows_left_out(dout, cache):
    dout = dout.copy()
    _, _, db = conv_backward(dout, cache)
    dout[:, :, -1] = 0
    dx, dw, _ = conv_backward(dout, cache)
    return dx, dw, db


@bug("border", CONV)
def conv_top_row_of_the_first_image_lost(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    dx[0, :, 0] = 0
    return dx, dw, db


@bug("border", AVERAGE_POOL_PAD)
def average_pool_counts_the_padding(dout, cache):
    x, counts, kernel, stride, pad = cache
    dpadded = np.zeros_like(padded_by(x, pad))
    for i, j in np.ndindex(kernel, kernel):
        dpadded[tap(i, j, dout.shape, stride)] += dout / kernel**2
    return cropped(dpadded, pad, x)


@bug("border", EDGE_PAD)
def edge_padding_not_folded_back(dout, shape):
    return dout[:, :, 1:-1, 1:-1].copy()


@bug("stride", CONV_STRIDE)
def conv_dx_ignores_the_stride(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    _, dw, db = conv_backward(dout, cache)
    return cropped(dx_of(dout, (x, padded, w, 1, pad, dilation)), pad, x), dw, db


@bug("stride", CONV_RAGGED)
def conv_dw_ignores_the_stride(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    dx, _, db = conv_backward(dout, cache)
    _, dw, _ = conv_backward(dout, (x, padded, w, 1, pad, dilation))
    return dx, dw, db


@bug("stride", MAX_POOL_OVERLAP)
def max_pool_steps_by_the_kernel(dout, cache):
    x, windows, kernel, stride = cache
    winner, dx = windows.argmax(axis=0), np.zeros((*x.shape[:2], 9, 9))
    for i, j in np.ndindex(kernel, kernel):
        dx[tap(i, j, dout.shape, kernel)] += dout * (winner == i * kernel + j)
    return dx[:, :, :7, :7]


@bug("stride", CONV_DILATED)
def conv_ignores_the_dilation(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    return conv_backward(dout, (x, padded, w, stride, pad, 1))


@bug("stride", CONV_TRANSPOSE)
def transposed_conv_ignores_the_stride(dout, cache):
    x, w, stride, pad = cache
    return conv_transpose_backward(dout, (x, w, 1, pad))


@bug("stride", UPSAMPLE)
def upsample_taken_for_tiling(dout, cache):
    (N, C, H, W), factor = cache
    return dout.reshape(N, C, factor, H, factor, W).sum(axis=(2, 4))


def out_conv_forward(x, w, b, pad=1):
    out, (x, _, w, *rest) = conv_forward(x, w, b, pad=pad)
    return out, (x, padded_by(out, pad), w, *rest)


@bug("wrong-cache-variable", CONV_SQUARE, forward=out_conv_forward)
def conv_dw_from_out(dout, cache):
    return conv_backward(dout, cache)


@bug("mutates", MAX_POOL)
def max_pool_crosses_out_the_winner_in_the_cache(dout, cache):
    x, windows, kernel, stride = cache
    dx = max_pool_backward(dout, cache)
    np.put_along_axis(windows, windows.argmax(axis=0)[None], -np.inf, axis=0)
    return dx


@bug("mutates", CONV_RELU_POOL)
def conv_relu_pool_turns_scores_into_a_mask(dout, cache):
    conv_cache, scores, pool_cache = cache
    scores[scores < 0] = 0
    scores[scores > 0] = 1
    return conv_backward(max_pool_backward(dout, pool_cache) * scores, conv_cache)


@bug("wrong-shape", CONV)
def conv_dx_with_its_padding(dout, cache):
    _, dw, db = conv_backward(dout, cache)
    return dx_of(dout, cache), dw, db


@bug("wrong-dtype", CONV)
def conv_dx_in_a_float32_buffer(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    dpadded = np.zeros(padded.shape, np.float32)
    for i, j in np.ndindex(w.shape[2:]):
        dpadded[tap(i, j, dout.shape)] += np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
    _, dw, db = conv_backward(dout, cache)
    return cropped(dpadded, pad, x), dw, db


buffer = np.zeros((2, 3, 7, 7))


def buffered_conv_forward(x, w, b, stride=1, pad=1, dilation=1):
    buffer[:] = padded_by(x, pad)
    out = np.zeros((len(x), len(w), *x.shape[2:]), x.dtype) + b[:, None, None]
    for i, j in np.ndindex(w.shape[2:]):
        out += np.einsum("nchw,fc->nfhw", buffer[tap(i, j, out.shape)], w[:, :, i, j])
    return out, (x, buffer, w, stride, pad, dilation)


@bug("nondeterministic", CONV, also=("mutates",), forward=buffered_conv_forward)
def conv_caches_a_buffer_that_it_uses_again(dout, cache):
    return conv_backward(dout, cache)


@bug("zero-gradient", CONV)
def conv_dx_collected_in_a_copy(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    dx = np.zeros_like(x)
    dpadded = padded_by(dx, pad)
    for i, j in np.ndindex(w.shape[2:]):
        dpadded[tap(i, j, dout.shape)] += np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
    _, dw, db = conv_backward(dout, cache)
    return dx, dw, db


@bug("zero-gradient", MAX_POOL)
def max_pool_looks_for_dout_in_the_window(dout, cache):
    x, windows, kernel, stride = cache
    dx = np.zeros_like(x)
    for i, j in np.ndindex(kernel, kernel):
        dx[tap(i, j, dout.shape, stride)] += dout * (windows[i * kernel + j] == dout)
    return dx


@bug("transposed", LOCAL_CONV)
def locally_connected_places_transposed(dout, cache):
    x, w = cache
    dx, dw, db = local_conv_backward(dout, cache)
    return dx, dw.swapaxes(4, 5), db


@bug("wrong-mask", MAX_POOL_OVERLAP, inputs=lambda rng: (rng.integers(0, 2, (1, 2, 7, 7)).astype(float),))
def max_pool_of_bits_every_winner_paid(dout, cache):
    x, windows, kernel, stride = cache
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(dout.shape):
        window = (n, c, slice(i * stride, i * stride + kernel), slice(j * stride, j * stride + kernel))
        dx[window] += dout[n, c, i, j] * (x[window] == x[window].max())
    return dx


@bug("not-accumulated", LOCAL_CONV)
def locally_connected_dx_assigned_by_each_place(dout, cache):
    x, w = cache
    _, dw, db = local_conv_backward(dout, cache)
    dx = np.zeros_like(x)
    for i, j in np.ndindex(dout.shape[2:]):
        dx[:, :, i : i + 2, j : j + 2] = np.einsum("nf,fckl->nckl", dout[:, :, i, j], w[..., i, j])
    return dx, dw, db


@bug("border", EDGE_PAD)
def edge_padding_corners_lost(dout, shape):
    dout = dout.copy()
    dout[:, :, [0, 0, -1, -1], [0, -1, 0, -1]] = 0
    return edge_pad_backward(dout, shape)


@bug("border", CONV_TRANSPOSE)
def transposed_conv_last_column_lost(dout, cache):
    x, w, stride, pad = cache
    dx, dw, db = conv_transpose_backward(dout, cache)
    dx[..., -1] = 0
    return dx, dw, db


@bug("stride", CONV_TRANSPOSE)
def transposed_conv_dw_ignores_the_stride(dout, cache):
    x, w, stride, pad = cache
    dx, _, db = conv_transpose_backward(dout, cache)
    return dx, conv_transpose_backward(dout, (x, w, 1, pad))[1], db
