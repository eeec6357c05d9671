"""Images and filters of any range are tiled in reading order with black gaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnscratch.data.dataset import DataError
from nnscratch.data.pictures import grid


def test_uint8_images_keep_their_values_and_places():
    images = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1) * 100
    picture = grid(images, columns=2)
    assert picture.dtype == np.uint8
    assert picture[..., 0].tolist() == [[0, 0, 100], [0, 0, 0], [200, 0, 0]]


def test_filters_are_each_stretched_to_the_full_range():
    filters = np.random.default_rng(0).normal(size=(4, 3, 5, 5)) * np.array([1e-3, 1, 50, 0]).reshape(4, 1, 1, 1)
    picture = grid(filters, columns=4, gap=0)
    for tile in np.split(picture, 4, axis=1)[:3]:
        assert (tile.min(), tile.max()) == (0, 255)
    assert (np.split(picture, 4, axis=1)[3] == 0).all()


@given(
    count=st.integers(1, 12), columns=st.integers(1, 15), gap=st.integers(0, 3), channels=st.sampled_from([1, 3])
)
def test_the_picture_has_room_for_all_tiles(count, columns, gap, channels):
    images = np.full((count, channels, 4, 6), 9, np.uint8)
    picture = grid(images, columns, gap)
    across = min(columns, count)
    down = -(-count // across)
    assert picture.shape == (down * (4 + gap) - gap, across * (6 + gap) - gap, 3)
    assert (picture == 9).sum() == count * 4 * 6 * 3


@pytest.mark.parametrize(
    ("images", "columns", "message"),
    [
        (np.zeros((2, 5, 4, 4)), 1, "become grey tiles with w.reshape"),
        (np.zeros((3, 4, 4)), 1, r"got \(3, 4, 4\)"),
        (np.zeros((0, 3, 4, 4)), 1, r"got \(0, 3, 4, 4\)"),
        (np.zeros((1, 3, 4, 4)), 0, "columns is 0: give 1 or more"),
        (np.full((1, 3, 4, 4), np.nan), 1, "NaN"),
    ],
)
def test_what_cannot_be_tiled_is_named(images, columns, message):
    with pytest.raises(DataError, match=message):
        grid(images, columns)
