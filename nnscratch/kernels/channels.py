"""The CPU twins over channels, and groups of channels: each sweeps over memory as it lies, channels last."""

import math

import numpy as np

from nnscratch.kernels.compiling import compiled, sweeping
from nnscratch.kernels.memory import channels_first, channels_last, empty
from nnscratch.kernels.pool import share

WIDTH = 32  # numbers that a row should have


def channel_moments(x):
    """Twin of reference.channel_moments."""
    rows, repeats = _rows(x)
    parts = share(lambda start, stop: _moments(rows[start:stop]), len(rows))
    mean, squares, count = np.zeros(rows.shape[1]), np.zeros(rows.shape[1]), 0
    for part_mean, part_squares, part_count in parts:
        mean, squares, count = _joined(mean, squares, count, part_mean, part_squares, part_count)
    means = mean.reshape(repeats, -1)
    mean = means.mean(axis=0)
    squares = squares.reshape(repeats, -1).sum(axis=0) + count * np.square(means - mean).sum(axis=0)
    return mean.astype(x.dtype), (squares / (repeats * count)).astype(x.dtype)


def channel_sum(x):
    """Twin of reference.channel_sum."""
    rows, repeats = _rows(x)

    def work(start, stop):
        total = np.empty(rows.shape[1])
        _add_up(rows[start:stop], np.empty(rows.shape[1], x.dtype), total)
        return total

    return _folded(share(work, len(rows)), repeats).astype(x.dtype)


def channel_sums(x, y, centre, gate=None):
    """Twin of reference.channel_sums."""
    (rows, repeats), (others, _) = _rows(x), _rows(y)
    centre, gate = _repeated(repeats, centre), gate and _repeated(repeats, *gate)
    parts = share(lambda start, stop: _sums(rows[start:stop], others[start:stop], *centre, gate), len(rows))
    return tuple(_folded(part, repeats).astype(x.dtype) for part in zip(*parts))


def channel_affine(x, scale, shift, centre, least=-np.inf):
    """Twin of reference.channel_affine."""
    x = channels_last(x)
    out, least = empty(x.shape, x.dtype), x.dtype.type(least)
    (rows, repeats), (made, _) = _wide(x), _wide(out)
    vectors = _repeated(repeats, scale, shift, centre)
    share(lambda start, stop: _affine(rows[start:stop], *vectors, made[start:stop], least), len(rows))
    return channels_first(out)


def channel_blend(x, a, y, b, c, centre, gate=None):
    """Twin of reference.channel_blend."""
    x = channels_last(x)
    out = empty(x.shape, x.dtype)
    (rows, repeats), (others, _), (made, _) = _wide(x), _rows(y), _wide(out)
    (a, *vectors), gate = _repeated(repeats, a, b, c, centre), gate and _repeated(repeats, *gate)
    share(
        lambda start, stop: _blend(rows[start:stop], a, others[start:stop], *vectors, gate, made[start:stop]),
        len(rows),
    )
    return channels_first(out)


def group_norm(x, gamma, beta, groups, eps):
    """Twin of reference.group_norm: each example is still in the cache when it is scaled."""
    x = channels_last(x)
    out = empty(x.shape, x.dtype)
    mean, inv_std = np.empty((2, len(x), groups), x.dtype)
    images, made = _images_of(x), _images_of(out)

    def work(start, stop):
        part = slice(start, stop)
        _group_norm(images[part], gamma, beta, eps, made[part], mean[part], inv_std[part])

    share(work, len(x))
    return channels_first(out), mean, inv_std


def group_norm_backward(dout, x, gamma, mean, inv_std):
    """Twin of reference.group_norm_backward: sums, and then dx, of one example after the other."""
    x, dout = channels_last(x), channels_last(dout)
    dx = empty(x.shape, x.dtype)
    douts, images, made = _images_of(dout), _images_of(x), _images_of(dx)

    def work(start, stop):
        part = slice(start, stop)
        return _group_norm_backward(douts[part], images[part], gamma, mean[part], inv_std[part], made[part])

    dgamma, dbeta = (sum(part).astype(x.dtype) for part in zip(*share(work, len(x))))
    return channels_first(dx), dgamma, dbeta


def _rows(x):
    return _wide(channels_last(x))


