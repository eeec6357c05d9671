"""Matrix products by the register tile: rows of one matrix times packed panels of the other's columns.

The tile's a[r] of turn k is a[row r, k]: rows[r] is where a row begins, steps[k] how far it is to column k. The
tile's b is row k of a panel, as many columns of b as a tile is wide. A panel is DEPTH rows deep at most, so that
it stays in the cache while all rows of a pass by; the tiles of the next one add to what is in out by then.
"""

import numpy as np

from nnscratch.kernels.compiling import compiled
from nnscratch.kernels.memory import empty
from nnscratch.kernels.microkernel import COLUMNS, ROWS, VECTOR_BYTES, tile
from nnscratch.kernels.pool import share

TINY = 100_000  # multiplications; below that BLAS starts no threads, which would go on spinning beside ours
SMALL = 1_000_000  # multiplications; below that one thread is done before the others have woken up
FEW = 64  # rows; with fewer, turning b's columns into lines costs more than the product
DEPTH = (
    512  # rows of a panel: 64 KB of float32: the second-level cache has places for them even if they lie far apart
)


def matmul(a, b):
    """Twin of reference.matmul."""
    (M, K), N = a.shape, b.shape[1]
    if M * K * N < TINY:
        return np.matmul(a, b)
    if M * K * N < SMALL or M < ROWS:
        return share(lambda start, stop: np.matmul(a, b), 1)[0]
    if M < FEW and b.strides[0] < b.strides[1] and a.size < b.size:
        return matmul(b.T, a.T).T  # b's columns lie in lines: they are the rows of this product
    out = empty((M, N), a.dtype)
    width = COLUMNS * VECTOR_BYTES // a.itemsize
    blocks = -(-N // width)
    a, b = _with_strides(a), _with_strides(b)
    if blocks > 1:
        share(lambda start, stop: _product(a, b, out, 0, M, start, stop, K), blocks)
    else:
        share(lambda start, stop: _product(a, b, out, start, stop, 0, 1, K), M)
    return out


def _with_strides(a):
    """Return a's numbers as they lie in memory, and how far apart there its rows and its columns are."""
    if a.flags.f_contiguous:
        return a.T.reshape(-1), 1, len(a)
    return np.ascontiguousarray(a).reshape(-1), a.shape[1], 1


@compiled
def _product(a, b, out, first_row, last_row, first_block, last_block, K):
    """Fill rows first_row:last_row of out, and of its columns the blocks first_block:last_block."""
    (a, a_row, a_column), (b, b_row, b_column), N = a, b, out.shape[1]
    width, least = COLUMNS * VECTOR_BYTES // out.itemsize, out.dtype.type(-np.inf)
    panel, nothing, made = np.zeros((DEPTH, width), out.dtype), np.zeros(width, out.dtype), out.reshape(-1)
    rows, outs = np.empty(ROWS, np.int64), np.empty(ROWS, np.int64)
    for column in range(first_block * width, min(last_block * width, N), width):
        wide = min(width, N - column)
        for k in range(0, K, DEPTH):
            depth = min(DEPTH, K - k)
            if b_column == 1 and wide == width:  # b's own rows will do
                filters, lines = b[column:], np.arange(k, k + depth) * b_row
            else:
                for t in range(0, depth, 16):  # 16 numbers are a line of the cache, whichever way b lies
                    for c in range(wide):
                        for s in range(t, min(t + 16, depth)):
                            panel[s, c] = b[(k + s) * b_row + (column + c) * b_column]
                filters, lines = panel.reshape(-1), np.arange(depth) * width
            steps = np.arange(k, k + depth) * a_column
            start, again = (made, 1) if k else (nothing, 0)
            for m in range(first_row, last_row, ROWS):
                for r in range(ROWS):
                    row = min(m + r, last_row - 1)  # the rest of the tile repeats the last row
                    rows[r], outs[r] = row * a_row, row * N + column
                tile(  # type: ignore[call-arg]
                    a, rows, steps, filters, lines, depth, start, again, made, outs, wide, least
                )
