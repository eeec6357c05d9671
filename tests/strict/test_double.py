"""The double is itself tested: it refuses what CuPy refuses, counts the waits, and repeats graphs."""

import functools

import numpy as np
import pytest

from tests import needs
from tests.strict.cupy_double import NAMES, REFUSED, installed
from tests.strict.device import DEVICE, CUDARuntimeError, OutOfMemoryError


@pytest.fixture
def cupy():
    with installed() as double:
        yield double


@pytest.mark.parametrize(
    "mix",
    [
        lambda cupy, x: x + np.ones(3),
        lambda cupy, x: np.ones(3) + x,
        lambda cupy, x: x @ np.ones(3),
        lambda cupy, x: x.__iadd__(np.ones(3)),
        lambda cupy, x: np.asarray(x),
        lambda cupy, x: np.array([x, x]),
        lambda cupy, x: np.add(x, 1),
        lambda cupy, x: np.sum(x),
        lambda cupy, x: np.concatenate([x, x]),
        lambda cupy, x: cupy.maximum(x, np.ones(3)),
        lambda cupy, x: cupy.concatenate([x, np.ones(3)]),
        lambda cupy, x: cupy.sqrt(np.ones(3)),
        lambda cupy, x: cupy.exp(1.0),
        lambda cupy, x: cupy.sum([1.0, 2.0]),
        lambda cupy, x: x[np.array([0])],
        lambda cupy, x: x.__setitem__(0, np.ones(3)),
        lambda cupy, x: x.sum(where=x > 0),
        lambda cupy, x: cupy.add(x, x, where=x > 0),
        lambda cupy, x: cupy.sum(x, initial=1.0),
        lambda cupy, x: [1, 2, 3][x[0]],
        lambda cupy, x: hash(x),
    ],
)
def test_mixing_and_unknown_arguments_raise(cupy, mix):
    with pytest.raises(TypeError):
        mix(cupy, cupy.ones(3))


@pytest.mark.parametrize("name", ["matrix", "nditer", "float128", "setdiff", *sorted(REFUSED)])
def test_what_cupy_lacks_is_not_there(cupy, name):
    with pytest.raises(AttributeError):
        getattr(cupy, name)


def test_every_name_of_the_double_is_cupys(cupy):
    places = ("", "ndarray", "cuda", "cuda.Graph", "cuda.Stream", "cuda.MemoryPool", "cuda.runtime", "RawModule")
    for place in places:
        owner = functools.reduce(getattr, filter(None, place.split(".")), cupy)
        own = {name for name in vars(owner) if not name.startswith("_")}
        own -= {"is_null", "current", "note", "close"}  # how the double itself keeps track
        assert {name for name in own if f"{place}.{name}".lstrip(".") not in NAMES} <= {"lib"}


def test_scalars_come_back_as_arrays(cupy):
    x = cupy.asarray(np.arange(3.0))
    for value in (x.sum(), x[1], x.max() * 2, cupy.sqrt(x[2]), x @ x, cupy.dot(x, x)):
        assert isinstance(value, cupy.ndarray) and value.shape == ()
    assert float(x[1] + 1) == 2.0


def test_waits_and_copies_are_counted(cupy):
    x = cupy.asarray(np.arange(3.0))
    DEVICE.reset()
    y = cupy.where(x > 1, x, 0) * 2 + x.sum()
    y[1:] += 1
    assert not DEVICE.counts
    float(x[0]), bool((x > 0).any()), x.get(), x[x > 0]
    assert DEVICE.counts == {"synchronize": 4, "download": 3}
    cupy.asarray(np.ones(2))
    assert DEVICE.counts["upload"] == 1


def test_new_memory_is_garbage(cupy):
    assert np.isnan(cupy.empty(3).get()).all()


def test_views_share_memory(cupy):
    x = cupy.zeros((2, 3))
    x.T[1] = 5
    x[0][2:] += 1
    assert x.get().tolist() == [[0, 5, 1], [0, 5, 0]]


def test_a_graph_repeats_what_was_recorded_on_the_same_memory(cupy):
    x, total = cupy.asarray(np.arange(3.0)), cupy.zeros(())
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        doubled = x * 2
        doubled[0] += 1
        total += doubled.sum()
        graph = stream.end_capture()
    assert float(total) == 0 and np.isnan(doubled.get()).all()  # recording runs nothing
    graph.launch(stream)
    assert float(total) == 7
    x[...] = 1
    graph.launch(stream)
    assert (float(total), doubled.get().tolist()) == (14, [3, 2, 2])


@pytest.mark.parametrize("forbidden", [float, lambda x: x.get(), lambda x: x[x > 0], str])
def test_nothing_may_wait_while_a_stream_captures(cupy, forbidden):
    x, stream = cupy.ones(()), cupy.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        with pytest.raises(CUDARuntimeError, match="capturing"):
            forbidden(x)
        stream.end_capture()


@pytest.mark.parametrize(
    "product", [lambda cupy, x: x @ x, lambda cupy, x: cupy.dot(x, x), lambda cupy, x: x.dot(x)]
)
def test_cublas_is_not_captured(cupy, product):
    x, stream = cupy.ones((2, 2)), cupy.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        with pytest.raises(NotImplementedError, match="cuBLAS API during stream capture"):
            product(cupy, x)
        stream.end_capture()


def test_the_null_stream_cannot_capture(cupy):
    with pytest.raises(CUDARuntimeError):
        cupy.cuda.Stream.null.begin_capture()


def test_memory_runs_out(cupy):
    DEVICE.largest = 100
    with pytest.raises(OutOfMemoryError, match="allocating 800 bytes"):
        cupy.zeros(100)


@needs.compiler
def test_kernels_run_through_the_emulation_and_can_be_captured(cupy):
    code = (
        'extern "C" __global__ void twice(const float* x, float* out, int n) {'
        " int i = blockIdx.x * blockDim.x + threadIdx.x; if (i < n) out[i] = 2 * x[i]; }"
    )
    twice = cupy.RawModule(code=code).get_function("twice")
    x, out = cupy.asarray(np.arange(5, dtype=np.float32)), cupy.empty(5, np.float32)
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        twice((1,), (32,), (x, out, np.int32(5)))
        graph = stream.end_capture()
    assert np.isnan(out.get()).all()
    graph.launch()
    assert out.get().tolist() == [0, 2, 4, 6, 8]
    with pytest.raises(TypeError, match="CuPy arrays"):
        twice((1,), (32,), (np.zeros(5, np.float32), out, np.int32(5)))
    with pytest.raises(TypeError, match="None"):
        twice((1,), (32,), (None, out, np.int32(0)))
    twice((1,), (32,), (np.uint64(0), out, np.int32(0)))  # a null pointer
