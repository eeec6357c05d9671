"""More wrong backward passes of convolutions: transposed, standardised, masked, shared, grouped and dilated."""

import numpy as np

from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families import late_layers_convolutions as C
from tests.gradcheck.planted_families.case import planting
from tests.gradcheck.planted_families.images import cropped, tap

LATE_CONVOLUTIONS_MORE = []
bug = planting(LATE_CONVOLUTIONS_MORE)


@bug("stride", C.TRANSPOSE1D)
def transposed_convolution_in_time_read_at_the_wrong_step(dout, cache):
    x, w, stride, crop = cache
    _, dw, db = C.transpose1d_backward(dout, cache)
    dpainted, dx = np.pad(dout, ((0, 0), (0, 0), (crop, 0))), np.zeros_like(x)
    for t in range(x.shape[2]):
        start = t * (stride - 1)
        dx[:, :, t] = np.einsum("nck,fck->nf", dpainted[:, :, start : start + w.shape[2]], w)
    return dx, dw, db


@bug("border", C.TRANSPOSE1D, also=("stride",))
def transposed_convolution_in_time_padded_at_the_wrong_end(dout, cache):
    x, w, stride, crop = cache
    dpainted = np.pad(dout, ((0, 0), (0, 0), (0, crop)))
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for t in range(x.shape[2]):
        seen = dpainted[:, :, t * stride : t * stride + w.shape[2]]
        dx[:, :, t] = np.einsum("nck,fck->nf", seen, w)
        dw += np.einsum("nf,nck->fck", x[:, :, t], seen)
    return dx, dw, dout.sum(axis=(0, 2))


@bug("not-accumulated", C.TRANSPOSE1D)
def transposed_convolution_in_time_whose_filters_see_one_step(dout, cache):
    x, w, stride, crop = cache
    dx, dw, db = C.transpose1d_backward(dout, cache)
    dpainted = np.pad(dout, ((0, 0), (0, 0), (crop, 0)))
    for t in range(x.shape[2]):
        dw = np.einsum("nf,nck->fck", x[:, :, t], dpainted[:, :, t * stride : t * stride + w.shape[2]])
    return dx, dw, db


@bug("constant-factor", C.TRANSPOSE1D)
def transposed_convolution_in_time_divided_by_its_stride(dout, cache):
    dx, dw, db = C.transpose1d_backward(dout, cache)
    return dx / cache[2], dw, db


@bug("transposed", C.TRANSPOSE_TIGHT)
def transposed_convolution_with_its_channels_exchanged(dout, cache):
    x, w, stride, pad = cache
    _, dw, db = I.conv_transpose_backward(dout, cache)
    dpainted, dx = I.padded_by(dout, pad), np.zeros_like(x)
    for i, j in np.ndindex(w.shape[2:]):
        dx += np.einsum("nchw,cf->nfhw", dpainted[tap(i, j, x.shape, stride)], w[:, :, i, j])
    return dx, dw, db


@bug("border", I.CONV_TRANSPOSE, also=("missing-term",))
def transposed_convolution_bias_without_the_rim(dout, cache):
    dx, dw, _ = I.conv_transpose_backward(dout, cache)
    return dx, dw, dout[:, :, 1:-1, 1:-1].sum(axis=(0, 2, 3))


@bug("missing-term", C.STANDARDISED)
def standardised_filters_without_the_path_through_the_deviation(dout, cache):
    hat, std, inner = cache
    dx, dw, db = I.conv_backward(dout, inner)
    dhat = dw.reshape(hat.shape)
    return dx, ((dhat - dhat.mean(axis=1, keepdims=True)) / std).reshape(dw.shape), db


@bug("missing-term", C.STANDARDISED)
def standardised_filters_without_the_path_through_the_mean(dout, cache):
    hat, std, inner = cache
    dx, dw, db = I.conv_backward(dout, inner)
    dhat = dw.reshape(hat.shape)
    return dx, ((dhat - hat * (dhat * hat).mean(axis=1, keepdims=True)) / std).reshape(dw.shape), db


@bug("sign", C.STANDARDISED)
def standardised_filters_that_add_the_share_of_the_deviation(dout, cache):
    hat, std, inner = cache
    dx, dw, db = I.conv_backward(dout, inner)
    dhat = dw.reshape(hat.shape)
    mean, share = dhat.mean(axis=1, keepdims=True), (dhat * hat).mean(axis=1, keepdims=True)
    return dx, ((dhat - mean + hat * share) / std).reshape(dw.shape), db


def remembering_filters_forward(x, w, b):
    out, cache = C.standardised_conv_forward(x, w, b)
    return out, (w, cache)


@bug("wrong-cache-variable", C.STANDARDISED, forward=remembering_filters_forward)
def standardised_filters_whose_image_gradient_takes_the_raw_ones(dout, cache):
    w, (hat, std, (x, padded, _, *rest)) = cache
    _, dw, db = C.standardised_conv_backward(dout, cache[1])
    return I.conv_backward(dout, (x, padded, w, *rest))[0], dw, db


@bug("missing-mask", C.MASKED_CONV)
def masked_filters_that_learn_beyond_their_mask(dout, cache):
    return I.conv_backward(dout, cache[1])


