"""Memory for the CPU kernels: arrays of images lie channels last, and large ones are used again.

Fresh memory is dear: the system hands it out page by page, filled with zeros, at the first touch. A training step
asks for the same sizes over and over, so its arrays come from blocks that are kept. A block is free when no array
looks into it any more, and Python's reference count says when that is.
"""

import math
import os
import sys
import threading

import numpy as np

from nnscratch.kernels.pool import share

SMALL = 1 << 16  # bytes: less than that is cheap to ask for
IDLE = 500  # requests after which an unused block is given back, at the latest after twice as many
ALIGNMENT = 64  # bytes: a line of the cache, and the widest vector

_lock = threading.Lock()
_blocks: list["_Block"] = []
_requests = 0


class _Block:
    """Memory of a fixed size, and when it was last asked for."""

    def __init__(self, size):
        raw = np.empty(size + ALIGNMENT, np.uint8)
        self.skip = -raw.ctypes.data % ALIGNMENT
        self.memory, self.size, self.used = raw, size, _requests

    def free(self):
        """Return whether no array looks into this memory: then two hold it, this object and the call below."""
        return sys.getrefcount(self.memory) == 2


def empty(shape, dtype):
    """Return an array that is not initialised, like numpy.empty, in memory that may have served before.

    >>> empty((2, 3), np.float32).shape
    (2, 3)
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size < SMALL:
        return np.empty(shape, dtype)
    with _lock:
        block = _block_of(size)
        return block.memory[block.skip : block.skip + size].view(dtype).reshape(shape)


def _after_fork():
    """In the child, no thread is left that could open the lock."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _block_of(size):
    global _requests
    _requests += 1
    if _requests % IDLE == 0:
        _give_back()
    fitting = [block for block in _blocks if size <= block.size <= 2 * size and block.free()]
    if fitting:
        block = min(fitting, key=lambda block: block.size)
    else:
        _give_back()
        block = _Block(size)
        _blocks.append(block)
    block.used = _requests
    return block


def _give_back():
    _blocks[:] = [block for block in _blocks if not block.free() or block.used > _requests - IDLE]


def channels_last(x, dtype=None):
    """Return x (N, C, ...) as (N, ..., C), in memory in that order: a view, where x's own memory is so already.

    >>> channels_last(np.zeros((2, 3, 4, 5))).shape
    (2, 4, 5, 3)
    """
    moved = x.transpose(0, *range(2, x.ndim), 1)
    if moved.flags.c_contiguous and moved.dtype == (dtype or x.dtype):
        return moved
    last = empty(moved.shape, dtype or x.dtype)
    share(lambda start, stop: np.copyto(last[start:stop], moved[start:stop]), len(last))
    return last


def channels_first(x):
    """View x (N, ..., C) as (N, C, ...), in the same memory.

    >>> channels_first(np.zeros((2, 4, 5, 3))).shape
    (2, 3, 4, 5)
    """
    return x.transpose(0, -1, *range(1, x.ndim - 1))


def empty_like(x, count=None):
    """Return an array like x that is not initialised, without gaps, its axes in the order of x's memory.

    `count`: the length of axis 0, if not that of x.

    >>> x = channels_first(np.zeros((2, 4, 5, 3)))
    >>> empty_like(x).strides == x.strides
    True
    """
    order, shape = _order(x), list(x.shape)
    if count is not None:
        shape[0] = count
    return empty([shape[axis] for axis in order], x.dtype).transpose(np.argsort(order))


def flat(x, like):
    """Return x as a row of numbers in the memory order of `like`, an array of its shape without gaps.

    >>> x, y = np.arange(6).reshape(2, 3), np.zeros((3, 2)).T
    >>> flat(x, like=y)
    array([0, 3, 1, 4, 2, 5])
    """
    return np.ascontiguousarray(x.transpose(_order(like))).reshape(-1)


def _order(x):
    """Return the axes of x in the order of their strides, the widest first."""
    return sorted(range(x.ndim), key=lambda axis: -x.strides[axis])
