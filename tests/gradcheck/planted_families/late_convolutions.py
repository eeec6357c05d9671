"""Wrong backward passes of convolutions: depthwise, grouped, dilated, in time, by columns and transposed."""

import numpy as np

from tests.gradcheck.planted_families import late_layers_convolutions as C
from tests.gradcheck.planted_families.case import forgetting, planting
from tests.gradcheck.planted_families.images import cropped, padded_by, tap

LATE_CONVOLUTIONS = []
bug = planting(LATE_CONVOLUTIONS)


@bug("constant-factor", C.DEPTHWISE)
def depthwise_convolution_whose_bias_gets_the_mean(dout, cache):
    dx, dw, _ = C.depthwise_backward(dout, cache)
    return dx, dw, dout.mean(axis=(0, 2, 3))


@bug("not-accumulated", C.DEPTHWISE)
def depthwise_convolution_that_overwrites_overlapping_pixels(dout, cache):
    x, padded, w, stride, pad = cache
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for i, j in np.ndindex(w.shape[1:]):
        here = tap(i, j, dout.shape, stride)
        dw[:, i, j] = (dout * padded[here]).sum(axis=(0, 2, 3))
        dpadded[here] = dout * w[:, i, j, None, None]
    return cropped(dpadded, pad, x), dw, dout.sum(axis=(0, 2, 3))


@bug("not-accumulated", C.DEPTHWISE)
def depthwise_filters_that_learn_from_the_last_image_only(dout, cache):
    dx, dw, db = C.depthwise_backward(dout, cache)
    _, padded, w, stride, _ = cache
    for n in range(len(dout)):
        for i, j in np.ndindex(w.shape[1:]):
            dw[:, i, j] = (dout[n] * padded[tap(i, j, dout.shape, stride)][n]).sum(axis=(1, 2))
    return dx, dw, db


@bug("stride", C.DEPTHWISE_STRIDE)
def depthwise_convolution_that_paints_its_pixels_side_by_side(dout, cache):
    x, padded, w, stride, pad = cache
    _, dw, db = C.depthwise_backward(dout, cache)
    dpadded = np.zeros_like(padded)
    for i, j in np.ndindex(w.shape[1:]):
        dpadded[tap(i, j, dout.shape)] += dout * w[:, i, j, None, None]
    return cropped(dpadded, pad, x), dw, db


