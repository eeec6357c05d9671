"""Random numbers on the GPU: Philox as its authors published it, and masks as a function of key and place."""

import numpy as np
import pytest

from nnscratch import kernels
from nnscratch.kernels import cuda, reference
from tests import needs
from tests.cuda import emulation

pytestmark = needs.compiler


@pytest.mark.parametrize(
    "counter, key, drawn",
    [  # from the authors' table of known answers
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_known_answers(counter, key, drawn):
    ask = """
extern "C" __global__ void ask(const unsigned* counter, const unsigned* key, unsigned* out) {
    Draw drawn = philox({{counter[0], counter[1], counter[2], counter[3]}}, key[0], key[1]);
    for (int i = 0; i < 4; i++) out[i] = drawn.at[i];
}
"""
    out = np.zeros(4, np.uint32)
    module = emulation.RawModule(cuda.source("random") + ask, options=cuda.options("float"))
    module.get_function("ask")((1,), (1,), (np.array(counter, np.uint32), np.array(key, np.uint32), out))
    assert tuple(out.tolist()) == drawn


@pytest.mark.parametrize("shape", [(), (1,), (3, 5), (2, 3, 4, 5), (0, 4)])
def test_uniform_numbers_are_equal_on_every_device(cupy, shape):
    key = (3, 0xDEADBEEF)
    ours = kernels.random_uniform(cupy.zeros(1, np.uint8), shape, key)
    np.testing.assert_array_equal(ours.get(), reference.random_uniform(np.zeros(1), shape, key))


def mask_of(cupy, shape=(1000,), drop=0.3, key=(1, 2), dtype=np.float32):
    return kernels.dropout_mask(cupy.zeros(1, dtype), shape, drop, key).get()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_mask_is_a_function_of_its_key_and_place(cupy, dtype):
    mask = mask_of(cupy, dtype=dtype)
    assert mask.dtype == dtype and set(mask.tolist()) == {0, dtype(1 / 0.7)}
    assert abs((mask == 0).mean() - 0.3) < 0.05
    np.testing.assert_array_equal(mask, mask_of(cupy, dtype=dtype))
    np.testing.assert_array_equal(mask[:17], mask_of(cupy, (17,), dtype=dtype))
    for other in [(1, 3), (2, 2), (1,), (1, 2, 0), (2**62, 2)]:
        assert (mask_of(cupy, key=other, dtype=dtype) != mask).any()


def test_a_key_may_lie_on_the_gpu(cupy):
    seed, draws = cupy.asarray(np.array(1)), cupy.asarray(np.array(2))
    np.testing.assert_array_equal(mask_of(cupy, key=(seed, draws)), mask_of(cupy, key=(1, 2)))
    draws += 1
    np.testing.assert_array_equal(mask_of(cupy, key=(1, draws)), mask_of(cupy, key=(1, 3)))
    np.testing.assert_array_equal(mask_of(cupy, key=(np.int64(1), 2)), mask_of(cupy, key=(1, 2)))
