"""Correct normalisations of images, resampling, padding and blocks of image networks, as functions."""

import numpy as np

from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families.images import conv_backward, conv_forward
from tests.gradcheck.planted_families.normalization import column


def instance_norm_forward(x, gamma, beta, eps=1e-5):
    centred = x - x.mean(axis=(2, 3), keepdims=True)
    std = np.sqrt((centred**2).mean(axis=(2, 3), keepdims=True) + eps)
    x_hat = centred / std
    return column(gamma) * x_hat + column(beta), (x, x_hat, gamma, std)


def instance_norm_backward(dout, cache):
    x, x_hat, gamma, std = cache
    dx_hat = dout * column(gamma)
    through_mean = dx_hat.mean(axis=(2, 3), keepdims=True)
    through_var = x_hat * (dx_hat * x_hat).mean(axis=(2, 3), keepdims=True)
    dx = (dx_hat - through_mean - through_var) / std
    return dx, (dout * x_hat).sum(axis=(0, 2, 3)), dout.sum(axis=(0, 2, 3))


def volume_norm_forward(gamma, beta, x, eps=1e-5):
    """Layer norm of x: (N, H, W, C) over all but N, with a gamma and beta for every place: (H, W, C)."""
    centred = x - x.mean(axis=(1, 2, 3), keepdims=True)
    inverse = (((centred**2).mean(axis=(1, 2, 3), keepdims=True)) + eps) ** -0.5
    x_hat = centred * inverse
    return gamma * x_hat + beta, (x_hat, gamma, inverse)


def volume_norm_backward(dout, cache):
    x_hat, gamma, inverse = cache
    dx_hat, axes = dout * gamma, (1, 2, 3)
    shift = dx_hat.mean(axis=axes, keepdims=True) + x_hat * (dx_hat * x_hat).mean(axis=axes, keepdims=True)
    return (dout * x_hat).sum(axis=0), dout.sum(axis=0), inverse * (dx_hat - shift)


def step_norm_forward(x, gamma, beta, eps=1e-2):
    """Batch norm of x: (N, H, W, C) step by step, as a graph."""
    rows = x.reshape(-1, x.shape[-1])
    centred = rows - rows.mean(axis=0)
    var = (centred**2).mean(axis=0)
    std = np.sqrt(var + eps)
    inverse = 1 / std
    x_hat = centred * inverse
    return (gamma * x_hat + beta).reshape(x.shape), (x, centred, var, std, inverse, x_hat, gamma, eps)


def step_norm_backward(dout, cache):
    x, centred, var, std, inverse, x_hat, gamma, eps = cache
    drows = dout.reshape(centred.shape)
    dx_hat = drows * gamma
    dinverse = (dx_hat * centred).sum(axis=0)
    dvar = -dinverse * inverse**2 * 0.5 * inverse
    dcentred = dx_hat * inverse + 2 * centred * dvar / len(centred)
    dx = dcentred - dcentred.mean(axis=0)
    return dx.reshape(x.shape), (drows * x_hat).sum(axis=0), drows.sum(axis=0)


def standard_conv_forward(x, w, eps=1e-5):
    """A convolution whose filters are standardised one by one: weight standardisation."""
    flat = w.reshape(len(w), -1)
    centred = flat - flat.mean(axis=1, keepdims=True)
    std = np.sqrt((centred**2).mean(axis=1, keepdims=True) + eps)
    w_hat = (centred / std).reshape(w.shape)
    out, cache = conv_forward(x, w_hat, np.zeros(len(w)), pad=1)
    return out, (cache, w, w_hat, std)


def standard_conv_backward(dout, cache):
    conv_cache, w, w_hat, std = cache
    dx, dw_hat, _ = conv_backward(dout, conv_cache)
    d, hat = dw_hat.reshape(len(w), -1), w_hat.reshape(len(w), -1)
    dw = (d - d.mean(axis=1, keepdims=True) - hat * (d * hat).mean(axis=1, keepdims=True)) / std
    return dx, dw.reshape(w.shape)


