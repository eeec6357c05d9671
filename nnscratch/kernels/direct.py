"""Convolution without im2col: tables of offsets lead the register tile straight through the images.

Images are held channels last, (N, H, W, C), so that the C numbers of a pixel, and the F outputs of a place, lie
side by side: a tile then reads filters and writes outputs as whole vectors, whatever the size of the image.
Outputs are grouped by the taps of the kernel that reach a pixel for them. All outputs of a group see the same
pattern of pixels, only shifted, and that is what a tile needs. Near the border there are fewer taps, so padding
is neither stored nor multiplied; and in the gradient to the input of a convolution with a stride, each phase of
the stride is a group of its own.

The words: a turn of the tile is a tap (a place within the window) and a channel; a line is what the filters
have for one turn; a panel is all lines, cut to the width of a tile and laid one after the other. A plan holds the
tables, which depend on shapes alone and are kept.
"""

import functools
from typing import NamedTuple

import numpy as np

from nnscratch.kernels import columns
from nnscratch.kernels.compiling import compiled
from nnscratch.kernels.memory import channels_first, channels_last, empty
from nnscratch.kernels.microkernel import COLUMNS, LANES, ROWS, VECTOR_BYTES, tile
from nnscratch.kernels.pool import share
from nnscratch.kernels.pooling import largest
from nnscratch.shapes import Window

CHUNK = 125_000  # numbers that are worked on at a time: they should stay in the second-level cache
FEW = 4  # channels of a gradient to the input that would leave most of a tile empty


class Plan(NamedTuple):
    """Offset tables of one image, group after group, and where each group's entries begin and end."""

    bounds: np.ndarray  # (groups, 4): begin and end in rows and outs; begin and end in steps and lines
    rows: np.ndarray  # an output's first pixel in x
    outs: np.ndarray  # an output's place in out
    steps: np.ndarray  # from there to the pixel and channel of a tap
    lines: np.ndarray  # a tap and channel's line in the filters


def conv(x, w, b, window, groups=1, least=-np.inf):
    """Twin of reference.conv."""
    x, w = channels_last(x, w.dtype), _by_group(w, groups)
    out = empty((len(x), *window.places(*x.shape[1:3]), w.shape[0] * w.shape[1]), w.dtype)
    tools = _tools(x, w.transpose(0, 3, 4, 2, 1), b, window, out.shape, False, least)
    share(lambda start, stop: _tiles(x[start:stop], tools, out[start:stop]), len(x))
    return channels_first(out)


def conv_pooled(x, w, b, window, groups, least, pool):
    """Twin of reference.conv_pooled: what one pool's window sees is still in the cache."""
    x, w = channels_last(x, w.dtype), _by_group(w, groups)
    size = window.places(*x.shape[1:3])
    out = empty((len(x), *pool.places(*size), w.shape[0] * w.shape[1]), w.dtype)
    tools = _tools(x, w.transpose(0, 3, 4, 2, 1), b, window, (len(x), *size, out.shape[3]), False, least)
    share(lambda start, stop: _pooled_tiles(x[start:stop], tools, size, pool, out[start:stop]), len(x))
    return channels_first(out)


def conv_input_gradient(dout, w, x_shape, window, groups=1):
    """Twin of reference.conv_input_gradient: the same with the roles of channels and filters exchanged."""
    if x_shape[1] <= FEW:
        return columns.conv_input_gradient(dout, w, x_shape, window, groups)
    dout, w = channels_last(dout, w.dtype), _by_group(w, groups)
    dx = empty((x_shape[0], *x_shape[2:], x_shape[1]), w.dtype)
    tools = _tools(dout, w.transpose(0, 3, 4, 1, 2), None, window, dx.shape, True, -np.inf)
    share(lambda start, stop: _tiles(dout[start:stop], tools, dx[start:stop]), len(dx))
    return channels_first(dx)


