"""The emulation of CUDA is itself tested: indices, barriers, warp exchanges, and the faults it must find."""

import numpy as np
import pytest

from tests import needs
from tests.cuda import emulation

pytestmark = needs.compiler

SOURCE = """
extern "C" __global__ void places(int* out) {
    int i = threadIdx.x + blockDim.x * threadIdx.y;
    int block = blockIdx.x + gridDim.x * blockIdx.y;
    out[i + blockDim.x * blockDim.y * block] = i + 100 * blockIdx.x + 1000 * blockIdx.y;
}
extern "C" __global__ void reversed(const REAL* x, REAL* out) {
    __shared__ REAL tile[256];
    tile[threadIdx.x] = x[blockIdx.x * blockDim.x + threadIdx.x];
    __syncthreads();
    out[blockIdx.x * blockDim.x + threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
}
extern "C" __global__ void unsynchronised(const REAL* x, REAL* out) {
    __shared__ REAL tile[256];
    tile[threadIdx.x] = x[threadIdx.x];
    out[threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
}
extern "C" __global__ void half_wait(int n) { if (threadIdx.x < n) __syncthreads(); }
extern "C" __global__ void two_barriers() {
    if (threadIdx.x < 3) __syncthreads();
    else __syncthreads();
}
extern "C" __global__ void warp_sum(const REAL* x, REAL* out) {
    REAL sum = x[threadIdx.x];
    for (int bits = 16; bits; bits /= 2) sum += __shfl_xor_sync(~0u, sum, bits);
    out[threadIdx.x] = sum;
}
extern "C" __global__ void typed(float a, double b, int c, long long d, bool e, unsigned f, void* g) {}
"""


def kernel(name, real="float"):
    return emulation.RawModule(SOURCE, options=("--std=c++17", f"-DREAL={real}")).get_function(name)


def test_every_thread_knows_its_place():
    out = np.zeros((3, 2, 4, 5), np.int32)
    kernel("places")((2, 3), (5, 4), (out,))
    by, bx, t = np.ogrid[:3, :2, :20]
    np.testing.assert_array_equal(out.reshape(3, 2, 20), t + 100 * bx + 1000 * by)


@pytest.mark.parametrize("real, dtype", [("float", np.float32), ("double", np.float64)])
def test_barriers_hold_in_both_orders(real, dtype):
    x = np.arange(512, dtype=dtype)
    for order in (emulation.contextlib.nullcontext, emulation.from_the_end):
        out = np.zeros_like(x)
        with order():
            kernel("reversed", real)((2,), (256,), (x, out))
        np.testing.assert_array_equal(out.reshape(2, 256), x.reshape(2, 256)[:, ::-1])


def test_a_forgotten_barrier_reads_garbage():
    x = np.arange(64, dtype=np.float32)
    out = np.zeros_like(x)
    kernel("unsynchronised")((1,), (64,), (x, out))
    assert np.isnan(out[:32]).all()


def test_warps_exchange_numbers():
    x = np.random.default_rng(0).random(96)
    out = np.zeros_like(x)
    kernel("warp_sum", "double")((1,), (96,), (x, out))
    np.testing.assert_allclose(out.reshape(3, 32), np.repeat(x.reshape(3, 32).sum(1, keepdims=True), 32, 1))


@pytest.mark.parametrize(
    "name, args, said",
    [
        ("half_wait", (np.int32(7),), "wait at the barrier"),
        ("two_barriers", (), "different barriers"),
    ],
)
def test_barriers_that_would_hang_are_errors(name, args, said):
    with pytest.raises(emulation.EmulationError, match=said):
        kernel(name)((1,), (32,), args)
    kernel("half_wait")((1,), (32,), (np.int32(32),))


@pytest.mark.parametrize(
    "args, said",
    [
        ((np.zeros(2),), "takes 2 arguments, got 1"),
        ((np.zeros(256), np.zeros(256)), r"argument 0 is \*f4 in the kernel, got \*f8"),
        ((np.zeros(512, np.float32)[::2], np.zeros(256, np.float32)), "gaps"),
        ((np.zeros(256, np.float32), 5), r"argument 1 is \*f4 in the kernel, got i8"),
    ],
)
def test_arguments_are_checked(args, said):
    with pytest.raises(emulation.EmulationError, match=said):
        kernel("reversed")((1,), (256,), args)


def test_signatures_and_launches():
    assert kernel("typed").signature == ["f4", "f8", "i4", "i8", "b1", "u4", "*v"]
    with pytest.raises(emulation.EmulationError, match="refuses"):
        kernel("typed")((1,), (2048,), (np.float32(1), 1.0, np.int32(1), 1, True, np.uint32(1), np.zeros(1)))
    with pytest.raises(emulation.EmulationError, match="does not compile"):
        emulation.RawModule('extern "C" __global__ void wrong() { nothing; }').get_function("wrong")