@bug("border", C.DEPTHWISE_STRIDE, also=("missing-term",))
def depthwise_convolution_whose_last_windows_are_not_sent_back(dout, cache):
    x, padded, w, stride, pad = cache
    _, dw, db = C.depthwise_backward(dout, cache)
    dpadded, KH, KW = np.zeros_like(padded), *w.shape[1:]
    for i in range(0, x.shape[2] - KH + 1, stride):
        for j in range(0, x.shape[3] - KW + 1, stride):
            dpadded[:, :, i : i + KH, j : j + KW] += dout[:, :, i // stride, j // stride, None, None] * w
    return cropped(dpadded, pad, x), dw, db


@bug("wrong-dtype", C.DEPTHWISE)
def depthwise_convolution_that_collects_its_filters_in_single_precision(dout, cache):
    x, padded, w, stride, pad = cache
    dx, _, db = C.depthwise_backward(dout, cache)
    dw = np.zeros(w.shape, np.float32)
    for i, j in np.ndindex(w.shape[1:]):
        dw[:, i, j] = (dout * padded[tap(i, j, dout.shape, stride)]).sum(axis=(0, 2, 3))
    return dx, dw, db


@bug("wrong-cache-variable", C.SEPARABLE)
def separable_convolution_whose_mixing_sees_the_image(dout, cache):
    dx, ddepth, _, db = C.separable_backward(dout, cache)
    x = cache[2][0]
    return dx, ddepth, np.einsum("nfhw,nchw->fc", dout, x), db


@bug("transposed", C.SEPARABLE)
def separable_convolution_whose_mixing_gradient_is_turned(dout, cache):
    dx, ddepth, _, db = C.separable_backward(dout, cache)
    return dx, ddepth, np.einsum("nfhw,nchw->cf", dout, cache[0]), db


@bug("transposed", C.SEPARABLE)
def separable_convolution_that_goes_back_through_the_mixing_unturned(dout, cache):
    middle, point, inner = cache
    dx, ddepth, _ = C.depthwise_backward(np.einsum("nfhw,cf->nchw", dout, point), inner)
    return dx, ddepth, np.einsum("nfhw,nchw->fc", dout, middle), dout.sum(axis=(0, 2, 3))


@bug("wrong-cache-variable", C.SEPARABLE)
def separable_convolution_whose_depth_filters_see_the_mixed_image(dout, cache):
    middle, point, inner = cache
    x, padded, w, stride, pad = inner
    dx, ddepth, _ = C.depthwise_backward(
        np.einsum("nfhw,fc->nchw", dout, point), (x, padded_by(middle, pad), w, stride, pad)
    )
    return dx, ddepth, np.einsum("nfhw,nchw->fc", dout, middle), dout.sum(axis=(0, 2, 3))


@bug("border", C.CAUSAL_CONV, also=("stride",))
def causal_convolution_cropped_at_the_wrong_end(dout, cache):
    w, x, padded, dilation = cache
    T = dout.shape[1]
    dw, dpadded = np.zeros_like(w), np.zeros_like(padded)
    for k in range(len(w)):
        here = slice(k * dilation, k * dilation + T)
        dw[k] = np.einsum("ntc,ntf->cf", padded[:, here], dout)
        dpadded[:, here] += dout @ w[k].T
    return dw, dpadded[:, :T], dout.sum(axis=(0, 1))


@bug("stride", C.CAUSAL_CONV)
def causal_convolution_that_forgets_its_dilation_on_the_way_back(dout, cache):
    w, x, padded, dilation = cache
    T = dout.shape[1]
    dw, dpadded = np.zeros_like(w), np.zeros_like(padded)
    for k in range(len(w)):
        dw[k] = np.einsum("ntc,ntf->cf", padded[:, k * dilation : k * dilation + T], dout)
        start = padded.shape[1] - T - (len(w) - 1 - k)
        dpadded[:, start : start + T] += dout @ w[k].T
    return dw, dpadded[:, -T:], dout.sum(axis=(0, 1))


@bug("transposed", C.CAUSAL_CONV_SQUARE)
def causal_convolution_through_unturned_filters(dout, cache):
    w, x, padded, dilation = cache
    dw, _, db = C.causal_conv_backward(dout, cache)
    dpadded = np.zeros_like(padded)
    for k in range(len(w)):
        dpadded[:, k * dilation : k * dilation + dout.shape[1]] += dout @ w[k]
    return dw, dpadded[:, -dout.shape[1] :], db


@bug("mutates", C.CAUSAL_CONV)
def causal_convolution_that_reuses_the_padded_sequence(dout, cache):
    w, x, padded, dilation = cache
    dw, _, db = C.causal_conv_backward(dout, cache)
    dpadded = padded
    dpadded.fill(0)
    for k in range(len(w)):
        dpadded[:, k * dilation : k * dilation + dout.shape[1]] += dout @ w[k].T
    return dw, dpadded[:, -dout.shape[1] :].copy(), db


@bug("constant-factor", C.CAUSAL_CONV)
def causal_convolution_whose_filters_are_averaged_over_the_batch(dout, cache):
    dw, dx, db = C.causal_conv_backward(dout, cache)
    return dw / len(dout), dx, db


@bug("wrong-shape", C.CAUSAL_CONV)
def causal_convolution_with_a_bias_for_each_time(dout, cache):
    dw, dx, _ = C.causal_conv_backward(dout, cache)
    return dw, dx, dout.sum(axis=0)


@bug("not-accumulated", C.CONV1D)
def convolution_in_time_that_keeps_one_window_for_each_step(dout, cache):
    x, w, stride = cache
    dx, (_, dw, db) = np.zeros_like(x), C.conv1d_backward(dout, cache)
    for t in range(dout.shape[2]):
        dx[:, :, t * stride : t * stride + w.shape[2]] = np.einsum("nf,fck->nck", dout[:, :, t], w)
    return dx, dw, db


@bug("not-accumulated", C.CONV1D)
def convolution_in_time_whose_filters_see_the_last_window(dout, cache):
    x, w, stride = cache
    dx, dw, db = C.conv1d_backward(dout, cache)
    for t in range(dout.shape[2]):
        dw = np.einsum("nf,nck->fck", dout[:, :, t], x[:, :, t * stride : t * stride + w.shape[2]])
    return dx, dw, db


@bug("zero-gradient", C.CONV1D)
def convolution_in_time_that_fills_a_copy(dout, cache):
    x, w, stride = cache
    dx, (_, dw, db) = np.zeros_like(x), C.conv1d_backward(dout, cache)
    for t in range(dout.shape[2]):
        window = dx[:, :, t * stride : t * stride + w.shape[2]].copy()
        window += np.einsum("nf,fck->nck", dout[:, :, t], w)
    return dx, dw, db


@bug("stride", C.CONV1D_GAPS)
def convolution_in_time_that_closes_its_gaps(dout, cache):
    x, w, stride = cache
    dx, (_, dw, db) = np.zeros_like(x), C.conv1d_backward(dout, cache)
    for t in range(dout.shape[2]):
        dx[:, :, t * w.shape[2] : (t + 1) * w.shape[2]] += np.einsum("nf,fck->nck", dout[:, :, t], w)
    return dx, dw, db


@bug("transposed", C.COLUMN_CONV)
def columns_of_images_and_filters_in_the_wrong_order(dout, cache):
    x, w, columns, shape, stride = cache
    rows = dout.reshape(len(w), -1)
    dcolumns = w.reshape(len(w), -1).T @ rows
    dw = (rows @ columns.T).reshape(w.shape)
    return C.image_of(dcolumns, x, *w.shape[2:], stride, shape), dw, dout.sum(axis=(0, 2, 3))


@bug("transposed", C.COLUMN_CONV_EVEN)
def columns_whose_taps_come_before_their_channels(dout, cache):
    x, w, columns, shape, stride = cache
    rows = dout.transpose(1, 0, 2, 3).reshape(len(w), -1)
    dw = (rows @ columns.T).reshape(w.shape)
    weights = w.transpose(0, 2, 3, 1).reshape(len(w), -1)
    return C.image_of(weights.T @ rows, x, *w.shape[2:], stride, shape), dw, rows.sum(axis=1)


@bug("not-accumulated", C.COLUMN_CONV)
def columns_put_back_without_adding(dout, cache):
    x, w, columns, (N, channels, OH, OW), stride = cache
    _, dw, db = C.column_conv_backward(dout, cache)
    rows = dout.transpose(1, 0, 2, 3).reshape(len(w), -1)
    patches = (w.reshape(len(w), -1).T @ rows).reshape(channels, -1, N, OH, OW).transpose(1, 2, 0, 3, 4)
    dx = np.zeros_like(x)
    for patch, (i, j) in zip(patches, np.ndindex(w.shape[2:])):
        dx[tap(i, j, dout.shape, stride)] = patch
    return dx, dw, db


@bug("wrong-shape", C.COLUMN_CONV)
def columns_whose_filters_stay_flat(dout, cache):
    dx, dw, db = C.column_conv_backward(dout, cache)
    return dx, dw.reshape(len(dw), -1), db


column_buffer = {}


@bug("nondeterministic", C.COLUMN_CONV_EVEN, inputs=forgetting(column_buffer, C.COLUMN_CONV_EVEN.inputs))
def columns_added_to_an_image_that_is_never_cleared(dout, cache):
    x, w, columns, shape, stride = cache
    _, dw, db = C.column_conv_backward(dout, cache)
    image = column_buffer.setdefault(x.shape, np.zeros_like(x))
    rows = dout.transpose(1, 0, 2, 3).reshape(len(w), -1)
    image += C.image_of(w.reshape(len(w), -1).T @ rows, x, *w.shape[2:], stride, shape)
    return image.copy(), dw, db


@bug("border", C.LAST_CONV, also=("stride",))
def channels_last_convolution_cropped_by_the_wrong_side(dout, cache):
    x, padded, w, stride, pads = cache
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    OH, OW = dout.shape[1:3]
    for i, j in np.ndindex(w.shape[:2]):
        rows, columns = slice(i, i + stride[0] * (OH - 1) + 1, stride[0]), slice(j, j + OW, stride[1])
        dw[i, j] = np.einsum("nhwc,nhwf->cf", padded[:, rows, columns], dout)
        dpadded[:, rows, columns] += dout @ w[i, j].T
    (_, bottom), (_, right) = pads
    return dpadded[:, bottom : bottom + x.shape[1], right : right + x.shape[2]], dw


@bug("transposed", C.LAST_CONV)
def channels_last_convolution_with_rows_and_columns_of_its_filters_swapped(dout, cache):
    dx, dw = C.last_conv_backward(dout, cache)
    return dx, dw.swapaxes(0, 1)


@bug("wrong-shape", C.LAST_CONV)
def channels_last_convolution_that_keeps_its_padding(dout, cache):
    x, padded, w, stride, pads = cache
    _, dw = C.last_conv_backward(dout, cache)
    dpadded, (OH, OW) = np.zeros_like(padded), dout.shape[1:3]
    for i, j in np.ndindex(w.shape[:2]):
        dpadded[:, i : i + 2 * OH - 1 : 2, j : j + OW] += dout @ w[i, j].T
    return dpadded, dw
