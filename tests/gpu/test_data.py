"""Every augmentation and preprocessing on the GPU gives what it gives on the CPU, from the same draws."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch.arrays import no_waiting, to_device
from nnscratch.data import augment
from nnscratch.data.augment import STEPS, Step, parse
from nnscratch.data.crops import ten_crops
from nnscratch.data.draws import Draws
from nnscratch.data.preprocess import PREPROCESS, from_arrays

DTYPES = pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
WORDS = [*STEPS, "crop1", "window7", "cutout3", "mirror,reflect2,cutout,jitter"]


def images(dtype, N=7):
    x = np.random.default_rng(0).integers(0, 256, (N, 3, 26, 25), dtype=np.uint8)
    return x if dtype == np.uint8 else (x / 255).astype(dtype)


class SameDraws:
    """A Generator whose draws are NumPy's, moved to the GPU."""

    def __init__(self, seed):
        self.generator = np.random.default_rng(seed)

    def __getattr__(self, name):
        return lambda *args, **options: to_device(getattr(self.generator, name)(*args, **options), "gpu")


@DTYPES
@pytest.mark.parametrize("word", WORDS)
def test_every_augmentation(word, dtype, cupy):
    x = images(dtype)
    step = parse(word, x)
    expected = step(x, np.random.default_rng(5))
    out = step(cupy.asarray(x), SameDraws(5))
    assert out.dtype == dtype and (expected != x).any() if expected.shape == x.shape else True
    if dtype == np.uint8:
        assert abs(out.get().astype(int) - expected).max() <= 1  # sums may round the other way
        assert (out.get() != expected).mean() < 0.01
    else:
        assert_allclose(out.get(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("word", WORDS)
def test_an_augmentation_draws_on_the_gpu_and_waits_for_nothing(word, cupy, waits):
    x = images(np.uint8)
    step, there = parse(word, x), cupy.asarray(x)
    first = step(there, Draws(there, (0, 1, 2)))  # what it has learnt is copied once
    draws = Draws(there, (0, 1, 2))
    with waits(0), no_waiting():
        again = step(there, draws)
    assert_array_equal(again.get(), first.get())


def test_no_augmentation_is_forgotten():
    steps = {kind for kind in vars(augment).values() if inspect.isclass(kind) and issubclass(kind, Step)}
    tried = {type(step) for word in WORDS for step in parse(word).steps}
    assert steps - tried == {Step, augment.Compose}


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("name", PREPROCESS)
def test_every_preprocessing_and_its_inverse(name, dtype, cupy):
    x = images(dtype, N=150)[..., :6, :7]
    options = {"components": 20} if name == "pca" else {}
    step = PREPROCESS[name](**options).fit(x)
    step = from_arrays(name, step.arrays)  # as a run that goes on has it
    expected, out = step(x), step(cupy.asarray(x))
    assert out.dtype == expected.dtype == np.float32
    assert_allclose(out.get(), expected, rtol=1e-4, atol=1e-4)
    assert_allclose(step.inverse(out).get(), step.inverse(expected), rtol=1e-4, atol=1e-4)


def test_ten_crops(cupy):
    x = images(np.uint8)
    assert_array_equal(ten_crops(cupy.asarray(x), 20).get(), ten_crops(x, 20))
