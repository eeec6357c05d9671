"""One pool of threads for every CPU kernel; BLAS keeps to one thread while it works, so the two never compete."""

import contextlib
import functools
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context

from threadpoolctl import ThreadpoolController

_region = threading.Lock()
_inside: ContextVar[bool] = ContextVar("inside a shared kernel", default=False)


@functools.cache
def threads():
    """Return how many threads the kernels use: NNSCRATCH_THREADS, or one per core that this process may use.

    >>> threads() >= 1
    True
    """
    text = os.environ.get("NNSCRATCH_THREADS", "")
    if text:
        if not text.isdigit() or int(text) < 1:
            raise ValueError(f"NNSCRATCH_THREADS is {text!r}: set it to a whole number, 1 or more")
        return int(text)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share(work, count):
    """Split range(count) evenly over the threads and return [work(start, stop), ...] in order.

    The shares depend on `count` and the number of threads alone, so the same run gives the same bits.

    >>> sum(share(lambda start, stop: stop - start, 10))
    10
    """
    if _inside.get():  # a kernel that calls a kernel
        return [work(0, count)]
    shares = max(min(threads(), count), 1)
    edges = [count * i // shares for i in range(shares + 1)]
    with _region, _blas().limit(limits=1, user_api="blas"), _marked():
        # Each thread works in a copy of the caller's context, so that numpy.errstate holds there too.
        others = [_workers().submit(copy_context().run, work, *edge) for edge in zip(edges[1:-1], edges[2:])]
        own = [work(*edges[:2])]
        return own + [other.result() for other in others]


@contextlib.contextmanager
def _marked():
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


@functools.cache
def _workers():
    return ThreadPoolExecutor(max(threads() - 1, 1), thread_name_prefix="nnscratch")


@functools.cache
def _blas():
    return ThreadpoolController()


def _after_fork():
    """Threads do not survive a fork: the child starts a pool of its own."""
    global _region
    _region = threading.Lock()
    _workers.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