@bug("wrong-mask", C.MASKED_CONV)
def masked_filters_that_let_their_centre_learn(dout, cache):
    mask, inner = cache
    dx, dw, db = I.conv_backward(dout, inner)
    places = np.arange(mask.size).reshape(mask.shape)
    return dx, dw * (places <= mask.size // 2), db


@bug("zero-gradient", C.MASKED_CONV)
def masked_filters_whose_bias_does_not_learn(dout, cache):
    dx, dw, db = C.masked_conv_backward(dout, cache)
    return dx, dw, np.zeros_like(db)


@bug("not-accumulated", C.TIED_CONV, also=("missing-term",))
def filters_used_twice_that_learn_from_their_first_use(dout, cache):
    first, cache1, cache2 = cache
    dmiddle, dw, _ = I.conv_backward(dout, cache2)
    dx, dw, _ = I.conv_backward(dmiddle * (first > 0), cache1)
    return dw, dx


@bug("missing-term", C.TIED_CONV, also=("not-accumulated",))
def filters_used_twice_that_learn_from_their_second_use(dout, cache):
    _, dx = C.tied_conv_backward(dout, cache)
    return I.conv_backward(dout, cache[2])[1], dx


@bug("missing-mask", C.TIED_CONV)
def filters_used_twice_without_relu_on_the_way_back(dout, cache):
    _, cache1, cache2 = cache
    dmiddle, dw2, _ = I.conv_backward(dout, cache2)
    dx, dw1, _ = I.conv_backward(dmiddle, cache1)
    return dw1 + dw2, dx


@bug("wrong-mask", C.TIED_CONV)
def filters_used_twice_masked_by_the_sign_of_the_gradient(dout, cache):
    _, cache1, cache2 = cache
    dmiddle, dw2, _ = I.conv_backward(dout, cache2)
    dx, dw1, _ = I.conv_backward(np.maximum(dmiddle, 0), cache1)
    return dw1 + dw2, dx


@bug("wrong-cache-variable", C.TIED_CONV, also=("missing-mask",))
def filters_used_twice_that_see_the_scores_before_relu(dout, cache):
    first, cache1, cache2 = cache
    x, _, w, stride, pad, dilation = cache2
    dw2 = I.conv_backward(dout, (x, I.padded_by(first, pad), w, stride, pad, dilation))[1]
    dmiddle = I.conv_backward(dout, cache2)[0]
    dx, dw1, _ = I.conv_backward(dmiddle * (first > 0), cache1)
    return dw1 + dw2, dx


@bug("mutates", C.TIED_CONV)
def filters_used_twice_that_mask_their_cached_scores(dout, cache):
    first, cache1, cache2 = cache
    dmiddle, dw2, _ = I.conv_backward(dout, cache2)
    np.greater(first, 0, out=first)
    dx, dw1, _ = I.conv_backward(dmiddle * first, cache1)
    return dw1 + dw2, dx


@bug("transposed", C.GROUPS_STRIDE, also=("stride",))
def grouped_convolution_that_interleaves_its_channels(dout, caches):
    dx, dw, db = I.grouped_conv_backward(dout, caches)
    N, channels, H, W = dx.shape
    return dx.reshape(N, len(caches), -1, H, W).swapaxes(1, 2).reshape(N, channels, H, W), dw, db


@bug("wrong-cache-variable", I.CONV_GROUPS)
def grouped_convolution_that_uses_the_last_share_for_all(dout, caches):
    dx, dw, db = I.grouped_conv_backward(dout, caches)
    douts = np.split(dout, len(caches), axis=1)
    last = caches[-1]
    return dx, np.concatenate([I.conv_backward(share, last)[1] for share in douts]), db


@bug("zero-gradient", C.GROUPS_STRIDE)
def grouped_convolution_whose_filters_are_kept_in_a_copy(dout, caches):
    dx, dw, db = I.grouped_conv_backward(dout, caches)
    grads = np.zeros_like(dw)
    for share, cache in zip(np.split(dout, len(caches), axis=1), caches):
        for grad in np.split(grads.copy(), len(caches)):
            grad += I.conv_backward(share, cache)[1]
    return dx, grads, db


@bug("stride", C.DILATED_STRIDE)
def dilated_convolution_with_stride_and_dilation_exchanged(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    _, dw, db = I.conv_backward(dout, cache)
    wide = np.zeros((*padded.shape[:2], 20, 20))
    for i, j in np.ndindex(w.shape[2:]):
        wide[tap(i, j, dout.shape, dilation, stride)] += np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
    return cropped(wide, pad, x), dw, db


@bug("stride", I.CONV_DILATED)
def dilated_convolution_whose_filters_see_neighbouring_pixels(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    dx, dw, db = I.conv_backward(dout, cache)
    for i, j in np.ndindex(w.shape[2:]):
        dw[:, :, i, j] = np.einsum("nfhw,nchw->fc", dout, padded[tap(i, j, dout.shape, stride)])
    return dx, dw, db


@bug("border", I.CONV, also=("missing-term",))
def convolution_that_loses_its_last_column(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    _, dw, db = I.conv_backward(dout, cache)
    dpadded, K = np.zeros_like(padded), w.shape[2]
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3] - 1):
            dpadded[:, :, i : i + K, j : j + K] += np.einsum("nf,fckl->nckl", dout[:, :, i, j], w)
    return cropped(dpadded, pad, x), dw, db


@bug("wrong-dtype", I.CONV_STRIDE)
def strided_convolution_in_half_precision(dout, cache):
    dx, dw, db = I.conv_backward(dout, cache)
    return dx.astype(np.float16).astype(np.float64), dw, db


@bug("constant-factor", I.CONV_VALID)
def convolution_whose_bias_averages_over_the_pixels(dout, cache):
    dx, dw, _ = I.conv_backward(dout, cache)
    return dx, dw, dout.mean(axis=(2, 3)).sum(axis=0)
