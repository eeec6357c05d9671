"""Sliding detection finds boxes where windows say they are, and training windows hold what their targets say."""

import numpy as np

from nnscratch.models.localizer import STRIDE, WINDOW
from nnscratch.training.boxes import box_iou
from nnscratch.training.detection import answers, detect, training_windows, windows_of


class Oracle:
    """Stands for a trained localizer: it answers from what it knows about one scene."""

    def __init__(self, size, boxes, labels, classes=4):
        windows = windows_of(size, size)
        side = (size - WINDOW) // STRIDE + 1
        out = np.full((len(windows), classes + 4), -5.0)
        out[:, classes - 1] = 5
        for box, label in zip(boxes, labels):
            whole = (windows[:, :2] <= box[:2]).all(axis=1) & (windows[:, 2:] >= box[2:]).all(axis=1)
            out[whole, classes - 1], out[whole, label] = -5, 5
            out[whole, classes:] = (box - np.tile(windows[whole, :2], 2)) / WINDOW
        self.out = out.T.reshape(1, -1, side, side)

    def scores(self, x, batch_size):
        return self.out


def test_detection_finds_every_box_once_and_in_its_place():
    boxes, labels = np.array([[10, 12, 30, 31], [50, 40, 71, 62], [2, 60, 20, 80]]), np.array([2, 0, 2])
    [found] = detect(Oracle(84, boxes, labels), np.zeros((1, 3, 84, 84)))
    order = box_iou(boxes, found.boxes).argmax(axis=1)
    assert len(found.boxes) == 3 and sorted(order) == [0, 1, 2]
    np.testing.assert_allclose(found.boxes[order], boxes, atol=1e-9)
    assert (found.labels[order] == labels).all() and found.scores.min() > 0.99


def test_nothing_is_found_where_nothing_is():
    [found] = detect(Oracle(40, [], []), np.zeros((1, 3, 40, 40)))
    assert found.boxes.shape == (0, 4) and len(found.scores) == len(found.labels) == 0


def test_probabilities_add_up_to_one():
    probabilities, boxes = answers(Oracle(48, np.array([[9, 9, 20, 20]]), [1]), np.zeros((1, 3, 48, 48)))
    np.testing.assert_allclose(probabilities.sum(axis=2), 1)
    assert probabilities.shape == (1, 25, 4) and boxes.shape == (1, 25, 4)


def test_training_windows_hold_what_their_targets_say():
    rng = np.random.default_rng(0)
    boxes = [np.array([[20, 30, 44, 52], [60, 10, 80, 31]]), np.zeros((0, 4), int)]
    labels = [np.array([4, 7]), np.zeros(0, int)]
    x = np.zeros((2, 1, 96, 96), np.float32)
    for (x0, y0, x1, y1), label in zip(boxes[0], labels[0]):
        x[0, 0, y0:y1, x0:x1] = label
    windows, targets = training_windows(x, boxes, labels, 10, 300, rng)
    assert windows.shape[1:] == (1, WINDOW, WINDOW) and set(targets[:, 0]) == {4, 7, 10}
    for window, (label, *box) in zip(windows[:, 0], targets):
        if label == 10:
            assert box == [0, 0, 0, 0] and (window > 0).sum() < 0.3 * 24 * 22 + 0.3 * 20 * 21
        else:
            x0, y0, x1, y1 = np.rint(np.array(box) * WINDOW).astype(int)
            assert (window[y0:y1, x0:x1] == label).all() and (window == label).sum() == (y1 - y0) * (x1 - x0)
