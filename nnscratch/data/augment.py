"""Change training images at random in ways that keep their class: mirror, shift, crop, recolour, cover.

Every step is a function (x, rng) -> x on a batch (N, C, H, W) of uint8 (0 to 255) or floating-point images.
It returns an array of the same dtype and never writes into its input.
"""

import re

import numpy as np

from nnscratch import kernels
from nnscratch.arrays import array_module, beside
from nnscratch.choices import choose
from nnscratch.data.crops import check_crop, random_windows
from nnscratch.data.crops import ten_crops as ten_crops
from nnscratch.data.dataset import DataError, check_images
from nnscratch.data.moments import chunks, unit
from nnscratch.shapes import match_axes


class Step:
    """What all steps share: a check of the images; a step writes `_change(x, rng)`.

    >>> Mirror()(np.zeros((8, 8)), np.random.default_rng(0))
    Traceback (most recent call last):
    nnscratch.shapes.ShapeError: Mirror: x has 2 axes
      x: expected (N, C, H, W), got (8, 8)
    >>> isinstance(Mirror(), Step)
    True
    """

    def __call__(self, x, rng):
        """Return the images (N, C, H, W), changed as the Generator `rng` decides; x is left as it is."""
        match_axes(type(self).__name__, x=(x, "N C H W"))
        return self._change(x, rng)

    def _change(self, x, rng):
        raise TypeError(f"{type(self).__name__} has no _change(x, rng): write one that returns the changed images")


class Mirror(Step):
    """Flip a share of the images left to right.

    >>> x = np.arange(4, dtype=np.uint8).reshape(1, 1, 1, 4)
    >>> Mirror(share=1.0)(x, np.random.default_rng(0)).tolist()
    [[[[3, 2, 1, 0]]]]
    """

    def __init__(self, share: float = 0.5) -> None:
        if not 0 <= share <= 1:
            raise DataError(f"Mirror: share is {share}: give the share of images to flip, from 0 to 1")
        self.share = share

    def _change(self, x, rng):
        return kernels.mirror(x, rng.random(len(x)) < self.share)


class PadCrop(Step):
    """Pad each image by `pad` pixels on every side and cut a window of the old size at a random place.

    `mode` is what the border holds: "zero" (black) or "reflect" (the image mirrored at its edge).

    >>> x = np.ones((2, 3, 8, 8), np.uint8)
    >>> PadCrop(pad=4)(x, np.random.default_rng(0)).shape
    (2, 3, 8, 8)
    """

    def __init__(self, pad: int = 4, mode: str = "zero") -> None:
        if pad < 1:
            raise DataError(f"PadCrop: pad is {pad}: give 1 pixel or more")
        self.pad = pad
        self.mode = choose(mode, {"zero": "constant", "reflect": "reflect"}, "padding mode")

    def _change(self, x, rng):
        H, W = x.shape[2:]
        if self.mode == "reflect" and self.pad >= min(H, W):
            raise DataError(
                f"PadCrop: cannot reflect {self.pad} pixels in images of {H}x{W}: use pad={min(H, W) - 1} or less"
            )
        return random_windows(x, (H, W), rng, self.pad, self.mode)


