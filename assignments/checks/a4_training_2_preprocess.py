"""How the exercises on preprocessing are checked."""

import numpy as np

from nnscratch.course import expect, slips
from nnscratch.course.exercises import exercise
from nnscratch.course.expect_loss import parts
from nnscratch.data import preprocess


@exercise(
    "a4.subtract_mean_image",
    file="preprocess.py",
    minutes=10,
    hints=(
        "The mean over the N images, pixel by pixel: which axis does it run along?",
        "uint8 minus uint8 wraps around at 0. A float mean makes the difference float.",
        "mean = train.mean(axis=0); (train - mean).astype(np.float32), and the same mean for the test images",
    ),
)
def subtract_mean_image(mine, rng):
    """uint8 and floating-point images, against the package's step and by hand."""
    for kind in (np.uint8, np.float64):
        train, test = (rng.integers(0, 256, (N, 3, 4, 5)).astype(kind) for N in (7, 4))
        result = expect.unchanged(lambda: mine(train, test), train=train, test=test)
        a, b = parts(result, ("train", "test"))
        mean = sum(image.astype(float) for image in train) / len(train)
        _images(a, train, mean, "train", {})
        causes = {
            "test images have a mean of their own: use that of the training images": test.mean(axis=0),
            "the mean is over train and test images together": np.concatenate([train, test]).mean(axis=0),
        }
        _images(b, test, mean, "test", causes)


def _channels(images):
    return images.mean(axis=(0, 2, 3), keepdims=True)


def _images(found, given, mean, name, means):
    """Expect images less the mean, float32; the usual mistakes have names."""
    right = given - mean
    expect.shape(found, right.shape, name)
    causes = {words: given - wrong for words, wrong in means.items()} | {
        "the mean is one number for each channel, it should be an image": given - _channels(given),
        "the mean is one number, it should be an image": given - given.mean(),
        "it is divided by 255: stay on the scale that the images have": right / 255,
        "uint8 wraps around at 0: subtract in floating point": (given - np.floor(mean)) % 256,
    }
    slips.equal(found, right.astype(np.float32), name, remedies=causes)


@exercise(
    "a4.standardize",
    file="preprocess.py",
    minutes=15,
    points=2,
    hints=(
        "One mean and one standard deviation for each channel: over which three axes?",
        "keepdims=True keeps them as (1, C, 1, 1), so that they broadcast. np.where(std < 1e-6, 1, std) guards "
        "the division.",
        "mean = train.mean(axis=(0, 2, 3), keepdims=True), std likewise; (train - mean) / std, (test - mean) / "
        "std",
    ),
)
def standardize(mine, rng):
    """Random images against the package's step, a constant channel, float32."""
    scales = np.array([1.0, 3.0, 0.2]).reshape(3, 1, 1)
    train, test = (2 + scales * rng.normal(size=(N, 3, 4, 5)) + (N < 8) for N in (9, 5))
    result = expect.unchanged(lambda: mine(train, test), train=train, test=test)
    mean, std = _channels(train), train.std(axis=(0, 2, 3), keepdims=True)
    step = preprocess.Standardize().fit(train)
    for found, x, name in zip(parts(result, ("train", "test")), (train, test), ("train", "test")):
        right = (x - mean) / std
        assert np.abs(step(x) - right).max() < 1e-3
        causes = {
            "each set is measured by itself: use mean and std of the training images": (x - _channels(x))
            / x.std(axis=(0, 2, 3), keepdims=True),
            "it is divided by the variance: take its root": (x - mean) / std**2,
            "mean and std are those of each pixel, not of each channel": (x - train.mean(axis=0))
            / train.std(axis=0),
            "mean and std are those of all channels together": (x - train.mean()) / train.std(),
            "it is not divided by std": x - mean,
            "nothing is to be added to std": (x - mean) / (std + 1e-8),
            "the variance is divided by the number less 1 (ddof)": (x - mean)
            / train.std(axis=(0, 2, 3), keepdims=True, ddof=1),
        }
        slips.equal(found, right, name, remedies=causes)
    flat = train.copy()
    flat[:, 1] = 0.3
    found = parts(mine(flat, test), ("train", "test"))
    expect.true(np.isfinite(found[0]).all(), "a channel that is the same everywhere gives NaN: do not divide it")
    expect.true(
        np.abs(found[0][:, 1]).max() < 1e-6,
        "a channel that is the same everywhere should become 0: its std is a rounding error, below 1e-6; do not "
        "divide",
    )
    expect.equal(found[1][:, 1], test[:, 1] - 0.3, "test[:, 1], where that channel is constant in train")
    single = [images.astype(np.float32) for images in (train, test)]
    expect.equal(mine(*single)[1], ((test - mean) / std).astype(np.float32), "test", 1e-4)


@exercise(
    "a4.pca_whiten",
    file="preprocess.py",
    minutes=30,
    points=3,
    hints=(
        "Follow the four steps; each is one line. eigh returns (variances, directions), smallest variance first.",
        "np.argsort(variances)[::-1][:components] are the places of the largest variances; directions[:, "
        "places] their columns.",
        "scale = directions[:, largest] / np.sqrt(variances[largest] + epsilon); return (train - mean) @ scale, "
        "(test - mean) @ scale",
    ),
)
def pca_whiten(mine, rng):
    """Against a singular value decomposition, up to signs; then the covariance itself."""
    for D, components, epsilon in ((6, 3, 0.0), (5, 5, 0.1)):
        mixing = rng.normal(size=(D, D)) * np.arange(1, D + 1)[:, None]
        train, test = rng.normal(size=(40, D)) @ mixing + 3, rng.normal(size=(7, D)) @ mixing + 3
        result = expect.unchanged(lambda: mine(train, test, components, epsilon), train=train, test=test)
        found = parts(result, ("train", "test"))
        mean = train.mean(axis=0)
        _, singular, directions = np.linalg.svd(train - mean, full_matrices=False)
        spread = singular**2 / len(train)
        for a, x, name in zip(found, (train, test), ("train", "test")):
            projected = (x - mean) @ directions.T
            right = (projected / np.sqrt(spread + epsilon))[:, :components]
            expect.shape(a, right.shape, name)
            causes = {
                "these are the smallest variances, and the largest are to be kept": projected[:, ::-1][
                    :, :components
                ]
                / np.sqrt(spread[::-1][:components] + epsilon),
                "the components are right, but the largest variance should come first": right[:, ::-1],
                "it is projected, but not divided by the root of the variance": projected[:, :components],
                "it is divided by the variance: take its root": (projected / (spread + epsilon))[:, :components],
                "the covariance is divided by N - 1, it should be by N": right
                * np.sqrt((spread + epsilon) / (spread * 40 / 39 + epsilon))[:components],
                "the covariance is not divided by N": right
                * np.sqrt((spread + epsilon) / (spread * 40 + epsilon))[:components],
                "it is not centred with the mean of the training set": (
                    x @ directions.T / np.sqrt(spread + epsilon)
                )[:, :components],
                "it is centred with a mean of its own": (
                    (x - x.mean(axis=0)) @ directions.T / np.sqrt(spread + epsilon)
                )[:, :components],
            }
            slips.none_of(abs(a), abs(right), name, {words: abs(wrong) for words, wrong in causes.items()})
            if name == "train":
                signs = np.where((a * right).sum(axis=0) < 0, -1, 1)  # each direction may have either
            expect.equal(a * signs, right, f"{name} (with the signs that train needs)", 1e-7)
