"""Bring images to the scale a network likes: objects that learn from the training set and apply to every set.

uint8 images are first divided by 255; floating-point images are taken as they are.
"""

from typing import Any

import numpy as np

from nnscratch.arrays import beside
from nnscratch.choices import choose
from nnscratch.data.dataset import DataError, check_finite
from nnscratch.data.moments import channel_moments, chunks, mean_image, principal_directions, unit


class Preprocess:
    """What all steps share: `fit(x)` learns `arrays`, calling gives float32 images, `inverse` goes back.

    x: (N, C, H, W), uint8 (0 to 255) or floating point. `arrays` holds what was learned, ready for saving. A step
    writes `_learn(x)`, which returns the arrays, and `_apply(x)` and `_undo(x)` on float32 images.

    >>> x = np.random.default_rng(0).random((20, 3, 4, 4))
    >>> step = ChannelMean().fit(x)
    >>> bool(abs(step.inverse(step(x)) - x).max() < 1e-6), list(step.arrays)
    (True, ['mean'])
    >>> isinstance(step, Preprocess)
    True
    """

    name = ""
    learns: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}

    def fit(self, x) -> Any:
        """Learn from the training images; returns the object itself. Raises DataError for NaN and empty sets."""
        chunks(x)
        self.arrays = self._learn(x)
        return self

    def __call__(self, x) -> np.ndarray:
        """Return the images, changed, as float32.

        Raises DataError for NaN, before `fit`, and for images of another shape than those learned from.
        """
        self._check_fitted()
        mean = self.arrays.get("mean")
        if mean is not None and not _broadcasts(mean.shape, x.shape[1:]):
            raise DataError(
                f"{self.name} was fitted to images of {mean.shape} (C, H, W), but got {x.shape}: "
                "fit it to images of one shape"
            )
        return self._apply(unit(x))

    def inverse(self, x) -> np.ndarray:
        """Return the images (N, C, H, W) on the scale 0 to 1 that give x; raises DataError before `fit`."""
        self._check_fitted()
        return self._undo(x)

    def _check_fitted(self):
        if any(name not in self.arrays for name in self.learns):
            raise DataError(f"{self.name}: nothing is learned yet: call fit(x_train) first")

    def _learned(self, name, x):
        """An array that was learned, on the device of x."""
        return beside(self.arrays[name], x)

    def _learn(self, x) -> dict[str, np.ndarray]:
        return {}

    def _apply(self, x) -> Any:
        return x

    def _undo(self, x) -> Any:
        return x


class AsIs(Preprocess):
    """Only turn the images into float32; uint8 stays on the scale 0 to 255, also in `inverse`.

    >>> AsIs()(np.array([[[[0, 255]]]], np.uint8)).tolist()
    [[[[0.0, 255.0]]]]
    """

    name = "none"

    def __call__(self, x) -> np.ndarray:
        """Return the images as float32; raises DataError for NaN."""
        check_finite(x)
        return x.astype(np.float32)


class Scale(Preprocess):
    """Divide uint8 images by 255.

    >>> Scale()(np.array([[[[0, 255]]]], np.uint8)).tolist()
    [[[[0.0, 1.0]]]]
    """

    name = "scale"


class MeanImage(Preprocess):
    """Subtract the mean training image (Krizhevsky et al. 2012, sec. 2).

    >>> x = np.random.default_rng(0).random((20, 3, 4, 4))
    >>> bool(abs(MeanImage().fit(x)(x).mean(axis=0)).max() < 1e-6)
    True
    """

    name = "mean-image"
    learns = ("mean",)

    def _learn(self, x):
        return {"mean": mean_image(x)}

    def _apply(self, x):
        return x - self._learned("mean", x)

    def _undo(self, x):
        return x + self._learned("mean", x)


class MeanImage255(MeanImage):
    """Subtract the mean training image on the scale 0 to 255, for networks whose first weights are drawn for it.

    >>> x = np.random.default_rng(0).random((20, 3, 4, 4))
    >>> bool(50 < abs(MeanImage255().fit(x)(x)).mean() < 100)
    True
    """

    name = "mean-image-255"

    def _apply(self, x):
        return 255 * super()._apply(x)

    def _undo(self, x):
        return super()._undo(x / 255)


class ChannelMean(Preprocess):
    """Subtract the mean of each colour channel over the training set.

    >>> x = np.random.default_rng(0).random((20, 3, 4, 4))
    >>> bool(abs(ChannelMean().fit(x)(x).mean(axis=(0, 2, 3))).max() < 1e-6)
    True
    """

    name = "channel-mean"
    learns = ("mean",)

    def _learn(self, x):
        return {"mean": channel_moments(x)[0]}

    def _apply(self, x):
        return x - self._learned("mean", x)

    def _undo(self, x):
        return x + self._learned("mean", x)


