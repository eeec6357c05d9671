"""How images are shown to a trained network: at the size it was trained on, once or as ten crops."""

from typing import Any

from nnscratch.arrays import array_module


class AtSize:
    """A preprocessing that first cuts the centre out of images larger than `size`; None leaves them whole.

    A network that was trained on random windows of larger images sees their centre when it is tested.

    >>> import numpy as np
    >>> from nnscratch.data import Scale
    >>> AtSize(Scale(), 24)(np.zeros((2, 3, 32, 32), np.uint8)).shape
    (2, 3, 24, 24)
    """

    def __init__(self, preprocess: Any, size: int | None = None) -> None:
        self.preprocess = preprocess
        self.size = size

    @property
    def arrays(self) -> dict[str, Any]:
        """What was learned from the training images."""
        return self.preprocess.arrays

    def fit(self, x: Any) -> "AtSize":
        """Learn from training images (N, C, H, W)."""
        self.preprocess.fit(self._centre(x))
        return self

    def __call__(self, x: Any) -> Any:
        """Return images (N, C, H, W), cut and preprocessed, as float32."""
        return self.preprocess(self._centre(x))

    def _centre(self, x):
        if self.size is None:
            return x
        top, left = ((side - self.size) // 2 for side in x.shape[2:])
        return x[:, :, top : top + self.size, left : left + self.size]


def window_of(augment: str) -> int | None:
    """Return the side of the random windows that an augmentation cuts out; None where it keeps the size.

    >>> window_of("mirror,window24"), window_of("standard")
    (24, None)
    """
    from nnscratch.data.augment import RandomCrop, parse

    sizes = [step.size for step in parse(augment).steps if isinstance(step, RandomCrop)]
    return sizes[-1] if sizes else None


def ten_views(x: Any, augment: str) -> Any:
    """Return the four corners and the centre, each plain and mirrored: (N, C, H, W) -> (10, N, C, size, size).

    The crops are those that the run was trained on: windows of the image, or of the image with a border
    (4 pixels of black, unless the augmentation says otherwise). Source: Krizhevsky et al. 2012, sec. 4.1.

    >>> import numpy as np
    >>> ten_views(np.zeros((2, 3, 32, 32), np.uint8), "mirror,crop4").shape
    (10, 2, 3, 32, 32)
    """
    from nnscratch.data.augment import PadCrop, parse, ten_crops

    window = window_of(augment)
    if window is not None:
        return ten_crops(x, window)
    padded = [step for step in parse(augment).steps if isinstance(step, PadCrop)] or [PadCrop(4)]
    pad, mode = padded[0].pad, padded[0].mode
    size = x.shape[2]
    return ten_crops(array_module(x).pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode=mode), size)
