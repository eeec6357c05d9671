"""Scenes are the same whenever they are drawn, and their boxes lie where the shapes are, apart from each other."""

import numpy as np
import pytest

from nnscratch.data.dataset import DataError
from nnscratch.data.scenes import TILE, scenes


def test_boxes_lie_inside_and_apart_and_every_count_of_shapes_occurs():
    drawn = scenes(200, size=96, most=4)
    assert drawn.x.shape == (200, 3, 96, 96) and drawn.x.dtype == np.uint8
    assert {len(labels) for labels in drawn.labels} == {1, 2, 3, 4}
    assert {label for labels in drawn.labels for label in labels.tolist()} == set(range(10))
    for boxes in drawn.boxes:
        covered = np.zeros((96, 96), int)
        for x0, y0, x1, y1 in boxes:
            assert 0 <= x0 < x1 <= 96 and 0 <= y0 < y1 <= 96 and max(x1 - x0, y1 - y0) <= TILE
            covered[y0:y1, x0:x1] += 1
        assert covered.max() == 1


def test_inside_its_box_an_image_differs_from_the_ground():
    drawn = scenes(50, size=64, most=1)
    inside, border = [], []
    for image, [(x0, y0, x1, y1)] in zip(drawn.x.astype(float), drawn.boxes):
        middle = image[:, (y0 + y1) // 2 - 2 : (y0 + y1) // 2 + 2, (x0 + x1) // 2 - 2 : (x0 + x1) // 2 + 2]
        around = image[:, max(y0 - 3, 0) : y1 + 3, max(x0 - 3, 0) : x1 + 3]
        inside.append(np.abs(middle.mean(axis=(1, 2)) - around[:, 0].mean(axis=1)).max())
        border.append(np.abs(around[:, 0].mean(axis=1) - around[:, -1].mean(axis=1)).max())
    assert np.median(inside) > 2 * np.median(border)


def test_the_same_arguments_give_the_same_scenes():
    first, again, more = scenes(5, seed=3), scenes(5, seed=3), scenes(8, seed=3)
    assert (first.x == again.x).all() and (first.x == more.x[:5]).all()
    assert all((a == b).all() for a, b in zip(first.boxes, more.boxes))
    assert (scenes(5, seed=4).x != first.x).any() and (scenes(5, seed=3, split="test").x != first.x).any()


@pytest.mark.parametrize("arguments", [{"count": 0}, {"count": 1, "size": 31}, {"count": 1, "most": 0}])
def test_scenes_that_cannot_be_are_refused(arguments):
    with pytest.raises(DataError, match="cannot draw"):
        scenes(**arguments)
    with pytest.raises(ValueError, match="did you mean 'train'"):
        scenes(1, split="trian")
