"""Histograms of edges point where the edges run, histograms of hues are those of the colours."""

import colorsys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnscratch.classic.features import StandardizeFeatures, extract, hog, hue_histogram
from nnscratch.data.dataset import DataError


def edge(angle, size=16):
    """A soft edge whose gradient points in the direction `angle`, in degrees."""
    row, column = np.mgrid[0:size, 0:size] - size / 2
    turn = np.deg2rad(angle)
    return (0.5 + 0.02 * (np.cos(turn) * column + np.sin(turn) * row))[None, None]


@pytest.mark.parametrize("bin", range(9))
def test_an_edge_votes_for_its_own_orientation(bin):
    found = hog(edge(20 * bin)).reshape(4, 9)
    assert (found.argmax(axis=1) == bin).all()
    assert found[:, bin].min() > 0.99 * np.linalg.norm(found[0])
    np.testing.assert_allclose(found, hog(edge(20 * bin + 180)).reshape(4, 9), atol=1e-5)


def test_an_edge_between_two_bins_votes_for_both():
    found = hog(edge(30)).reshape(4, 9)
    np.testing.assert_allclose(found[:, 1], found[:, 2], rtol=1e-3)


@given(st.integers(1, 3), st.integers(16, 40), st.integers(16, 40), st.integers(4, 8))
def test_shapes_and_lengths(N, H, W, cell):
    x = np.random.default_rng(0).random((N, 3, H, W))
    found = hog(x, cell=cell)
    assert found.shape == (N, (H // cell - 1) * (W // cell - 1) * 36) and found.dtype == np.float32
    lengths = np.linalg.norm(found.reshape(-1, 36), axis=1)
    assert (lengths < 1.0001).all() and (lengths > 0.9).all()


def test_brightness_and_contrast_hardly_matter():
    x = np.random.default_rng(0).random((2, 1, 16, 16))
    np.testing.assert_allclose(hog(x), hog(0.3 + 0.5 * x), atol=1e-3)


def test_a_flat_image_has_no_edges():
    assert (hog(np.full((1, 3, 16, 16), 77, np.uint8)) == 0).all()


def test_hues_are_those_of_colorsys():
    colours = np.random.default_rng(0).random((200, 3))
    found = hue_histogram(colours[:, :, None, None], bins=12)
    for colour, row in zip(colours, found):
        hue = colorsys.rgb_to_hsv(*colour)[0] * 12
        near = {int(hue + shift) % 12 for shift in (-0.3, 0, 0.3)}  # the hexagon's hue bends from the circle's
        assert row.argmax() in near
        assert row.sum() == pytest.approx(np.ptp(colour), abs=1e-5)


def test_features_of_many_images_are_those_of_each():
    x = np.random.default_rng(0).integers(0, 256, (1003, 3, 16, 16), dtype=np.uint8)
    whole = extract(x)
    assert whole.shape == (1003, 36 + 10)
    np.testing.assert_allclose(whole[[0, 1002]], np.concatenate([extract(x[:1]), extract(x[1002:])]), atol=1e-6)
    assert (extract(x[:3], [hue_histogram]) == hue_histogram(x[:3])).all()


def test_standardized_features_have_mean_0_and_deviation_1():
    x = np.random.default_rng(0).normal(3, 7, (500, 4))
    x[:, 2] = 5
    out = StandardizeFeatures().fit(x)(x)
    np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(out.std(axis=0), [1, 1, 0, 1], atol=1e-6)


def test_clear_errors():
    with pytest.raises(DataError, match="give images of 16x16 or larger"):
        hog(np.zeros((1, 3, 15, 32)))
    with pytest.raises(DataError, match="1 or 3 channels"):
        hog(np.zeros((1, 2, 32, 32)))
    with pytest.raises(DataError, match="expected colour images"):
        hue_histogram(np.zeros((1, 1, 8, 8)))
    with pytest.raises(DataError, match="no features were given"):
        extract(np.zeros((1, 3, 32, 32)), [])
    with pytest.raises(DataError, match="NaN"):
        extract(np.full((1, 3, 32, 32), np.nan))
    with pytest.raises(DataError, match="call fit"):
        StandardizeFeatures()(np.zeros((2, 2)))
