"""Convolution without im2col: pad a few images, and slide the register tile over them with tables of offsets.

The images are copied once into a padded buffer, cut into one plane per phase of the stride, so that the pixels
that neighbouring windows see under one tap lie side by side. A table `taps` holds one offset per channel and
tap, a table `places` one per vector of windows: the pixels of window vector v under tap t start at
places[v] + taps[t]. What the tile multiplies there is the whole convolution.
"""

from typing import NamedTuple

import numpy as np

from nnscratch.kernels.compiling import compiled
from nnscratch.kernels.microkernel import COLUMNS, LANES, ROWS, filters_by_pixels, filters_by_taps
from nnscratch.kernels.pool import share

CHUNK_BYTES = 400_000


class Plan(NamedTuple):
    """Where everything lies: the padded buffer, its offset tables, and the row pitch of the packed outputs."""

    stride: tuple
    pad: tuple
    grow: tuple
    planes: tuple
    images: int
    vectors: int
    lanes: int
    pitch: int
    taps: np.ndarray
    places: np.ndarray


def plan(N, C, out_size, kernel, stride, pad, dilation, grow, dtype):
    """Lay out a convolution of N images of C channels, whose pixels are first put `grow` apart from each other.

    >>> layout = plan(8, 3, (16, 16), (5, 5), (1, 1), (2, 2), (1, 1), (1, 1), np.dtype("float32"))
    >>> layout.planes, len(layout.taps)
    ((3, 1, 1, 20, 20), 75)
    """
    (OH, OW), (KH, KW), (SH, SW), (DH, DW) = out_size, kernel, stride, dilation
    lanes = LANES[dtype]
    Hq, Wq = OH + (KH - 1) * DH // SH, OW + (KW - 1) * DW // SW
    c, i, j = np.ogrid[:C, :KH, :KW]
    taps = ((c * SH + i * DH % SH) * SW + j * DW % SW) * (Hq * Wq) + i * DH // SH * Wq + j * DW // SW
    # Vectors of windows either start anew with each row, or run on through the rows of the padded image.
    by_row, through = OH * -(-OW // lanes), -(-((OH - 1) * Wq + OW) // lanes)
    if by_row <= through:
        starts = (np.arange(OH)[:, None] * Wq + np.arange(0, OW, lanes)).ravel()
        pitch = -(-OW // lanes) * lanes
    else:
        starts, pitch = np.arange(through) * lanes, Wq
    image = C * SH * SW * Hq * Wq
    images = int(np.clip(CHUNK_BYTES // (image * dtype.itemsize), 1, max(1, min(N, 64 // len(starts)))))
    places = (np.arange(images)[:, None] * image + starts).ravel()
    places = np.pad(places, (0, -len(places) % COLUMNS))
    return Plan(stride, pad, grow, (C, SH, SW, Hq, Wq), images, len(starts), lanes, pitch, taps.ravel(), places)


def conv(x, w, b, window, groups=1):
    """Twin of reference.conv."""
    out_size = window.places(*x.shape[2:])
    return _correlate(x, w, b, out_size, window.stride, window.pad, window.dilation, (1, 1), groups)


def conv_input_gradient(dout, w, x_shape, window, groups=1):
    """Twin of reference.conv_input_gradient: a convolution of the grown dout with the filters turned round."""
    F, share_of_C, KH, KW = w.shape
    turned = w.reshape(groups, F // groups, share_of_C, KH, KW)[..., ::-1, ::-1].swapaxes(1, 2)
    turned = turned.reshape(groups * share_of_C, F // groups, KH, KW)
    pad = tuple(d * (k - 1) - p for d, k, p in zip(window.dilation, (KH, KW), window.pad))
    return _correlate(dout, turned, None, x_shape[2:], (1, 1), pad, window.dilation, window.stride, groups)


def _correlate(x, w, b, out_size, stride, pad, dilation, grow, groups):
    x = np.ascontiguousarray(x, w.dtype)
    F, taps = len(w), w[0].size
    layout = plan(len(x), w.shape[1], out_size, w.shape[2:], stride, pad, dilation, grow, x.dtype)
    blocks = -(-(F // groups) // ROWS)
    packed = np.zeros((groups, blocks * ROWS, taps), x.dtype)
    packed[:, : F // groups] = w.reshape(groups, F // groups, taps)
    packed = np.ascontiguousarray(packed.reshape(groups, blocks, ROWS, taps).swapaxes(2, 3))
    bias = np.zeros(F, x.dtype) if b is None else np.ascontiguousarray(b)
    out = np.empty((len(x), F, *out_size), x.dtype)
    share(lambda start, stop: _correlate_images(x[start:stop], packed, bias, layout, out[start:stop]), len(x))
    return out


def conv_weight_gradient(dout, x, w_shape, window, groups=1):
    """Twin of reference.conv_weight_gradient: one sum per thread."""
    x, dout = np.ascontiguousarray(x, dout.dtype), np.ascontiguousarray(dout)
    F, share_of_C, KH, KW = w_shape
    taps = share_of_C * KH * KW
    size, stride, pad, dilation = dout.shape[2:], window.stride, window.pad, window.dilation
    layout = plan(len(x), share_of_C, size, (KH, KW), stride, pad, dilation, (1, 1), x.dtype)
    layout = layout._replace(taps=np.pad(layout.taps, (0, -taps % COLUMNS)))
    filters = -(-(F // groups) // ROWS) * ROWS

    def work(start, stop):
        dw = np.zeros((groups, filters, len(layout.taps)), x.dtype)
        _weight_gradient(x[start:stop], dout[start:stop], layout, F // groups, dw)
        return dw

    return sum(share(work, len(x)))[:, : F // groups, :taps].reshape(w_shape)


@compiled
def _buffer(layout, dtype):
    """Return room for the padded planes of a few images, all 0, flat and as (images, C, SH, SW, Hq, Wq)."""
    C, SH, SW, Hq, Wq = layout.planes
    size = layout.images * C * SH * SW * Hq * Wq
    flat = np.zeros(size + layout.lanes, dtype)  # the last vector may read a little too far
    return flat, flat[:size].reshape((layout.images, C, SH, SW, Hq, Wq))


@compiled
def _pack(x, layout, planes):
    """Copy one image's channels (C, H, W) into its padded planes; what lies outside of them is left out."""
    C, H, W = x.shape
    (SH, SW), (PH, PW), (GH, GW) = layout.stride, layout.pad, layout.grow
    _, _, _, Hq, Wq = layout.planes
    for c in range(C):
        for h in range(H):
            down = h * GH + PH
            if down < 0 or down >= SH * Hq:
                continue
            rows = planes[c, down % SH, :, down // SH]
            line = x[c, h]
            if SW == 1:
                row = rows[0]
                first = max(0, -(PW // GW))
                last = min(W, (Wq - 1 - PW) // GW + 1)
                for w in range(first, last):
                    row[w * GW + PW] = line[w]
            else:
                for w in range(W):
                    across = w * GW + PW
                    if 0 <= across < SW * Wq:
                        rows[across % SW, across // SW] = line[w]


@compiled
def _correlate_images(x, w, b, layout, out):
    N, (groups, blocks, taps, _) = len(x), w.shape
    C, (F, OH, OW) = layout.planes[0], out.shape[1:]
    share_of_F = F // groups
    flat, planes = _buffer(layout, x.dtype)
    lanes = layout.lanes
    strip = np.empty((ROWS, len(layout.places) * lanes), x.dtype)
    for first in range(0, N, layout.images):
        count = min(layout.images, N - first)
        for g in range(groups):
            for n in range(count):
                _pack(x[first + n, g * C : (g + 1) * C], layout, planes[n])
            for block in range(blocks):
                for v in range(0, count * layout.vectors, COLUMNS):
                    filters_by_pixels(  # type: ignore[call-arg]
                        flat,
                        w[g, block],
                        layout.taps,
                        layout.places[v:],
                        taps,
                        strip[:, v * lanes :],
                        strip.shape[1],
                    )
                for r in range(min(ROWS, share_of_F - block * ROWS)):
                    f = g * share_of_F + block * ROWS + r
                    for n in range(count):
                        for oh in range(OH):
                            start = n * layout.vectors * lanes + oh * layout.pitch
                            line, bias = out[first + n, f, oh], b[f]
                            for ow in range(OW):
                                line[ow] = strip[r, start + ow] + bias


@compiled
def _weight_gradient(x, dout, layout, share_of_F, dw):
    N, (groups, filters, taps) = len(x), dw.shape
    C, (OH, OW) = layout.planes[0], dout.shape[2:]
    flat, planes = _buffer(layout, x.dtype)
    lanes = layout.lanes
    strips = np.zeros((filters, layout.images * layout.vectors * lanes), x.dtype)
    for first in range(0, N, layout.images):
        count = min(layout.images, N - first)
        for g in range(groups):
            for n in range(count):
                _pack(x[first + n, g * C : (g + 1) * C], layout, planes[n])
                for f in range(share_of_F):
                    for oh in range(OH):
                        start = n * layout.vectors * lanes + oh * layout.pitch
                        line = dout[first + n, g * share_of_F + f, oh]
                        for ow in range(OW):
                            strips[f, start + ow] = line[ow]
            for f in range(0, filters, ROWS):
                for t in range(0, taps, COLUMNS):
                    filters_by_taps(  # type: ignore[call-arg]
                        flat,
                        strips[f:],
                        layout.taps[t:],
                        layout.places,
                        count * layout.vectors,
                        dw[g, f:, t:],
                        strips.shape[1],
                        taps,
                    )