def _by_group(w, groups):
    return w.reshape(groups, len(w) // groups, *w.shape[1:])


class Tools(NamedTuple):
    """What the tiles of a convolution need beside its input and output."""

    panels: np.ndarray  # (groups, blocks, lines, width): the filters
    bias: np.ndarray  # (groups, blocks * width)
    layout: Plan
    F: int  # outputs of a group
    least: float


def _tools(x, w, b, window, out_shape, backward, least):
    """Lay out w (groups, KH, KW, C/groups, F/groups) and the tables that lead from x (N, H, W, C) to out.

    `backward`: x is the gradient of a convolution's output, and out that of its input; only the tables differ.
    """
    groups, _, _, C, F = w.shape
    width = COLUMNS * LANES[w.dtype]
    blocks = -(-F // width)
    lines = w.reshape(groups, -1, F)
    if F % width:
        lines = np.zeros((groups, lines.shape[1], blocks * width), w.dtype)
        lines[..., :F] = w.reshape(groups, -1, F)
    panels = np.ascontiguousarray(lines.reshape(groups, -1, blocks, width).swapaxes(1, 2))
    bias = np.zeros((groups, blocks * width), w.dtype)
    if b is not None:
        bias[:, :F] = b.reshape(groups, F)
    return Tools(panels, bias, plan(x.shape, out_shape, window, C, backward, width), F, w.dtype.type(least))


def conv_weight_gradient(dout, x, w_shape, window, groups=1):
    """Twin of reference.conv_weight_gradient: the same tiles; rows are taps and channels, turns are outputs.

    A tile's b is then a line of dout: the F numbers of a place. Each thread adds up a dw of its own.
    """
    F, C, KH, KW = w_shape
    dout, lanes = channels_last(dout, dout.dtype), LANES[dout.dtype]
    if C % ROWS and C < 4 * ROWS:  # few channels: so that a tile takes several taps, all must see all outputs
        x, window = _with_border(x, window)
    x = channels_last(x, dout.dtype)
    if (F // groups) % lanes:  # a tile reads whole vectors
        dout = _whole_vectors(dout, groups, lanes)
    layout = weight_plan(x.shape, dout.shape, window, C, F // groups)

    def work(start, stop):
        dw = np.zeros((groups, KH * KW * C, F // groups), dout.dtype)
        _weight_tiles(x[start:stop], dout[start:stop], layout, dw)
        return dw

    dw = sum(share(work, len(x)))
    dw = dw.reshape(groups, KH, KW, C, F // groups).transpose(0, 4, 3, 1, 2)
    return np.ascontiguousarray(dw).reshape(w_shape)


def _with_border(x, window):
    """Return x with its padding, in memory channels last, and the window without."""
    (N, C, H, W), (PH, PW) = x.shape, window.pad
    bordered = empty((N, H + 2 * PH, W + 2 * PW, C), x.dtype)

    def work(start, stop):
        bordered[start:stop] = 0
        bordered[start:stop, PH : PH + H, PW : PW + W] = x[start:stop].transpose(0, 2, 3, 1)

    share(work, N)
    return channels_first(bordered), window._replace(pad=(0, 0))


def _whole_vectors(dout, groups, lanes):
    """Pad each group's share of dout's channels with zeros to whole vectors."""
    N, OH, OW, F = dout.shape
    F //= groups
    line = -(-F // lanes) * lanes
    padded = np.pad(dout.reshape(N, OH, OW, groups, F), [(0, 0)] * 4 + [(0, line - F)])
    return padded.reshape(N, OH, OW, groups * line)


def seen(backward, outputs, size, kernel, stride, pad, dilation):
    """Return sees[o, k], the pixel that output o sees through tap k, and valid[o, k], whether there is one.

    >>> sees, valid = seen(False, outputs=3, size=3, kernel=3, stride=1, pad=1, dilation=1)
    >>> sees
    array([[-1,  0,  1],
           [ 0,  1,  2],
           [ 1,  2,  3]])
    >>> valid.sum(axis=1)
    array([2, 3, 2])
    """
    o, k = np.arange(outputs)[:, None], np.arange(kernel)
    if backward:
        sees, phase = np.divmod(o + pad - k * dilation, stride)
    else:
        sees, phase = o * stride + k * dilation - pad, 0
    return sees, (phase == 0) & (sees >= 0) & (sees < size)


class Alike(NamedTuple):
    """Members that see through the same taps: member[i] sees the pixel first[i] + steps[k] through taps[k]."""

    member: np.ndarray
    first: np.ndarray
    taps: np.ndarray
    steps: np.ndarray


def alike(sees, valid):
    """Group the rows of the table `sees` by which of their entries are valid.

    >>> groups = alike(*seen(False, outputs=5, size=5, kernel=3, stride=1, pad=1, dilation=1))
    >>> [list(map(int, group.member)) for group in groups]
    [[0], [4], [1, 2, 3]]
    """
    patterns, which = np.unique(valid, axis=0, return_inverse=True)
    groups = []
    for i, pattern in enumerate(patterns):
        member, taps = np.flatnonzero(which.ravel() == i), np.flatnonzero(pattern)
        inside = sees[np.ix_(member, taps)] if len(taps) else np.zeros((len(member), 1), int)
        groups.append(Alike(member, inside[:, 0], taps, inside[0, : len(taps)] - inside[0, 0]))
    return groups


@functools.lru_cache(maxsize=256)
def plan(x_shape, out_shape, window: Window, C, backward, width):
    """Lay out a convolution from x (N, H, W, ...) to out (N, OH, OW, ...): C channels, lines of `width` filters.

    >>> layout = plan((8, 32, 32, 3), (8, 32, 32, 16), Window.of(5, pad=2), 3, False, 32)
    >>> len(layout.bounds), len(layout.rows), layout.bounds[0]
    (25, 1024, array([ 0,  1,  0, 27]))
    """
    _, H, W, x_pixel = x_shape
    _, OH, OW, out_pixel = out_shape
    KW, channels = window.kernel[1], np.arange(C)
    downs, acrosses = (alike(*seen(backward, *axis)) for axis in zip((OH, OW), (H, W), *window[:4]))
    return _tables(
        (
            _grid(down.first, across.first, W) * x_pixel,
            _grid(down.member, across.member, OW) * out_pixel,
            (_grid(down.steps, across.steps, W)[:, None] * x_pixel + channels).ravel(),
            (_grid(down.taps, across.taps, KW)[:, None] * C + channels).ravel() * width,
        )
        for down in downs
        for across in acrosses
    )


@functools.lru_cache(maxsize=256)
def weight_plan(x_shape, dout_shape, window: Window, C, F):
    """Lay out a convolution's gradient to weights of C channels and F filters: outputs and taps change places.

    >>> images, layout = weight_plan((8, 32, 32, 3), (8, 32, 32, 16), Window.of(5, pad=2), 3, 16)
    >>> images, len(layout.bounds), len(layout.rows)
    (6, 25, 75)
    """
    N, H, W, x_pixel = x_shape
    _, OH, OW, dout_pixel = dout_shape
    KW, channels = window.kernel[1], np.arange(C)
    downs, acrosses = (
        alike(*(table.T for table in seen(False, *axis))) for axis in zip((OH, OW), (H, W), *window[:4])
    )
    image = np.arange(images_at_once(N, H * W * x_pixel + OH * OW * dout_pixel))[:, None]
    return len(image), _tables(
        (
            (_grid(down.first, across.first, W)[:, None] * x_pixel + channels).ravel(),
            (_grid(down.member, across.member, KW)[:, None] * C + channels).ravel() * F,
            ((_grid(down.steps, across.steps, W) + image * H * W) * x_pixel).ravel(),
            ((_grid(down.taps, across.taps, OW) + image * OH * OW) * dout_pixel).ravel(),
        )
        for down in downs
        for across in acrosses
    )


def _grid(down, across, width):
    """Return the flat index of every place of a grid in an image of this width."""
    return (down[:, None] * width + across).ravel()


def _tables(groups):
    """Join the groups' tables (rows, outs, steps, lines) into a Plan."""
    rows, outs, steps, lines = ([np.asarray(table) for table in tables] for tables in zip(*groups))
    ends = np.cumsum([[0, 0], *([len(r), len(s)] for r, s in zip(rows, steps))], axis=0)
    bounds = np.stack([ends[:-1, 0], ends[1:, 0], ends[:-1, 1], ends[1:, 1]], axis=1)
    return Plan(
        np.ascontiguousarray(bounds), *(np.concatenate(t).astype(np.int64) for t in (rows, outs, steps, lines))
    )


@compiled
def images_at_once(N, numbers):
    """Return how many images of so many numbers are worked on at a time.

    >>> images_at_once(128, 1000), images_at_once(128, 1000000)
    (125, 1)
    """
    return max(1, min(N, CHUNK // numbers))


@compiled
def _tables_of(layout, count, x_image, out_image):
    """Return rows and outs for `count` images, each group filled up to whole tiles, and where the groups begin."""
    sizes = layout.bounds[:, 1] - layout.bounds[:, 0]
    begins = np.zeros(len(sizes) + 1, np.int64)
    begins[1:] = np.cumsum(-(-count * sizes // ROWS) * ROWS)
    rows, outs = np.empty(begins[-1], np.int64), np.empty(begins[-1], np.int64)
    for group in range(len(sizes)):
        place = begins[group]
        for n in range(count):
            for o in range(layout.bounds[group, 0], layout.bounds[group, 1]):
                rows[place] = n * x_image + layout.rows[o]
                outs[place] = n * out_image + layout.outs[o]
                place += 1
        rows[place : begins[group + 1]], outs[place : begins[group + 1]] = rows[place - 1], outs[place - 1]
    return rows, outs, begins


@compiled
def _tiles(x, tools, out):
    """Lead the tile over a few images at a time, a panel at a time, a group of outputs at a time.

    The outputs of a group, in all of these images, are one long row from which tiles take ROWS at a time: so a
    tile may begin in one image and end in the next, and only the last of them is not full.
    """
    panels, bias, layout, F, least = tools
    groups, blocks, _, width = panels.shape
    C = x.shape[3] // groups
    x_image, out_image = x.shape[1] * x.shape[2] * x.shape[3], out.shape[1] * out.shape[2] * out.shape[3]
    images = images_at_once(len(x), x_image + out_image)
    rows, outs, begins = _tables_of(layout, images, x_image, out_image)
    for begin in range(0, len(x), images):
        count = min(images, len(x) - begin)
        if count < images:
            rows, outs, begins = _tables_of(layout, count, x_image, out_image)
        seen, made = x[begin : begin + count].reshape(-1), out[begin : begin + count].reshape(-1)
        for g in range(groups):
            for block in range(blocks):
                pixels, places = seen[g * C :], made[g * F + block * width :]
                filters, start = panels[g, block].reshape(-1), bias[g, block * width :]
                wide = min(width, F - block * width)
                for group in range(len(begins) - 1):
                    first, last = layout.bounds[group, 2], layout.bounds[group, 3]
                    steps, lines = layout.steps[first:last], layout.lines[first:last]
                    for p in range(begins[group], begins[group + 1], ROWS):
                        tile(  # type: ignore[call-arg]
                            pixels,
                            rows[p:],
                            steps,
                            filters,
                            lines,
                            last - first,
                            start,
                            0,
                            places,
                            outs[p:],
                            wide,
                            least,
                        )


@compiled
def _pooled_tiles(x, tools, size, pool, out):
    """Lead the tile over a few images at a time, and pool what it has made of them before it leaves the cache."""
    N, OH, OW, F = out.shape
    few = images_at_once(N, size[0] * size[1] * F)
    made = np.empty((few, *size, F), out.dtype)
    for begin in range(0, N, few):
        end = min(begin + few, N)
        _tiles(x[begin:end], tools, made[: end - begin])
        largest(made[: end - begin], pool, out[begin:end])


@compiled
def _weight_tiles(x, dout, layout, dw):
    """Lead the tile over a few images at a time; every tile adds to what dw has from the images before."""
    images, tables = layout
    groups, taps, F = dw.shape
    C, line_of_group = x.shape[3] // groups, dout.shape[3] // groups
    width = COLUMNS * VECTOR_BYTES // dw.itemsize
    least = dw.dtype.type(-np.inf)
    rows, outs = np.empty(ROWS, np.int64), np.empty(ROWS, np.int64)
    for begin in range(0, len(x), images):
        count = min(images, len(x) - begin)
        seen, douts = x[begin : begin + count].reshape(-1), dout[begin : begin + count].reshape(-1)
        for g in range(groups):
            sums = dw[g].reshape(-1)
            for f in range(0, F, width):
                line, made, wide = douts[g * line_of_group + f :], sums[f:], min(width, F - f)
                for first_row, last_row, first_step, last_step in tables.bounds:
                    steps, lines = tables.steps[first_step:last_step], tables.lines[first_step:last_step]
                    turns = len(steps) // images * count
                    for o in range(first_row, last_row, ROWS):
                        for r in range(ROWS):
                            tap = min(o + r, last_row - 1)  # the rest of the tile repeats the last tap
                            rows[r] = tables.rows[tap] + g * C
                            outs[r] = tables.outs[tap]
                        tile(seen, rows, steps, line, lines, turns, made, 1, made, outs, wide, least)  # type: ignore[call-arg]