def moments(x, eps):
    centred = x - x.mean(axis=(2, 3), keepdims=True)
    std = np.sqrt((centred**2).mean(axis=(2, 3), keepdims=True) + eps)
    return centred / std, std


def adain_forward(x, style, eps=1e-5):
    """Adaptive instance norm: x is given the mean and the deviation of style, channel by channel."""
    (x_hat, x_std), (style_hat, style_std) = moments(x, eps), moments(style, eps)
    return x_hat * style_std + style.mean(axis=(2, 3), keepdims=True), (x_hat, x_std, style_hat, style_std)


def adain_backward(dout, cache):
    x_hat, x_std, style_hat, style_std = cache
    d = dout * style_std
    mean = {"axis": (2, 3), "keepdims": True}
    dx = (d - d.mean(**mean) - x_hat * (d * x_hat).mean(**mean)) / x_std
    pixels = style_hat.shape[2] * style_hat.shape[3]
    dstyle = (dout.sum(**mean) + style_hat * (dout * x_hat).sum(**mean)) / pixels
    return dx, dstyle


def pixel_norm_forward(x, eps=1e-8):
    """Each pixel's channels are divided by their root mean square."""
    rms = np.sqrt((x**2).mean(axis=1, keepdims=True) + eps)
    out = x / rms
    return out, (x, out, rms)


def pixel_norm_backward(dout, cache):
    x, out, rms = cache
    return (dout - out * (dout * out).mean(axis=1, keepdims=True)) / rms


def filter_norm_forward(x, gamma, beta, low, eps=1e-6):
    """Filter response norm with its thresholded linear unit."""
    rms = np.sqrt((x**2).mean(axis=(2, 3), keepdims=True) + eps)
    x_hat = x / rms
    y = column(gamma) * x_hat + column(beta)
    return np.maximum(y, column(low)), (x_hat, gamma, low, y, rms)


def filter_norm_backward(dout, cache):
    x_hat, gamma, low, y, rms = cache
    above = y > column(low)
    dy = dout * above
    d = dy * column(gamma)
    dx = (d - x_hat * (d * x_hat).mean(axis=(2, 3), keepdims=True)) / rms
    sums = [part.sum(axis=(0, 2, 3)) for part in (dy * x_hat, dy, dout * ~above)]
    return dx, *sums


def spatial_dropout_forward(x, mask, keep=0.7):
    """mask: (N, C) of booleans: whole channels are dropped."""
    return x * mask[:, :, None, None] / keep, (mask, keep)


def spatial_dropout_backward(dout, cache):
    mask, keep = cache
    return dout * mask[:, :, None, None] / keep


def drop_block_forward(x, mask):
    """mask: (N, H, W) of booleans, the same for all channels; the survivors of each image are scaled up."""
    scale = mask[0].size / mask.sum(axis=(1, 2)).astype(float)
    return x * mask[:, None] * scale[:, None, None, None], (mask, scale)


def drop_block_backward(dout, cache):
    mask, scale = cache
    return dout * mask[:, None] * scale[:, None, None, None]


def bilinear_matrix(length, factor):
    """Rows of weights: new pixels between the old ones' centres, clamped at the borders."""
    centres = np.clip((np.arange(length * factor) + 0.5) / factor - 0.5, 0, length - 1)
    return np.maximum(1 - abs(centres[:, None] - np.arange(length)), 0)


def bilinear_forward(x, factor=2):
    down, across = (bilinear_matrix(n, factor) for n in x.shape[2:])
    return np.einsum("ph,nchw,qw->ncpq", down, x, across), (down, across)


def bilinear_backward(dout, cache):
    down, across = cache
    return np.einsum("ph,ncpq,qw->nchw", down, dout, across)


def corners_of(x, grid):
    """For each point of grid its four pixels, their weights, and the weights' slopes down and across."""
    top, left = (np.clip(np.floor(grid[..., k]).astype(int), 0, x.shape[k + 1] - 2) for k in (0, 1))
    a, b = grid[..., 0] - top, grid[..., 1] - left
    for i, j in np.ndindex(2, 2):
        down, across = (a if i else 1 - a), (b if j else 1 - b)
        yield top + i, left + j, down * across, (2 * i - 1) * across, (2 * j - 1) * down


