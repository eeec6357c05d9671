"""Measure a trained model on one split of its data: accuracy, top-5, loss, per class, confusion."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnscratch.choices import choose
from nnscratch.cli.output import progress

SPLITS = ("test", "val", "train")
BATCH = 250


@dataclass
class Measured:
    """What a model makes of images with labels y (N,): `probabilities` (N, classes) and the figures from them.

    >>> measured = Measured(np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([0, 1]), ["cat", "dog"])
    >>> measured.accuracy, measured.per_class, measured.confusion.tolist()
    (0.5, {'cat': 1.0, 'dog': 0.0}, [[1, 0], [1, 0]])
    """

    probabilities: Any
    y: Any
    classes: list[str]

    @property
    def predicted(self) -> Any:
        """The likeliest class of every image, (N,)."""
        return self.probabilities.argmax(axis=1)

    @property
    def accuracy(self) -> float:
        """The share of images classified right."""
        from nnscratch.training import accuracy

        return accuracy(self.probabilities, self.y)

    @property
    def top_5(self) -> float | None:
        """The share of images whose class is among the five likeliest; None where there are no more than five."""
        from nnscratch.training import top_k_accuracy

        return top_k_accuracy(self.probabilities, self.y, 5) if len(self.classes) > 5 else None

    @property
    def loss(self) -> float:
        """The mean of -log(probability of the right class)."""
        right = self.probabilities[np.arange(len(self.y)), self.y]
        return float(-np.log(np.maximum(right, 1e-30)).mean())

    @property
    def per_class(self) -> dict[str, float | None]:
        """The accuracy within each class; None for a class without images."""
        from nnscratch.training import per_class_accuracy

        shares = per_class_accuracy(self.predicted, self.y, len(self.classes)).tolist()
        return {name: None if share != share else share for name, share in zip(self.classes, shares)}

    @property
    def confusion(self) -> Any:
        """Counts (classes, classes): row = right class, column = predicted class."""
        from nnscratch.training import confusion_matrix

        return confusion_matrix(self.predicted, self.y, len(self.classes))

    def to_json(self) -> dict[str, Any]:
        """Return all figures as plain values for `json.dumps`."""
        return {
            "images": len(self.y),
            "accuracy": self.accuracy,
            "top_5": self.top_5,
            "loss": self.loss,
            "per_class": self.per_class,
            "confusion": self.confusion.tolist(),
        }


def measure(
    probabilities: Callable[[Any], Any], data: Any, split: str = "test", views: Callable[[Any], Any] | None = None
) -> Measured:
    """Run a model over a split of a Dataset, a batch at a time.

    `probabilities` maps raw images (N, C, H, W) to (N, classes). `views` makes several views (V, N, C, H, W) of
    the images, and their probabilities are averaged. Raises ValueError where the data have no such split.

    >>> from nnscratch.data.dataset import Dataset
    >>> x, y = np.zeros((4, 3, 8, 8), np.uint8), np.array([0, 1, 0, 1])
    >>> data = Dataset(x, y, None, None, x, y, classes=["cat", "dog"], name="pets")
    >>> measure(lambda x: np.tile([0.7, 0.3], (len(x), 1)), data).accuracy
    0.5
    """
    choose(split, SPLITS_BY_NAME, "split")
    x, y = getattr(data, f"x_{split}"), getattr(data, f"y_{split}")
    if len(x) == 0:
        known = ", ".join(name for name in SPLITS if len(getattr(data, f"x_{name}")))
        raise ValueError(f"{data.name} has no {split} images: use --split with one of {known}")
    parts = []
    for start in progress(range(0, len(x), BATCH), "evaluate"):
        images = x[start : start + BATCH]
        shown = views(images) if views else images[None]
        parts.append(sum(probabilities(view) for view in shown) / len(shown))
    return Measured(np.concatenate(parts), y, data.classes)


SPLITS_BY_NAME = {name: name for name in SPLITS}
