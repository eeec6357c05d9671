"""Where the images of a run lie: on the GPU as a whole where they fit beside the model, else on the CPU."""

from typing import Any

from nnscratch.arrays import device_of, to_device
from nnscratch.training.splits import split_of

SPLITS = ("train", "val", "test")
SHARE = 0.5  # of the GPU's free memory that images may take; the rest is for a step


class PlacedData:
    """The splits of a data set, moved to the device of a model; `words` says where they are, for the user.

    >>> import numpy as np
    >>> placed = PlacedData({"x_train": np.zeros((2, 1, 4, 4), np.uint8), "y_train": np.zeros(2, int)}, "cpu")
    >>> placed.words, placed.split("train")[0].shape
    ('the images lie on the CPU', (2, 1, 4, 4))
    """

    def __init__(self, data: Any, device: str) -> None:
        self.data, self.device = data, device
        self.words = "the images lie on the CPU"
        self._moved: dict[str, Any] = {}
        if device == "gpu":
            self._move()

    def split(self, name: str) -> tuple[Any, Any]:
        """Return (x, y) of a split, where they now lie; (None, None) for one that is missing."""
        return self._moved.get(name) or split_of(self.data, name)

    def _move(self):
        from nnscratch.gpu import free_memory, in_words

        splits = {name: split_of(self.data, name) for name in SPLITS}
        splits = {name: (x, y) for name, (x, y) in splits.items() if x is not None and len(x)}
        size = sum(x.nbytes for x, _ in splits.values() if device_of(x) == "cpu")
        free = free_memory()
        if size > SHARE * free:
            self.words = (
                f"the images ({in_words(size)}) stay on the CPU, as the GPU has {in_words(free)} free: "
                "each batch is made there and copied"
            )
            return
        self._moved = {name: (to_device(x, "gpu"), to_device(y, "gpu")) for name, (x, y) in splits.items()}
        self.words = f"the images ({in_words(size)}) lie on the GPU, and are augmented there"
