"""A Dataset holds the images and labels of a training, a validation and a test set, checked once at the door."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nnscratch.arrays import array_module, may_look, rng


class DataError(ValueError):
    """Images or labels that cannot be used; the message says what was expected, what came and what to do."""


SPLITS = ("train", "val", "test")


@dataclass
class Dataset:
    """Images and labels of the three sets, and the names of the classes.

    x: (N, C, H, W), uint8 from 0 to 255 or floating point; y: (N,) whole numbers, kept as int64. The training
    set must hold images. A validation or test set may be missing: give None for its x and y, and it is kept as
    an empty array. `note` tells the user where the data came from.

    Raises DataError when anything does not fit together.

    >>> x, y = np.zeros((4, 3, 8, 8), np.uint8), np.array([0, 1, 0, 1])
    >>> data = Dataset(x, y, None, None, x, y, classes=["cat", "dog"], name="pets")
    >>> data
    Dataset(pets: 4 train + 0 val + 4 test images of 3x8x8 uint8, 2 classes)
    """

    x_train: Any
    y_train: Any
    x_val: Any
    y_val: Any
    x_test: Any
    y_test: Any
    classes: list[str]
    name: str
    note: str = ""

    def __post_init__(self) -> None:
        self.classes = [str(name) for name in self.classes]
        for split in SPLITS[1:]:
            x, y = getattr(self, f"x_{split}"), getattr(self, f"y_{split}")
            if x is None and y is None:
                setattr(self, f"x_{split}", np.asarray(self.x_train)[:0])
                setattr(self, f"y_{split}", np.zeros(0, np.int64))
            elif x is None or y is None or len(x) == 0:
                raise DataError(
                    f"x_{split} of {self.name!r} holds no images, or no labels y_{split} are given: give both, "
                    f"or x_{split}=None and y_{split}=None to do without"
                )
        self.validate()

    def validate(self) -> None:
        """Check all three sets and turn labels into int64; raises DataError at the first thing that is wrong.

        >>> x, y = np.zeros((2, 3, 8, 8), np.uint8), np.array([0, 7])
        >>> Dataset(x, y, None, None, None, None, classes=["cat", "dog"], name="pets").validate()
        Traceback (most recent call last):
        nnscratch.data.dataset.DataError: y_train holds the label 7 at index 1, but the number of classes is 2...
        """
        if len(set(self.classes)) != len(self.classes):
            raise DataError(f"a class name is listed twice: {', '.join(self.classes)}. Give each class once")
        for split in SPLITS:
            x, y = np.asarray(getattr(self, f"x_{split}")), np.asarray(getattr(self, f"y_{split}"))
            if split == "train" and len(x) == 0:
                raise DataError(f"x_train of {self.name!r} holds no images: a training set needs at least one")
            check_images(x, f"x_{split}")
            y = check_labels(y, f"y_{split}", len(x), self.num_classes)
            setattr(self, f"x_{split}", x)
            setattr(self, f"y_{split}", y)
            if x.shape[1:] != self.image or x.dtype != self.x_train.dtype:
                raise DataError(
                    f"x_train and x_{split} differ: (C, H, W) is {self.image} {self.x_train.dtype} in x_train, "
                    f"{x.shape[1:]} {x.dtype} in x_{split}. Bring both to one shape and dtype"
                )

    @property
    def image(self) -> tuple[int, int, int]:
        """The shape of one image, (C, H, W)."""
        return self.x_train.shape[1:]

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.classes)

    @classmethod
    def from_arrays(cls, x, y, validation=0.1, test=0.1, classes=None, seed=0, name="own arrays") -> "Dataset":
        """Split a user's own images and labels at random into the three sets.

        x: (N, C, H, W) uint8 or floating point, y: (N,) whole numbers. `validation` and `test` are shares of N
        below 1, or whole counts; 0 means no such set. `classes` are names, by default "0", "1", ...

        Raises DataError when the arrays do not fit or nothing is left to train on.

        >>> Dataset.from_arrays(np.zeros((20, 1, 8, 8), np.uint8), np.arange(20) % 2)
        Dataset(own arrays: 16 train + 2 val + 2 test images of 1x8x8 uint8, 2 classes)
        """
        x, y = np.asarray(x), np.asarray(y)
        check_images(x, "x")
        y = check_labels(y, "y", len(x), len(classes) if classes is not None else None)
        if classes is None:
            classes = [str(label) for label in range(int(y.max(initial=-1)) + 1)]
        counts = [_count(validation, len(x), "validation"), _count(test, len(x), "test")]
        if sum(counts) >= len(x):
            raise DataError(
                f"validation={validation} and test={test} take {sum(counts)} of {len(x)} images and leave none "
                "to train on: ask for less"
            )
        rest, val, last = np.split(rng(seed).permutation(len(x)), [len(x) - sum(counts), len(x) - counts[1]])
        parts: dict[str, Any] = {}
        for split, chosen in zip(SPLITS, (rest, val, last)):
            parts[f"x_{split}"], parts[f"y_{split}"] = (x[chosen], y[chosen]) if len(chosen) else (None, None)
        return cls(**parts, classes=list(classes), name=name)

    def subset(self, train=None, val=None, test=None, seed=0) -> "Dataset":
        """Return a smaller Dataset with so many images of each set, drawn without replacement; None keeps all.

        The same counts and seed always give the same images. Raises DataError when a set has fewer images.

        >>> x, y = np.zeros((100, 3, 8, 8), np.uint8), np.arange(100) % 2
        >>> Dataset.from_arrays(x, y).subset(train=20)
        Dataset(own arrays: 20 train + 10 val + 10 test images of 3x8x8 uint8, 2 classes)
        """
        parts: dict[str, Any] = {}
        for split, wanted in zip(SPLITS, (train, val, test)):
            x, y = getattr(self, f"x_{split}"), getattr(self, f"y_{split}")
            if wanted is not None:
                if not 0 <= wanted <= len(x) or (split == "train" and wanted == 0):
                    raise DataError(
                        f"subset: {split}={wanted}, but the {split} set of {self.name!r} holds {len(x)} images: "
                        f"ask for {0 if split != 'train' else 1} to {len(x)}"
                    )
                chosen = rng(seed).permutation(len(x))[:wanted]
                x, y = x[chosen], y[chosen]
            parts[f"x_{split}"], parts[f"y_{split}"] = (x, y) if len(x) else (None, None)
        return replace(self, **parts)

    def __repr__(self) -> str:
        counts = " + ".join(f"{len(getattr(self, f'x_{split}'))} {split}" for split in SPLITS)
        image = "x".join(str(size) for size in self.image)
        return f"Dataset({self.name}: {counts} images of {image} {self.x_train.dtype}, {self.num_classes} classes)"


def check_images(x, name="x") -> None:
    """Raise DataError unless x is a batch of images (N, C, H, W), uint8 or floating point and finite.

    >>> check_images(np.zeros((2, 3, 8, 8), np.uint8))
    >>> check_images(np.full((2, 3, 8, 8), np.nan))
    Traceback (most recent call last):
    nnscratch.data.dataset.DataError: x holds NaN or infinity in image 0...
    """
    if getattr(x, "ndim", None) != 4:
        raise DataError(
            f"{name}: expected images (N, C, H, W), got {getattr(x, 'shape', type(x).__name__)}. "
            "One image needs x[None], grey images (N, H, W) need x[:, None]"
        )
    if x.shape[1] > 4 >= x.shape[3] > 0:
        raise DataError(
            f"{name}: expected images (N, C, H, W), got {x.shape}, where the colours seem to come last: "
            "use x.transpose(0, 3, 1, 2)"
        )
    if x.dtype != np.uint8 and x.dtype.kind != "f":
        raise DataError(
            f"{name}: expected uint8 (0 to 255) or floating point, got {x.dtype}: use x.astype(np.uint8)"
        )
    if x.size == 0 and len(x) > 0:
        raise DataError(f"{name}: expected images with at least one pixel, got the shape {x.shape}")
    check_finite(x, name)


def check_examples(x, name="x") -> None:
    """Raise DataError unless x is a batch of images (N, C, H, W) or of features (N, D), which are floating point.

    >>> check_examples(np.zeros((2, 3, 8, 8), np.uint8))
    >>> check_examples(np.zeros((2, 5), int))
    Traceback (most recent call last):
    nnscratch.data.dataset.DataError: x: expected floating-point features (N, D), got int64: use ...
    """
    if getattr(x, "ndim", None) != 2:
        return check_images(x, name)
    if x.dtype.kind != "f":
        raise DataError(
            f"{name}: expected floating-point features (N, D), got {x.dtype}: use x.astype(np.float32)"
        )
    if x.shape[1] == 0:
        raise DataError(f"{name}: expected features (N, D) with at least one number each, got {x.shape}")
    return check_finite(x, name)


def check_finite(x, name="x", chunk=1000) -> None:
    """Raise DataError when floating-point images (N, ...) hold NaN or infinity; the first such image is named.

    >>> check_finite(np.ones((2, 3, 8, 8)))
    """
    if x.dtype.kind != "f" or not may_look(x):
        return
    xp = array_module(x)
    for first in range(0, len(x), chunk):
        part = x[first : first + chunk]
        if not xp.isfinite(part).all():
            bad = first + int(xp.isfinite(part.reshape(len(part), -1)).all(axis=1).argmin())
            raise DataError(
                f"{name} holds NaN or infinity in image {bad}: leave such images out, "
                "or repair them with np.nan_to_num"
            )


def check_labels(y, name="y", count=None, num_classes=None):
    """Return labels (N,) as int64; raises DataError unless they are whole numbers in range(num_classes).

    >>> check_labels(np.array([0, 2], np.uint8), num_classes=3)
    array([0, 2])
    """
    if y.ndim != 1:
        raise DataError(
            f"{name}: expected one label per image, (N,), got {y.shape}. One-hot labels need y.argmax(axis=1)"
        )
    if y.dtype.kind not in "iu":
        raise DataError(
            f"{name}: expected whole numbers, got {y.dtype}. Use y.astype(np.int64) for floating-point labels "
            "and `classes, y = np.unique(names, return_inverse=True)` for names"
        )
    if count is not None and len(y) != count:
        raise DataError(f"{name} has {len(y)} labels for {count} images: give one label per image")
    wrong = (y < 0) if num_classes is None else (y < 0) | (y >= num_classes)
    if wrong.any():
        where = int(np.argmax(wrong))
        known = "" if num_classes is None else f", but the number of classes is {num_classes}"
        last = "" if num_classes is None else f" to {num_classes - 1}"
        raise DataError(f"{name} holds the label {y[where]} at index {where}{known}: labels run from 0{last}")
    return y.astype(np.int64, copy=False)


def check_targets(y, name="y", count=None):
    """Return labels (N,) as int64, or targets (N, ...) of several numbers: whole ones as int64, others finite.

    Raises DataError.

    >>> check_targets(np.array([0, 2], np.uint8)), check_targets(np.array([[0.5, 0.25]])).shape
    (array([0, 2]), (1, 2))
    """
    if y.ndim < 2:
        return check_labels(y, name, count)
    if count is not None and len(y) != count:
        raise DataError(f"{name} has {len(y)} targets for {count} examples: give one target per example")
    check_finite(y, name)
    return y.astype(np.int64, copy=False) if y.dtype.kind in "iub" else y


def _count(wanted, total, name) -> int:
    """Turn a share below 1 or a whole count into a count."""
    if not wanted >= 0 or (isinstance(wanted, float) and wanted >= 1):
        raise DataError(f"{name}={wanted}: give a share of the images, from 0 to below 1, or a whole count")
    return round(wanted * total) if isinstance(wanted, float) else int(wanted)