def _wide(x):
    """View x (N, ..., C) as a table, and say how often the channels come in a row of it.

    Long rows are swept faster: their sums do not wait for each other, and loops begin less often.
    """
    C = x.shape[-1]
    repeats = math.gcd(x.size // C, 1 << max(WIDTH // C, 1).bit_length() - 1)
    return x.reshape(-1, repeats * C), repeats


def _repeated(repeats, *vectors):
    return tuple(np.tile(vector, repeats) for vector in vectors)


def _folded(parts, repeats):
    """Add up the threads' sums, and those of each channel."""
    return sum(parts).reshape(repeats, -1).sum(axis=0)


def rows_of(x):
    """View x (N, ..., C) as a table with a column for each channel.

    >>> rows_of(np.zeros((2, 4, 5, 3))).shape
    (40, 3)
    """
    return x.reshape(-1, x.shape[-1])


def _images_of(x):
    """View x (N, ..., C) as (N, the places of an example, C)."""
    return x.reshape(len(x), math.prod(x.shape[1:-1]), x.shape[-1])


@compiled
def _joined(mean, squares, count, part_mean, part_squares, part_count):
    """Join the means and the sums of squared deviations of two samples (Chan, Golub & LeVeque 1983, eq. 2.1)."""
    both = count + part_count
    apart = part_mean - mean
    squares = squares + part_squares + apart * apart * (count * part_count / both)
    return mean + apart * (part_count / both), squares, both


@sweeping
def _moments(rows):
    """Take a block that fits into the cache at a time: its mean, then its squared deviations from there.

    The mean is rounded; the deviations' own mean says by how much.
    """
    M, C = rows.shape
    mean, squares, count = np.zeros(C), np.zeros(C), 0
    block = max(1, 4096 // C)
    centre, total, apart = np.empty(C, rows.dtype), np.empty(C, rows.dtype), np.empty(C, rows.dtype)
    for begin in range(0, M, block):
        end = min(begin + block, M)
        total[:] = 0
        for m in range(begin, end):
            for c in range(C):
                total[c] += rows[m, c]
        for c in range(C):
            centre[c] = total[c] / (end - begin)
        total[:], apart[:] = 0, 0
        for m in range(begin, end):
            for c in range(C):
                deviation = rows[m, c] - centre[c]
                apart[c] += deviation
                total[c] += deviation * deviation
        rounded = apart.astype(np.float64) / (end - begin)
        part_mean, part_squares = centre + rounded, total - rounded * rounded * (end - begin)
        mean, squares, count = _joined(mean, squares, count, part_mean, part_squares, end - begin)
    return mean, squares, count


@sweeping
def _sums(x, y, centre, gate):
    """The gate chooses between results, not between loads: a masked load would wait for y to come from memory."""
    M, C = x.shape
    total, products = np.zeros(C), np.zeros(C)
    block = max(1, 4096 // C)
    part, part_products = np.empty(C, x.dtype), np.empty(C, x.dtype)
    for begin in range(0, M, block):
        part[:], part_products[:] = 0, 0
        for m in range(begin, min(begin + block, M)):
            for c in range(C):
                value, apart = x[m, c], y[m, c] - centre[c]
                product = value * apart
                if gate is not None:
                    passes = apart * gate[0][c] + gate[1][c] > 0
                    value = value if passes else x.dtype.type(0)
                    product = product if passes else x.dtype.type(0)
                part[c] += value
                part_products[c] += product
        total += part
        products += part_products
    return total, products


@sweeping
def _affine(x, scale, shift, centre, out, least):
    for m in range(len(x)):
        for c in range(x.shape[1]):
            value = (x[m, c] - centre[c]) * scale[c] + shift[c]
            out[m, c] = least if value < least else value


@sweeping
def _blend(x, a, y, b, c, centre, gate, out):
    for m in range(len(x)):
        for k in range(x.shape[1]):
            value, apart = a[k] * x[m, k], y[m, k] - centre[k]
            if gate is not None:
                value = value if apart * gate[0][k] + gate[1][k] > 0 else x.dtype.type(0)
            out[m, k] = value + b[k] * apart + c[k]


@sweeping
def _add_up(x, part, total):
    """Add up the columns of x (P, C): blocks of rows in x's precision, the blocks in float64."""
    P, C = x.shape
    total[:] = 0
    for begin in range(0, P, max(1, 4096 // C)):
        part[:] = 0
        for p in range(begin, min(begin + max(1, 4096 // C), P)):
            for c in range(C):
                part[c] += x[p, c]
        for c in range(C):
            total[c] += part[c]


@sweeping
def _add_products(x, x_centre, y, y_centre, part, total):
    """Add up the columns of (x - x_centre) * (y - y_centre) in the same way."""
    P, C = x.shape
    total[:] = 0
    for begin in range(0, P, max(1, 4096 // C)):
        part[:] = 0
        for p in range(begin, min(begin + max(1, 4096 // C), P)):
            for c in range(C):
                part[c] += (x[p, c] - x_centre[c]) * (y[p, c] - y_centre[c])
        for c in range(C):
            total[c] += part[c]


@sweeping
def _group_norm(x, gamma, beta, eps, out, mean, inv_std):
    N, P, C = x.shape
    groups = mean.shape[1]
    G = C // groups
    total, part, centre, scale = np.empty(C), np.empty(C, x.dtype), np.empty(C, x.dtype), np.empty(C, x.dtype)
    totals, centres = total.reshape(groups, G), centre.reshape(groups, G)
    scales, gammas = scale.reshape(groups, G), gamma.reshape(groups, G)
    for n in range(N):
        _add_up(x[n], part, total)
        for g in range(groups):
            value = 0.0
            for k in range(G):
                value += totals[g, k]
            mean[n, g] = value / (G * P)
            for k in range(G):
                centres[g, k] = mean[n, g]
        _add_products(x[n], centre, x[n], centre, part, total)
        for g in range(groups):
            value = 0.0
            for k in range(G):
                value += totals[g, k]
            inv_std[n, g] = 1 / np.sqrt(value / (G * P) + eps)
            for k in range(G):
                scales[g, k] = inv_std[n, g] * gammas[g, k]
        for p in range(P):
            for c in range(C):
                out[n, p, c] = (x[n, p, c] - centre[c]) * scale[c] + beta[c]


@sweeping
def _group_norm_backward(dout, x, gamma, mean, inv_std, dx):
    """With s = sum of gamma * dout and q = sum of gamma * dout * (x - mean) over a group of M numbers:
    dx = gamma * inv_std * dout - inv_std**3 * q / M * (x - mean) - inv_std * s / M.
    """
    N, P, C = x.shape
    groups = mean.shape[1]
    G = C // groups
    dgamma, dbeta, total, products = np.zeros(C), np.zeros(C), np.empty(C), np.empty(C)
    part, zero, centre = np.empty(C, x.dtype), np.zeros(C, x.dtype), np.empty(C, x.dtype)
    scale, slope, shift = np.empty(C, x.dtype), np.empty(C, x.dtype), np.empty(C, x.dtype)
    centres, scales = centre.reshape(groups, G), scale.reshape(groups, G)
    slopes, shifts = slope.reshape(groups, G), shift.reshape(groups, G)
    totals, all_products = total.reshape(groups, G), products.reshape(groups, G)
    gammas, dgammas = gamma.reshape(groups, G), dgamma.reshape(groups, G)
    for n in range(N):
        for g in range(groups):
            for k in range(G):
                centres[g, k] = mean[n, g]
        _add_up(dout[n], part, total)
        _add_products(dout[n], zero, x[n], centre, part, products)
        for c in range(C):
            dbeta[c] += total[c]
        for g in range(groups):
            s, q, inv = 0.0, 0.0, inv_std[n, g]
            for k in range(G):
                s += totals[g, k] * gammas[g, k]
                q += all_products[g, k] * gammas[g, k]
            through_var, through_mean = inv * inv * inv * q / (G * P), inv * s / (G * P)
            for k in range(G):
                dgammas[g, k] += all_products[g, k] * inv
                scales[g, k] = inv * gammas[g, k]
                slopes[g, k], shifts[g, k] = through_var, through_mean
        for p in range(P):
            for c in range(C):
                dx[n, p, c] = scale[c] * dout[n, p, c] - slope[c] * (x[n, p, c] - centre[c]) - shift[c]
    return dgamma, dbeta
