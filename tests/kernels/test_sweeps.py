"""The twins that sweep over memory (channel statistics, ReLU, blocks of an optimiser) equal the reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch import kernels, layers
from nnscratch.kernels import reference
from nnscratch.shapes import ShapeError
from nnscratch.training import OPTIMIZERS, Optimizer
from tests import needs
from tests.kernels.checks import (
    LEAST,
    channels,
    check_affine,
    check_blend,
    check_channels_that_are_not_finite,
    check_group_norm,
    check_group_norm_of_large_arrays,
    check_mirrors_and_crops,
    check_moments,
    check_moments_of_large_arrays_far_from_zero,
    check_relu,
    check_sums,
    check_sums_of_large_arrays,
)
from tests.kernels.close import CPU, FLOATS, LAYOUTS

needs.package("numba")
from nnscratch.kernels import cpu, sweeps  # noqa: E402


@given(channels(), st.sampled_from([0, 0, 100.0, 1e4]))
def test_moments(arrays, offset):
    check_moments(CPU, arrays, offset)


@pytest.mark.parametrize("shape", [(64, 5, 16, 17), (3, 5000), (2, 4097, 3), (1, 1, 300, 301), (20000, 2)])
def test_moments_of_large_arrays_far_from_zero(shape):
    check_moments_of_large_arrays_far_from_zero(CPU, shape)


@given(channels(count=2, vectors=3), st.booleans())
def test_sums(arrays, gated):
    check_sums(CPU, arrays, gated)


@pytest.mark.parametrize("shape", [(64, 5, 16, 17), (3, 5000), (2, 4097, 3)])
def test_sums_of_large_arrays(shape):
    check_sums_of_large_arrays(CPU, shape)


@given(channels(vectors=3), LEAST)
def test_affine(arrays, least):
    check_affine(CPU, arrays, least)


@given(channels(count=2, vectors=6), st.booleans())
def test_blend(arrays, gated):
    check_blend(CPU, arrays, gated)


@given(st.data(), channels(count=2, vectors=2))
def test_group_norm(data, arrays):
    check_group_norm(CPU, arrays, data.draw)


@pytest.mark.parametrize(("shape", "groups"), [((64, 8, 40, 41), 2), ((3000, 512), 1), ((2, 6, 90001), 3)])
def test_group_norm_of_large_arrays(shape, groups):
    check_group_norm_of_large_arrays(CPU, shape, groups)


@given(st.data(), channels(count=2, vectors=6), LEAST)
def test_channels_that_are_not_finite(data, arrays, least):
    check_channels_that_are_not_finite(CPU, data.draw, arrays, least)


@given(st.data(), channels(count=2))
def test_relu_and_its_backward_pass(data, arrays):
    check_relu(CPU, data.draw, arrays)


def test_relu_of_a_single_number_and_of_none():
    assert cpu.relu(np.array(-3.0)) == 0 and cpu.relu_backward(np.array(2.0), np.array(3.0)) == 2
    assert (
        cpu.relu(np.zeros((0, 4))).shape == cpu.relu_backward(np.zeros((0, 4)), np.zeros((0, 4))).shape == (0, 4)
    )


def test_whole_numbers_beside_floats_are_left_to_the_reference():
    rng, v = np.random.default_rng(0), np.array([0.3, -0.7, 1.1], np.float32)
    whole, floats = rng.integers(-3, 3, (2, 3, 4)), rng.normal(size=(2, 3, 4)).astype(np.float32)
    for name, args in {
        "relu_backward": (floats, whole),
        "channel_affine": (whole, v, v, v),
        "channel_sums": (whole, floats, v),
        "channel_blend": (whole, v, floats, v, v, v),
    }.items():
        ours, theirs = getattr(kernels, name)(*args), getattr(reference, name)(*args)
        assert_allclose(ours, theirs, err_msg=name)
        assert np.array(ours).dtype == np.array(theirs).dtype


@given(st.data())
def test_mirrors_and_crops(data):
    check_mirrors_and_crops(CPU, data.draw)


def test_large_images_are_mirrored_and_cropped_on_all_threads():
    x = np.random.default_rng(0).integers(0, 256, (9, 3, 200, 210), dtype=np.uint8)
    chosen, top = np.arange(9) % 2 == 0, np.arange(9)
    assert_array_equal(cpu.mirror(x, chosen), reference.mirror(x, chosen))
    assert_array_equal(cpu.crop(x, top, top, (200, 201), 4), reference.crop(x, top, top, (200, 201), 4))


BLOCK = sweeps.BLOCK
AROUND_A_BLOCK = [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1, 3 * BLOCK + 77]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_moves_blocks_as_it_moves_the_whole(name, dtype):
    for size in AROUND_A_BLOCK:
        for shape in ((size,), (1, size)):
            ends = []
            for switch in (False, True):
                optimizer = OPTIMIZERS[name](rate=0.1, weight_decay={"*": 0.01})
                rng = np.random.default_rng(0)
                w = rng.normal(size=shape).astype(dtype)
                for _ in range(2):
                    dw = rng.normal(size=shape).astype(dtype)
                    given = dw.copy()
                    with kernels.reference_only() if switch else np.errstate():
                        optimizer.step({"w": w}, {"w": dw})
                    assert_array_equal(dw, given)
                ends.append({"w": w, **optimizer.state})
            assert ends[0].keys() == ends[1].keys()
            for key, array in ends[0].items():
                assert_array_equal(array, ends[1][key], err_msg=f"{key} of {shape}")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_parameters_with_gaps_are_moved_too(name):
    wide = np.random.default_rng(0).normal(size=(400, 800))
    dense, dw = wide[:, ::2].copy(), wide[:, 1::2].copy()
    OPTIMIZERS[name](rate=0.1).step({"w": dense}, {"w": dw})
    for w, gradient in ((wide[:, ::2].copy(order="F"), wide[:, 1::2]), (wide[:, ::2], dw)):
        OPTIMIZERS[name](rate=0.1).step({"w": w}, {"w": gradient})
        assert_allclose(w, dense)


def test_a_rule_that_looks_at_all_numbers_gets_all_of_them():
    seen = []

    class Normalized(Optimizer):
        def update(self, w, dw, rate):
            seen.append(w.shape)
            w -= rate * dw / np.linalg.norm(dw)

    w = np.zeros((3, sweeps.BLOCK))
    Normalized(rate=1.0).step({"w": w}, {"w": np.ones_like(w)})
    assert seen == [(3, sweeps.BLOCK)]
    assert_allclose(w, -1 / np.sqrt(w.size))


PAIRS = ("leaky_relu", "elu", "gelu", "sigmoid", "tanh", "softplus", "lrn")


@pytest.mark.parametrize("order", LAYOUTS)
@pytest.mark.parametrize("name", PAIRS)
def test_pairs_that_go_example_by_example_give_what_they_give_on_the_whole(name, order):
    forward, backward = getattr(layers, f"{name}_forward"), getattr(layers, f"{name}_backward")
    rng = np.random.default_rng(0)
    x, dout = (LAYOUTS[order](rng.normal(size=(37, 16, 33, 17)).astype(np.float32)) for _ in range(2))
    assert x.size > 2 * sweeps.BLOCK
    out, cache = forward(x)
    dx = backward(dout, cache)
    with kernels.reference_only():
        expected, expected_cache = forward(x)
        assert_allclose(out, expected, rtol=1e-6)
        assert_allclose(dx, backward(dout, expected_cache), rtol=1e-5, atol=1e-6)


def test_a_sweep_cuts_joins_and_hands_on(monkeypatch):
    monkeypatch.setitem(kernels._switch, "reference", False)
    calls = []

    @kernels.example_by_example
    def double(x, shared, few=1):
        calls.append(len(x))
        return 2 * x, (x, shared, len(shared), few)

    x, shared = np.arange(4.0 * sweeps.BLOCK).reshape(64, -1), np.zeros(3)
    out, (same, also_same, three, few) = double(x, shared, few=5)
    assert_array_equal(out, 2 * x)
    assert same is x and also_same is shared and (three, few) == (3, 5)
    assert sum(calls) == 64 and len(calls) >= 4


def test_an_error_in_a_sweep_tells_of_the_whole_array():
    with pytest.raises(ShapeError, match=r"got \(64, 16384\)"):
        layers.lrn_forward(np.zeros((64, 16384), np.float32))


@given(st.lists(st.integers(0, 40), min_size=1, max_size=3), st.sampled_from([0.1, 0.5, 0.9]), FLOATS)
def test_dropout_masks_are_the_reference_s_bit_for_bit(shape, drop, dtype):
    x = np.zeros(3, dtype)
    mask = cpu.dropout_mask(x, tuple(shape), drop, (3, 4))
    assert mask.dtype == x.dtype
    assert_array_equal(mask, reference.dropout_mask(x, tuple(shape), drop, (3, 4)))