def grid_sample_forward(x, grid):
    """x: (C, H, W), grid: (P, Q, 2) of rows and columns inside the image: bilinear samples."""
    out = np.zeros((len(x), *grid.shape[:2]), x.dtype)
    for row, col, weight, _, _ in corners_of(x, grid):
        out += x[:, row, col] * weight
    return out, (x, grid)


def grid_sample_backward(dout, cache):
    x, grid = cache
    dx, dgrid, channels = np.zeros_like(x), np.zeros_like(grid), np.arange(len(x))[:, None, None]
    for row, col, weight, down, across in corners_of(x, grid):
        np.add.at(dx, (channels, row, col), dout * weight)
        seen = (dout * x[:, row, col]).sum(axis=0)
        dgrid[..., 0] += seen * down
        dgrid[..., 1] += seen * across
    return dx, dgrid


def draw_grid(rng):
    return rng.normal(size=(2, 4, 5)), rng.integers(0, 3, (4, 3, 2)) + rng.uniform(0.3, 0.7, (4, 3, 2))


def reflect_pad_forward(x, pad=2):
    return np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="reflect"), (x.shape, pad)


def reflect_pad_backward(dout, cache):
    shape, pad = cache
    d = dout.copy()
    for axis in (2, 3):
        d = np.moveaxis(d, axis, 0)
        n = shape[axis]
        for k in range(1, pad + 1):
            d[pad + k] += d[pad - k]
            d[pad + n - 1 - k] += d[pad + n - 1 + k]
        d = np.moveaxis(d[pad : pad + n], 0, axis)
    return d


def frame_forward(x, pads=((1, 2), (0, 3))):
    """Zeros around: above, below, to the left and to the right, each as many as is asked."""
    return np.pad(x, ((0, 0), (0, 0), *pads)), (x.shape, pads)


def frame_backward(dout, cache):
    (_, _, H, W), ((top, _), (left, _)) = cache
    return dout[:, :, top : top + H, left : left + W].copy()


