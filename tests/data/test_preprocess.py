"""Preprocessing learns from the training set alone, gives float32, can be undone, saved and rebuilt."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnscratch.data.dataset import DataError
from nnscratch.data.moments import channel_moments, mean_image, principal_directions
from nnscratch.data.preprocess import PCA, PREPROCESS, MeanImage, Scale, Standardize, Whiten, from_arrays

IMAGE_STEPS = ["none", "scale", "mean-image", "channel-mean", "standardize", "whiten"]


@pytest.fixture(scope="module")
def images():
    """2,300 correlated images, more than two chunks."""
    random = np.random.default_rng(0)
    smooth = random.integers(0, 200, (2300, 3, 1, 1)) + random.integers(0, 56, (2300, 3, 5, 4))
    return smooth.astype(np.uint8)


def build(name):
    return PCA(components=20) if name == "pca" else PREPROCESS[name]()


@pytest.mark.parametrize("name", PREPROCESS)
def test_the_result_is_float32_and_the_input_stays(images, name):
    before = images.copy()
    out = build(name).fit(images)(images[:7])
    assert out.dtype == np.float32
    assert len(out) == 7
    assert (images == before).all()


@pytest.mark.parametrize("name", IMAGE_STEPS)
def test_the_inverse_brings_the_images_back(images, name):
    step = build(name).fit(images)
    scale = 1 if name == "none" else 255
    assert np.abs(step.inverse(step(images[:50])) * scale - images[:50]).max() < 0.05
    assert step(images[:50]).shape == images[:50].shape


@pytest.mark.parametrize("name", PREPROCESS)
def test_what_was_learned_can_be_saved_and_rebuilt_to_the_same_bits(images, name):
    step = build(name).fit(images)
    again = from_arrays(name, {key: array.copy() for key, array in step.arrays.items()})
    assert type(again) is type(step)
    assert again(images[:9]).tobytes() == step(images[:9]).tobytes()
    assert again.inverse(again(images[:9])).shape == images[:9].shape
    assert all(isinstance(array, np.ndarray) for array in step.arrays.values())


def test_known_values():
    x = np.array([0, 255], np.uint8).reshape(2, 1, 1, 1)
    assert Scale()(x).ravel().tolist() == [0, 1]
    assert PREPROCESS["none"]()(x).ravel().tolist() == [0, 255]
    assert MeanImage().fit(x)(x).ravel().tolist() == [-0.5, 0.5]
    assert Standardize().fit(x)(x).ravel().tolist() == [-1, 1]


def test_sums_in_chunks_agree_with_float64(images):
    exact = images.astype(np.float64) / 255
    mean, std = channel_moments(images)
    assert np.abs(mean_image(images) - exact.mean(axis=0)).max() < 1e-7
    assert np.abs(mean.ravel() - exact.mean(axis=(0, 2, 3))).max() < 1e-7
    assert np.abs(std.ravel() - exact.std(axis=(0, 2, 3))).max() < 1e-6
    _, variances, directions = principal_directions(images)
    covariance = np.cov(exact.reshape(len(exact), -1).T, bias=True)
    assert np.abs(directions * variances @ directions.T - covariance).max() < 1e-6
    assert (np.diff(variances) <= 0).all()


def test_standardize_gives_mean_0_and_variance_1_per_channel(images):
    out = Standardize().fit(images)(images)
    assert np.abs(out.mean(axis=(0, 2, 3))).max() < 1e-4
    assert np.abs(out.std(axis=(0, 2, 3)) - 1).max() < 1e-4


def test_a_constant_channel_does_not_divide_by_zero():
    x = np.full((10, 3, 4, 4), 7, np.uint8)
    assert np.abs(Standardize().fit(x)(x)).max() < 1e-6


@pytest.mark.parametrize("zca", [True, False])
def test_whitening_makes_the_covariance_the_identity(images, zca):
    step = Whiten(zca=zca, epsilon=1e-9).fit(images)
    white = step(images).reshape(len(images), -1).astype(np.float64)
    assert np.abs(white.T @ white / len(white) - np.eye(white.shape[1])).max() < 0.01
    assert np.abs(step.inverse(step(images)) * 255 - images).max() < 0.05


def test_zca_stays_closest_to_the_images(images):
    zca, pca = (Whiten(zca=zca).fit(images)(images).reshape(len(images), -1) for zca in (True, False))
    centred = (images / 255 - (images / 255).mean(axis=0)).reshape(len(images), -1)
    assert ((zca - centred) ** 2).sum() < ((pca - centred) ** 2).sum()


def test_pca_keeps_the_most_variance_in_uncorrelated_components(images):
    step = PCA(components=5).fit(images)
    out = step(images).astype(np.float64)
    covariance = out.T @ out / len(out)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 1e-5
    few, many = (
        np.abs(step.inverse(step(images)) - images / 255).mean() for step in (step, PCA(components=40).fit(images))
    )
    assert many < few


def test_only_the_training_set_counts(images):
    step = Standardize().fit(images[:1000])
    learned = {name: array.copy() for name, array in step.arrays.items()}
    step(images[1000:])
    assert all((step.arrays[name] == learned[name]).all() for name in learned)


@pytest.mark.parametrize("name", PREPROCESS)
def test_bad_images_are_refused(images, name):
    step = build(name)
    bad = np.full((30, 3, 5, 4), 0.5, np.float32)
    bad[2, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match="NaN or infinity in image 2"):
        step.fit(bad)(bad)
    with pytest.raises(DataError, match="expected training images"):
        build(name).fit(images[:0])


@pytest.mark.parametrize("name", ["mean-image", "channel-mean", "standardize", "pca", "whiten"])
def test_calling_before_fit_or_with_another_shape_is_refused(images, name):
    with pytest.raises(DataError, match=f"{name}: nothing is learned yet: call fit"):
        build(name)(images)
    with pytest.raises(DataError, match="call fit"):
        build(name).inverse(images)
    with pytest.raises(DataError, match=r"was fitted to images of \(3, .*but got"):
        build(name).fit(images)(images[:, :1])


def test_too_many_components_are_refused(images):
    with pytest.raises(DataError, match="61 components.*ask for 1 to 60"):
        PCA(components=61).fit(images)


def test_an_unknown_name_or_a_missing_array_is_refused():
    with pytest.raises(ValueError, match="did you mean 'standardize'"):
        from_arrays("standardise", {})
    with pytest.raises(DataError, match="standardize needs the arrays mean, std, but std is missing"):
        from_arrays("standardize", {"mean": np.zeros((3, 1, 1), np.float32)})


@given(
    name=st.sampled_from(IMAGE_STEPS),
    shape=st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)),
    dtype=st.sampled_from([np.uint8, np.float32, np.float64]),
)
def test_any_shape_goes_there_and_back(name, shape, dtype):
    x = np.random.default_rng(1).integers(0, 255, shape).astype(dtype)
    step = PREPROCESS[name]().fit(x)
    scale = 255 if dtype == np.uint8 and name != "none" else 1
    assert np.abs(step.inverse(step(x)) * scale - x).max() < 0.1
