"""The device behind the double: what it waits for, what is copied to and fro, memory, and recorded steps."""

import contextlib
import operator
import weakref
from collections import Counter

import numpy as np

# What CuPy does through cuBLAS, of which it records nothing.
THROUGH_CUBLAS = {operator.matmul, np.matmul, np.dot, np.inner, np.vdot, np.tensordot, np.einsum}


class OutOfMemoryError(MemoryError):
    """As CuPy's: how much was asked for, and how much is in use."""

    __module__ = "cupy.cuda.memory"

    def __init__(self, size, total, limit=0):
        capped = f", limit set to: {limit:,} bytes" if limit else ""
        super().__init__(f"Out of memory allocating {size:,} bytes (allocated so far: {total:,} bytes{capped}).")


class CUDARuntimeError(RuntimeError):
    """As CuPy's: an error of the CUDA runtime."""


class Device:
    """Counts `synchronize` (the host waits), `upload`, `download`; and knows the stream that records, if any."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.counts: Counter[str] = Counter()
        self.recording: Graph | None = None
        self.limit = 1 << 40  # bytes in all
        self.largest = None  # bytes that one array may have; None: no limit
        self.memory: weakref.WeakValueDictionary[int, np.ndarray] = weakref.WeakValueDictionary()

    def wait(self, why):
        """The host asks for a number: it waits for the device, which is impossible while a graph is recorded."""
        self._forbid(why)
        self.counts["synchronize"] += 1

    def copy(self, way):
        """Bytes go from host to device (`upload`) or back (`download`); the latter waits."""
        self._forbid(way)
        self.counts[way] += 1
        if way == "download":
            self.counts["synchronize"] += 1

    def _forbid(self, what):
        if self.recording is not None:
            raise CUDARuntimeError(f"cudaErrorStreamCaptureUnsupported: {what} while a stream is capturing")

    def allocated(self, array):
        """Note memory that now belongs to the device; raise an error where there is no room for it."""
        if self.largest is not None and array.nbytes > self.largest:
            raise OutOfMemoryError(array.nbytes, self.limit - self.largest)
        self.memory[array.ctypes.data] = array

    def run(self, function, args, kwargs, writes=False):
        """Do something on the device, and note it where a graph is recorded; `writes`: into its arguments."""
        if self.recording is not None and function in THROUGH_CUBLAS:
            raise NotImplementedError("calling cuBLAS API during stream capture is currently unsupported")
        with np.errstate(all="ignore"):
            result = _no_scalars(function(*args, **kwargs))
        if self.recording is not None:
            self.recording.note(function, args, kwargs, result, writes)
        return result


def _no_scalars(result):
    """What NumPy gives as a scalar lies on the device too, as an array without axes."""
    if isinstance(result, (tuple, list)):
        return type(result)(map(_no_scalars, result))
    return np.asarray(result) if isinstance(result, np.generic) else result


DEVICE = Device()


class Graph:
    """Work that was recorded; `launch` does it again on the same memory, as a CUDA graph does.

    Recording runs nothing on a card. Here it must, for the shapes; so at its end all memory is put back as it was,
    and what was made meanwhile is filled with garbage. A graph keeps all of the memory alive, as its pool does.
    """

    def __init__(self):
        self.steps, self.before = [], [(array, array.copy()) for array in DEVICE.memory.values()]

    def note(self, function, args, kwargs, result, writes):
        results = [r for r in (result if isinstance(result, (tuple, list)) else [result]) if _is_new(r, args)]
        if writes or results:
            self.steps.append((function, args, kwargs, [] if writes else results))

    def close(self):
        known = {id(array) for array, _ in self.before}
        self.made = [array for array in DEVICE.memory.values() if id(array) not in known]
        for array, before in self.before:
            array[...] = before
        for array in self.made:
            fill_with_garbage(array)

    def launch(self, stream=None):
        DEVICE.counts["graph"] += 1
        with np.errstate(all="ignore"):
            for function, args, kwargs, results in self.steps:
                again = function(*args, **kwargs)
                if results:
                    for array, value in zip(results, again if isinstance(again, (tuple, list)) else [again]):
                        array[...] = value

    def upload(self, stream=None):
        pass


def _is_new(result, args):
    """Whether a result has memory of its own, and is no view of an argument."""
    return isinstance(result, np.ndarray) and not any(
        np.may_share_memory(result, arg) for arg in _arrays(args) if result.base is not None or result is arg
    )


def _arrays(tree):
    if isinstance(tree, np.ndarray):
        yield tree
    elif isinstance(tree, (tuple, list)):
        for part in tree:
            yield from _arrays(part)


def fill_with_garbage(array):
    """What uninitialised memory may hold."""
    if array.dtype.kind == "f":
        array.fill(np.nan)
    elif array.dtype.kind in "iu":
        array.fill(np.iinfo(array.dtype).max // 2 + 1)


class Stream:
    """A queue of work; only what is recorded on it differs from no stream at all."""

    null: "Stream"
    current: "Stream"

    def __init__(self, null=False, non_blocking=False, ptds=False):
        self.is_null = null

    def __enter__(self):
        self._before, Stream.current = Stream.current, self
        return self

    def __exit__(self, *error):
        Stream.current = self._before

    def begin_capture(self, mode=None):
        if self.is_null or Stream.current is not self:
            raise CUDARuntimeError(
                "cudaErrorStreamCaptureUnsupported: use a stream of one's own, with `with stream:`"
            )
        DEVICE.recording = Graph()

    def end_capture(self):
        graph, DEVICE.recording = DEVICE.recording, None
        graph.close()
        return graph

    def is_capturing(self):
        return DEVICE.recording is not None and Stream.current is self

    def synchronize(self):
        DEVICE.wait("Stream.synchronize")

    def wait_event(self, event):
        pass


Stream.null = Stream.current = Stream(null=True)


class MemoryPool:
    """Hands out nothing: NumPy's memory is the device's memory."""

    def malloc(self, size):
        return size

    def used_bytes(self):
        return 0

    def free_bytes(self):
        return 0

    def total_bytes(self):
        return 0

    def free_all_blocks(self, stream=None):
        pass


@contextlib.contextmanager
def using_allocator(allocator=None):
    yield