class Standardize(Preprocess):
    """Subtract the mean of each colour channel and divide by its standard deviation.

    >>> x = np.random.default_rng(0).random((20, 3, 4, 4))
    >>> Standardize().fit(x)(x).std(axis=(0, 2, 3)).round(4).tolist()
    [1.0, 1.0, 1.0]
    """

    name = "standardize"
    learns = ("mean", "std")

    def _learn(self, x):
        mean, std = channel_moments(x)
        return {"mean": mean, "std": np.where(std > 1e-6, std, np.float32(1))}

    def _apply(self, x):
        return (x - self._learned("mean", x)) / self._learned("std", x)

    def _undo(self, x):
        return x * self._learned("std", x) + self._learned("mean", x)


class PCA(Preprocess):
    """Project the centred images on their first principal components: (N, C, H, W) -> (N, components).

    The result suits linear classifiers and fully connected nets; `inverse` gives images (N, C, H, W) again.

    >>> x = np.random.default_rng(0).random((50, 3, 4, 4))
    >>> reduce = PCA(components=10).fit(x)
    >>> reduce(x).shape, reduce.inverse(reduce(x)).shape
    ((50, 10), (50, 3, 4, 4))
    """

    name = "pca"
    learns = ("mean", "directions")

    def __init__(self, components: int = 144) -> None:
        super().__init__()
        self.components = components

    def _learn(self, x):
        most = min(len(x), int(np.prod(x.shape[1:])))
        if not 1 <= self.components <= most:
            raise DataError(
                f"pca: {self.components} components cannot be found in training images of shape {x.shape}: "
                f"ask for 1 to {most}"
            )
        mean, _, directions = principal_directions(x)
        return {"mean": mean, "directions": np.ascontiguousarray(directions[:, : self.components])}

    def _apply(self, x):
        return (x - self._learned("mean", x)).reshape(len(x), -1) @ self._learned("directions", x)

    def _undo(self, x):
        mean = self._learned("mean", x)
        return (x @ self._learned("directions", x).T).reshape(-1, *mean.shape) + mean


class Whiten(Preprocess):
    """Decorrelate the pixels and give each direction unit variance (ZCA: Bell and Sejnowski 1997).

    ZCA whitening (`zca=True`) rotates back, so that the result (N, C, H, W) still looks like an image; PCA
    whitening gives (N, C * H * W). `epsilon` is added to the variances, so that directions that hold only noise
    are not blown up.

    >>> x = np.random.default_rng(0).random((500, 1, 3, 3))
    >>> white = Whiten(epsilon=1e-8).fit(x)(x).reshape(500, -1)
    >>> bool(np.abs(white.T @ white / 500 - np.eye(9)).max() < 1e-3)
    True
    """

    name = "whiten"
    learns = ("mean", "directions", "spread", "zca")

    def __init__(self, zca: bool = True, epsilon: float = 0.01) -> None:
        super().__init__()
        self.zca = zca
        self.epsilon = epsilon

    def _learn(self, x):
        mean, variances, directions = principal_directions(x)
        spread = np.sqrt(variances + np.float32(self.epsilon))
        return {"mean": mean, "directions": directions, "spread": spread, "zca": np.array([self.zca])}

    def _apply(self, x):
        mean, directions, spread = (self._learned(name, x) for name in self.learns[:3])
        out = (x - mean).reshape(len(x), -1) @ directions / spread
        return (out @ directions.T).reshape(x.shape) if self.arrays["zca"][0] else out

    def _undo(self, x):
        mean, directions, spread = (self._learned(name, x) for name in self.learns[:3])
        x = x.reshape(len(x), -1)
        rotated = x @ directions if self.arrays["zca"][0] else x
        return (rotated * spread @ directions.T).reshape(-1, *mean.shape) + mean


PREPROCESS: dict[str, type[Preprocess]] = {
    step.name: step for step in (AsIs, Scale, MeanImage, MeanImage255, ChannelMean, Standardize, PCA, Whiten)
}


def from_arrays(name: str, arrays: dict[str, np.ndarray]) -> Preprocess:
    """Rebuild a fitted object from its name and its saved arrays.

    Raises DataError when an array is missing.

    >>> x = np.random.default_rng(0).random((20, 3, 4, 4))
    >>> before = Standardize().fit(x)
    >>> bool((from_arrays("standardize", before.arrays)(x) == before(x)).all())
    True
    """
    step = choose(name, PREPROCESS, "preprocessing")()
    missing = [array for array in step.learns if array not in arrays]
    if missing:
        raise DataError(
            f"{name} needs the arrays {', '.join(step.learns)}, but {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing: fit it again with fit(x_train)"
        )
    step.arrays = {array: np.asarray(arrays[array]) for array in step.learns}
    return step


def _broadcasts(learned, image):
    """Whether a learned (C, H, W) or (C, 1, 1) fits images of the given shape."""
    return (
        len(image) == 3
        and all(size in (1, other) for size, other in zip(learned, image))
        and (learned[0] == image[0])
    )
