"""How the exercises on augmentation are checked."""

import numpy as np

from nnscratch.course import expect, slips
from nnscratch.course.exercises import exercise


def _images(mine, x, right, causes, seed, *arguments):
    """Expect the images `right` of mine(x, *arguments, rng); the usual mistakes have names."""
    found = expect.unchanged(lambda: mine(x, *arguments, np.random.default_rng(seed)), x=x)
    expect.true(
        isinstance(found, np.ndarray), f"out should be an array of images, it is {expect.described(found)}"
    )
    expect.true(found.shape == x.shape, f"out has shape {found.shape}, it should be that of x, {x.shape}")
    expect.true(found.dtype == x.dtype, f"out has dtype {found.dtype}, it should be that of x, {x.dtype}")
    slips.none_of(found, right, "out", causes)
    wrong = [n for n in range(len(x)) if not np.allclose(found[n], right[n], atol=1e-6)]
    if wrong:
        n = wrong[0]
        words = f"{len(wrong)} of {len(x)} images are not right, image {n} among them"
        expect.equal(found[n], right[n], f"{words}: out[{n}]", 1e-6)
    again = mine(x, *arguments, np.random.default_rng(seed + 1))
    expect.true(not np.shares_memory(again, x), "out is a view of x: who writes into it changes x; return a copy")


@exercise(
    "a4.mirror",
    file="augment.py",
    minutes=10,
    hints=(
        "rng.random(N) < 0.5 says which images: use it as an index into the batch.",
        "x[:, :, :, ::-1] is the whole batch mirrored. Copy x, then overwrite the images that were chosen.",
        "out = x.copy(); out[chosen] = x[chosen, :, :, ::-1]",
    ),
)
def mirror(mine, rng):
    """Images of two dtypes, one by one."""
    for kind in (np.uint8, np.float32):
        x, seed = rng.integers(0, 256, (9, 3, 4, 5)).astype(kind), int(rng.integers(1000))
        draws = np.random.default_rng(seed).random(9)
        right = np.stack([image[:, :, ::-1] if draw < 0.5 else image for image, draw in zip(x, draws)])
        causes = {
            "every image is mirrored": x[:, :, :, ::-1],
            "no image is mirrored": x,
            "those that should stay are mirrored: draws BELOW 0.5 are the ones": np.where(
                (draws < 0.5)[:, None, None, None], x, x[:, :, :, ::-1]
            ),
            "they stand on their heads: mirror the last axis, W": np.where(
                (draws < 0.5)[:, None, None, None], x[:, :, ::-1], x
            ),
            "the colours are turned round: mirror the last axis, W": np.where(
                (draws < 0.5)[:, None, None, None], x[:, ::-1], x
            ),
        }
        _images(mine, x, right, causes, seed)


@exercise(
    "a4.random_crops",
    file="augment.py",
    minutes=20,
    points=2,
    hints=(
        "np.pad takes a pair of widths for each axis: none for N and C, `pad` on both sides for H and W.",
        "Draw all tops, then all lefts. A loop over the images cuts each one's window out of the padded batch.",
        "out[n] = padded[n, :, top[n] : top[n] + H, left[n] : left[n] + W]",
    ),
)
def random_crops(mine, rng):
    """Images of two dtypes, one by one; a border of 0 changes nothing."""
    for kind, pad in ((np.uint8, 2), (np.float64, 1), (np.float32, 0)):
        x, seed = rng.integers(1, 256, (8, 2, 4, 5)).astype(kind), int(rng.integers(1000))
        draw = np.random.default_rng(seed)
        top, left = draw.integers(0, 2 * pad + 1, 8), draw.integers(0, 2 * pad + 1, 8)
        few = np.random.default_rng(seed)
        fewer = [few.integers(0, 2 * pad or 1, 8) - pad for _ in range(2)]
        causes = {
            "integers leaves out its upper end: draw from 0 to 2 * pad + 1": _shifted(x, *fewer),
            "top and left are exchanged: draw top first": _shifted(x, left - pad, top - pad),
            "all images are shifted alike: draw N tops and N lefts": _shifted(
                x, 0 * top + top[0] - pad, left - pad
            ),
            "they are shifted the other way: top counts from the top of the padded image": _shifted(
                x, pad - top, pad - left
            ),
            "what leaves the image comes in again on the other side: the border is 0": np.stack(
                [np.roll(image, (pad - t, pad - s), (1, 2)) for image, t, s in zip(x, top, left)]
            ),
        }
        _images(mine, x, _shifted(x, top - pad, left - pad), causes, seed, pad)


def _shifted(x, downs, rights):
    """The windows that begin at row downs[n], column rights[n] of image n, 0 outside."""
    out = np.zeros_like(x)
    for n, i, j in np.ndindex(len(x), *x.shape[2:]):
        row, column = i + downs[n], j + rights[n]
        if 0 <= row < x.shape[2] and 0 <= column < x.shape[3]:
            out[n, :, i, j] = x[n, :, row, column]
    return out


@exercise(
    "a4.pca_colour",
    file="augment.py",
    minutes=20,
    points=2,
    hints=(
        "Each image gets one colour (3,), so the batch gets an array (N, 3). Compute that first.",
        "(alpha * np.sqrt(variances)) @ directions.T sums over the directions, which are the columns.",
        "(x + colours[:, :, None, None]).astype(x.dtype)",
    ),
)
def pca_colour(mine, rng):
    """Images of two dtypes, one by one, with directions of a covariance."""
    for kind in (np.float64, np.float32):
        x, seed = rng.random((5, 3, 4, 5)).astype(kind), int(rng.integers(1000))
        variances, directions = np.linalg.eigh(np.cov(rng.normal(size=(3, 50))))
        alpha = np.random.default_rng(seed).normal(0, 0.3, (5, 3))
        causes = {
            "it is multiplied by the variances: by their roots is asked for": _coloured(
                x, alpha, variances**2, directions
            ),
            "the variances are left out": _coloured(x, alpha, 0 * variances + 1, directions),
            "the directions are the columns, not the rows": _coloured(x, alpha, variances, directions.T),
            "all images get the same colour: draw alpha (N, 3)": _coloured(
                x, 0 * alpha + alpha[0], variances, directions
            ),
            "the colour is taken away, not added": _coloured(x, -alpha, variances, directions),
        }
        right = _coloured(x, alpha, variances, directions)
        _images(lambda x, rng: mine(x, variances, directions, 0.3, rng), x, right, causes, seed)


def _coloured(x, alpha, variances, directions):
    out = x.astype(float)
    for n, c, i in np.ndindex(len(x), 3, 3):
        out[n, c] += alpha[n, i] * np.sqrt(variances[i]) * directions[c, i]
    return out.astype(x.dtype)