def crop_forward(x, size=(3, 2)):
    """The middle of the image; what cannot be halved is left below and to the right."""
    top, left = ((n - s) // 2 for n, s in zip(x.shape[2:], size))
    return x[:, :, top : top + size[0], left : left + size[1]].copy(), (x.shape, top, left)


def crop_backward(dout, cache):
    shape, top, left = cache
    dx = np.zeros(shape)
    dx[:, :, top : top + dout.shape[2], left : left + dout.shape[3]] = dout
    return dx


def pixel_shuffle_forward(x, r=2):
    N, C, H, W = x.shape
    blocks = x.reshape(N, C // r**2, r, r, H, W)
    return blocks.transpose(0, 1, 4, 2, 5, 3).reshape(N, C // r**2, H * r, W * r), (x.shape, r)


def pixel_shuffle_backward(dout, cache):
    (N, C, H, W), r = cache
    blocks = dout.reshape(N, C // r**2, H, r, W, r)
    return blocks.transpose(0, 1, 3, 5, 2, 4).reshape(N, C, H, W)


def channel_shuffle_forward(x, groups=2):
    N, C, H, W = x.shape
    return x.reshape(N, groups, C // groups, H, W).swapaxes(1, 2).reshape(x.shape), groups


def channel_shuffle_backward(dout, groups):
    N, C, H, W = dout.shape
    return dout.reshape(N, C // groups, groups, H, W).swapaxes(1, 2).reshape(dout.shape)


def residual_block_forward(x, w1, b1, w2, b2):
    """relu(x + conv(relu(conv(x))))."""
    scores, cache1 = conv_forward(x, w1, b1, pad=1)
    branch, cache2 = conv_forward(np.maximum(scores, 0), w2, b2, pad=1)
    total = x + branch
    return np.maximum(total, 0), (cache1, cache2, scores, total)


def residual_block_backward(dout, cache):
    cache1, cache2, scores, total = cache
    dtotal = dout * (total > 0)
    dhidden, dw2, db2 = conv_backward(dtotal, cache2)
    dx, dw1, db1 = conv_backward(dhidden * (scores > 0), cache1)
    return dtotal + dx, dw1, db1, dw2, db2


def projection_block_forward(x, w, shortcut):
    """A block of stride 2 with pre-activation: conv(relu(x), w) + conv(x, shortcut), the shortcut 1x1."""
    active = np.maximum(x, 0)
    main, main_cache = conv_forward(active, w, np.zeros(len(w)), stride=2, pad=1)
    side, side_cache = conv_forward(x, shortcut, np.zeros(len(w)), stride=2)
    return main + side, (x, main_cache, side_cache)


def projection_block_backward(dout, cache):
    x, main_cache, side_cache = cache
    dactive, dw, _ = conv_backward(dout, main_cache)
    dx, dshortcut, _ = conv_backward(dout, side_cache)
    return dx + dactive * (x > 0), dw, dshortcut


def inception_forward(x, w1, w3, wp):
    """Side by side: 1x1, 3x3, and 1x1 after a 3x3 mean pool of the same size."""
    pooled, pool_cache = I.average_pool_forward(x, kernel=3, stride=1, pad=1)
    parts = [(x, w1, 0), (x, w3, 1), (pooled, wp, 0)]
    outs, caches = zip(*(conv_forward(a, w, np.zeros(len(w)), pad=pad) for a, w, pad in parts))
    return np.concatenate(outs, axis=1), (caches, pool_cache, (len(w1), len(w1) + len(w3)))


def inception_backward(dout, cache):
    caches, pool_cache, cuts = cache
    douts = np.split(dout, cuts, axis=1)
    (dx1, dw1, _), (dx3, dw3, _), (dpooled, dwp, _) = (conv_backward(d, c) for d, c in zip(douts, caches))
    return dx1 + dx3 + I.average_pool_backward(dpooled, pool_cache), dw1, dw3, dwp


def excite_forward(x, w1, w2):
    """Squeeze and excitation: channels are weighted by a small network of their means."""
    squeezed = x.mean(axis=(2, 3))
    hidden = np.maximum(squeezed @ w1, 0)
    gate = 1 / (1 + np.exp(-hidden @ w2))
    return x * gate[:, :, None, None], (x, w1, w2, squeezed, hidden, gate)


def excite_backward(dout, cache):
    x, w1, w2, squeezed, hidden, gate = cache
    dscores = (dout * x).sum(axis=(2, 3)) * gate * (1 - gate)
    dhidden = dscores @ w2.T * (hidden > 0)
    dsqueezed = dhidden @ w1.T
    dx = dout * gate[:, :, None, None] + dsqueezed[:, :, None, None] / (x.shape[2] * x.shape[3])
    return dx, squeezed.T @ dhidden, hidden.T @ dscores


def spatial_softmax_forward(x, temperature):
    """The expected row and column of each channel under the softmax of its pixels; temperature: (C,)."""
    N, C, H, W = x.shape
    flat = x.reshape(N, C, -1)
    scores = flat / temperature[:, None]
    p = np.exp(scores - scores.max(axis=2, keepdims=True))
    p = p / p.sum(axis=2, keepdims=True)
    rows, columns = np.meshgrid(np.linspace(-1, 1, H), np.linspace(-1, 1, W), indexing="ij")
    places = np.stack([rows.ravel(), columns.ravel()])
    return p @ places.T, (x.shape, flat, temperature, p, places)


def spatial_softmax_backward(dout, cache):
    shape, flat, temperature, p, places = cache
    dp = dout @ places
    dscores = p * (dp - (dp * p).sum(axis=2, keepdims=True))
    dx = (dscores / temperature[:, None]).reshape(shape)
    return dx, -(dscores * flat).sum(axis=(0, 2)) / temperature**2


def draw_keypoints(rng):
    return 2 * rng.normal(size=(2, 3, 4, 3)), rng.uniform(0.5, 2, 3)