class RandomCrop(Step):
    """Cut a window of `size` x `size` pixels at a random place (Krizhevsky et al. 2012, sec. 4.1: 224 of 256).

    >>> RandomCrop(24)(np.ones((2, 3, 32, 32), np.float32), np.random.default_rng(0)).shape
    (2, 3, 24, 24)
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def _change(self, x, rng):
        check_crop("RandomCrop", x, self.size)
        return random_windows(x, (self.size, self.size), rng)


class PCAColour(Step):
    """Shift the colour of each image along the principal colours of the training set (AlexNet, sec. 4.1).

    One draw a ~ N(0, scale) per image and component: [p1 p2 p3][a1 l1, a2 l2, a3 l3] is added to every pixel,
    where p and l are the eigenvectors and eigenvalues of the covariance of the pixels' colours. uint8 images
    count on the scale 0 to 1, that is divided by 255.

    >>> train = np.random.default_rng(0).integers(0, 256, (50, 3, 8, 8), dtype=np.uint8)
    >>> PCAColour(scale=0.1).fit(train)(train[:2], np.random.default_rng(1)).shape
    (2, 3, 8, 8)
    """

    def __init__(self, scale: float = 0.1) -> None:
        self.scale = scale
        self.directions = None

    def fit(self, x) -> "PCAColour":
        """Find the principal colours of training images (N, C, H, W); returns the step itself.

        >>> PCAColour().fit(np.random.default_rng(0).random((50, 3, 8, 8))).directions.shape
        (3, 3)
        """
        check_images(x, "PCAColour.fit: x")
        N, C, H, W = x.shape
        total, products = np.zeros(C), np.zeros((C, C))
        for part in chunks(x):
            pixels = unit(part).transpose(1, 0, 2, 3).reshape(C, -1)
            total += pixels.sum(axis=1, dtype=np.float64)
            products += (pixels @ pixels.T).astype(np.float64)
        mean = total / (N * H * W)
        values, vectors = np.linalg.eigh(products / (N * H * W) - np.outer(mean, mean))
        self.directions = (vectors * values).astype(np.float32)
        return self

    def _change(self, x, rng):
        if self.directions is None:
            raise DataError("PCAColour does not know the training images yet: call fit(x_train) first")
        N, C = x.shape[:2]
        if len(self.directions) != C:
            raise DataError(f"PCAColour was fitted to {len(self.directions)} channels, but x has {C}: fit it anew")
        draws = rng.normal(0, self.scale, (N, C)).astype(np.float32)
        shift = (draws @ beside(self.directions, x).T)[:, :, None, None]
        return _like(_float(x) + shift * (255 if x.dtype == np.uint8 else 1), x)


class ColourJitter(Step):
    """Multiply brightness, contrast and saturation by random factors, drawn per image from [1 - a, 1 + a].

    x: (N, 3, H, W) RGB. Contrast is the distance to the image's mean grey, saturation that to each pixel's grey.

    >>> x = np.full((2, 3, 8, 8), 100, np.uint8)
    >>> ColourJitter(0.2, 0.2, 0.2)(x, np.random.default_rng(0)).shape
    (2, 3, 8, 8)
    """

    def __init__(self, brightness: float = 0.2, contrast: float = 0.2, saturation: float = 0.2) -> None:
        self.strengths = (brightness, contrast, saturation)
        if not all(0 <= strength <= 1 for strength in self.strengths):
            raise DataError(f"ColourJitter: the strengths are {self.strengths}: give numbers from 0 to 1")

    def _change(self, x, rng):
        (N,) = match_axes("ColourJitter", x=(x, "N 3 H W"))[:1]
        draws = rng.uniform(-1, 1, (3, N, 1, 1, 1)).astype(np.float32)
        brightness, contrast, saturation = (1 + a * draw for a, draw in zip(self.strengths, draws))
        out = _float(x) * brightness
        mean = _grey(out).mean(axis=(2, 3), keepdims=True)
        out = mean + (out - mean) * contrast
        grey = _grey(out)
        return _like(grey + (out - grey) * saturation, x)


class Cutout(Step):
    """Cover a square of `size` pixels around a random pixel with the image's mean colour.

    Source: DeVries and Taylor 2017. Near the border the square hangs over the edge, as in the paper.

    >>> x = np.zeros((2, 3, 8, 8), np.uint8)
    >>> Cutout(4)(x, np.random.default_rng(0)).shape
    (2, 3, 8, 8)
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise DataError(f"Cutout: size is {size}: give 1 pixel or more")
        self.size = size

    def _change(self, x, rng):
        N, _, H, W = x.shape
        xp = array_module(x)
        top, left = (rng.integers(side, size=(N, 1)) - self.size // 2 for side in (H, W))
        rows = (xp.arange(H) >= top) & (xp.arange(H) < top + self.size)
        columns = (xp.arange(W) >= left) & (xp.arange(W) < left + self.size)
        covered = rows[:, None, :, None] & columns[:, None, None, :]
        mean = _float(x).mean(axis=(2, 3), keepdims=True)
        return xp.where(covered, _like(mean, x), x)


class Compose(Step):
    """Run several steps one after another; without steps the images pass unchanged.

    >>> Compose(Mirror(), PadCrop(2))(np.ones((2, 3, 8, 8), np.uint8), np.random.default_rng(0)).shape
    (2, 3, 8, 8)
    """

    def __init__(self, *steps) -> None:
        self.steps = steps

    def fit(self, x) -> "Compose":
        """Fit the steps that learn from the training images (N, C, H, W); returns the chain itself."""
        for step in self.steps:
            if hasattr(step, "fit"):
                step.fit(x)
        return self

    def _change(self, x, rng):
        for step in self.steps:
            x = step(x, rng)
        return x


STANDARD = "mirror,crop4"
STEPS = {
    "mirror": lambda number: Mirror(),
    "crop": lambda number: PadCrop(number or 4),
    "reflect": lambda number: PadCrop(number or 4, mode="reflect"),
    "window": lambda number: RandomCrop(number or 24),
    "cutout": lambda number: Cutout(number or 8),
    "colour": lambda number: PCAColour(),
    "jitter": lambda number: ColourJitter(),
}


def parse(text: str, x=None) -> Compose:
    """Build the steps named in a text such as "mirror,crop4,cutout8,colour,jitter", "standard" or "none".

    "standard" is "mirror,crop4"; "reflect4" pads with the mirrored image, "window24" cuts 24x24 of larger images.
    Given the training images x (N, C, H, W), steps that learn from them are fitted.

    Raises ValueError for an unknown step, with the nearest known one.

    >>> [type(step).__name__ for step in parse("mirror,cutout8").steps]
    ['Mirror', 'Cutout']
    >>> parse("miror")
    Traceback (most recent call last):
    ValueError: unknown augmentation 'miror': did you mean 'mirror'? Choose from ...
    """
    text = text.strip()
    if text in ("none", ""):
        return Compose()
    names = {**STEPS, "none": None, "standard": None}
    steps = []
    for word in (STANDARD if text == "standard" else text).split(","):
        word = word.strip()
        name, number = re.fullmatch(r"(.*?)(\d*)", word, re.DOTALL).groups()  # type: ignore[union-attr]
        if choose(name, names, "augmentation") is None:
            raise DataError(
                f"augmentation {text!r}: {name!r} stands alone: name steps, or {name!r} and nothing else"
            )
        if number and (int(number) < 1 or name in ("mirror", "colour", "jitter")):
            raise DataError(
                f"augmentation {word!r}: {name} takes no number {number}: use for example {STANDARD!r}"
            )
        steps.append(STEPS[name](int(number or 0)))
    chain = Compose(*steps)
    return chain if x is None else chain.fit(x)


def _grey(x):
    """The luma of RGB images, (N, 1, H, W) (ITU-R BT.601)."""
    return 0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]


def _float(x):
    return x.astype(np.float32) if x.dtype == np.uint8 else x


def _like(values, x):
    """Return values in the dtype of x, rounded and clipped when that is uint8."""
    return values.round().clip(0, 255).astype(np.uint8) if x.dtype == np.uint8 else values.astype(x.dtype)
