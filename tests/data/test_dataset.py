"""A Dataset takes what fits together and names what does not; splits and subsets are the same every time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnscratch.data.dataset import DataError, Dataset, check_images, check_labels


def images(count, shape=(3, 4, 4), dtype=np.uint8):
    """Images of which each is filled with its own number."""
    return np.broadcast_to(np.arange(count).reshape(-1, 1, 1, 1), (count, *shape)).astype(dtype)


def dataset(**changes):
    """A good Dataset of 6 + 2 + 2 images with some of its parts replaced."""
    parts = {
        "x_train": images(6),
        "y_train": np.arange(6) % 2,
        "x_val": images(2),
        "y_val": np.arange(2),
        "x_test": images(2),
        "y_test": np.arange(2),
        "classes": ["cat", "dog"],
        "name": "pets",
    }
    return Dataset(**{**parts, **changes})


def test_a_good_dataset_says_what_it_holds():
    data = dataset()
    assert data.image == (3, 4, 4)
    assert data.num_classes == 2
    assert data.y_train.dtype == np.int64
    assert repr(data) == "Dataset(pets: 6 train + 2 val + 2 test images of 3x4x4 uint8, 2 classes)"


def test_labels_of_any_integer_type_become_int64():
    assert dataset(y_train=np.zeros(6, np.uint8)).y_train.dtype == np.int64


def test_missing_sets_are_given_as_none_and_kept_as_empty_arrays():
    data = dataset(x_val=None, y_val=None, x_test=None, y_test=None)
    assert data.x_test.shape == (0, 3, 4, 4)
    assert data.y_val.shape == (0,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_train": np.arange(5) % 2}, "y_train has 5 labels for 6 images: give one label per image"),
        (
            {"y_val": np.array([0, 2])},
            "y_val holds the label 2 at index 1, but the number of classes is 2.* 0 to 1",
        ),
        ({"y_val": np.array([0, -1])}, "y_val holds the label -1 at index 1"),
        ({"y_test": np.array([0.0, 1.0])}, r"y_test: expected whole numbers, got float64. Use y.astype"),
        ({"y_test": np.array(["cat", "dog"])}, "return_inverse"),
        ({"y_train": np.eye(2)[np.arange(6) % 2]}, r"got \(6, 2\). One-hot labels need y.argmax"),
        ({"x_train": images(0), "y_train": np.zeros(0, int)}, "x_train of 'pets' holds no images"),
        ({"x_test": images(0), "y_test": np.zeros(0, int)}, "x_test=None and y_test=None"),
        ({"x_train": images(6, dtype=np.int64)}, r"x_train: expected uint8 .* got int64: use x.astype"),
        ({"x_train": images(6)[:, 0]}, r"x_train: expected images \(N, C, H, W\), got \(6, 4, 4\)"),
        ({"x_train": images(6, (8, 8, 3))}, r"colours seem to come last: use x.transpose\(0, 3, 1, 2\)"),
        ({"x_val": images(2, (3, 5, 4))}, r"x_train and x_val differ: .*\(3, 4, 4\) uint8.*\(3, 5, 4\) uint8"),
        ({"x_test": images(2, dtype=np.float32)}, "x_train and x_test differ.*float32"),
        ({"classes": ["cat", "cat"]}, "a class name is listed twice"),
        ({"classes": ["cat"]}, "holds the label 1 at index 1, but the number of classes is 1"),
        ({"x_val": None}, "give both, or x_val=None and y_val=None"),
    ],
)
def test_what_does_not_fit_is_named_with_the_remedy(changes, message):
    with pytest.raises(DataError, match=message):
        dataset(**changes)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_image_that_is_not_finite_is_named(bad):
    x = images(2500, (1, 2, 2), np.float32)
    x[2100, 0, 1, 1] = bad
    with pytest.raises(DataError, match="x holds NaN or infinity in image 2100"):
        check_images(x)


def test_from_arrays_splits_without_loss_and_the_same_way_every_time():
    x, y = images(50), np.arange(50) % 5
    first, second = (Dataset.from_arrays(x, y, validation=0.2, test=7) for _ in range(2))
    sets = [first.x_train, first.x_val, first.x_test]
    assert [len(part) for part in sets] == [33, 10, 7]
    assert sorted(np.concatenate(sets)[:, 0, 0, 0].tolist()) == list(range(50))
    assert (first.x_test == second.x_test).all()
    assert (first.x_train[:, 0, 0, 0] % 5 == first.y_train).all()
    assert first.classes == ["0", "1", "2", "3", "4"]


def test_from_arrays_can_do_without_validation_and_test():
    data = Dataset.from_arrays(images(5), np.zeros(5, int), validation=0, test=0, classes=["one"])
    assert [len(data.x_train), len(data.x_val), len(data.x_test)] == [5, 0, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation": 0.6, "test": 0.5}, "take 11 of 10 images and leave none"),
        ({"validation": 1.5}, "validation=1.5: give a share"),
        ({"test": -1}, "test=-1: give a share"),
        ({"classes": ["a"]}, "holds the label 1"),
    ],
)
def test_from_arrays_refuses_splits_that_make_no_sense(options, message):
    with pytest.raises(DataError, match=message):
        Dataset.from_arrays(images(10), np.arange(10) % 2, **options)


def test_from_arrays_refuses_an_empty_set():
    with pytest.raises(DataError, match="leave none"):
        Dataset.from_arrays(images(0), np.zeros(0, int))


@given(count=st.integers(1, 20))
def test_a_subset_is_drawn_without_replacement_and_always_the_same(count):
    data = dataset(x_train=images(20), y_train=np.arange(20) % 2)
    small = data.subset(train=count)
    numbers = small.x_train[:, 0, 0, 0].tolist()
    assert len(set(numbers)) == count
    assert numbers == data.subset(train=count).x_train[:, 0, 0, 0].tolist()
    assert [number % 2 for number in numbers] == small.y_train.tolist()
    assert len(small.x_val) == 2


def test_a_subset_can_leave_a_set_out_but_not_the_training_set():
    assert len(dataset().subset(test=0).x_test) == 0
    for wrong in ({"train": 0}, {"train": 7}, {"val": 3}, {"test": -1}):
        with pytest.raises(DataError, match="ask for"):
            dataset().subset(**wrong)


@given(labels=st.lists(st.integers(-3, 12), min_size=1), classes=st.integers(1, 10))
def test_labels_pass_exactly_when_they_are_in_range(labels, classes):
    y = np.array(labels)
    if min(labels) >= 0 and max(labels) < classes:
        assert (check_labels(y, num_classes=classes) == y).all()
    else:
        with pytest.raises(DataError, match="labels run from 0"):
            check_labels(y, num_classes=classes)
