"""Wrong answers about augmentation and dropout, as learners write them, and what the check must say."""

from tests.course.wrong import Wrong

CROPS = """
def random_crops(x, pad, rng):
    N, _, H, W = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    top, left = rng.integers(0, 2 * pad + 1, size=N), rng.integers(0, 2 * pad + 1, size=N)
    return np.stack([padded[n, :, top[n] : top[n] + H, left[n] : left[n] + W] for n in range(N)])
"""

COLOUR = """
def pca_colour(x, variances, directions, std, rng):
    alpha = rng.normal(0, std, size=(len(x), 3))
    colours = (alpha * np.sqrt(variances)) @ directions.T
    return (x + colours[:, :, None, None]).astype(x.dtype)
"""

DROPOUT = """
def scores_with_dropout(params, x, drop, train, rng):
    hidden = np.maximum(x @ params["w1"] + params["b1"], 0)
    if train:
        hidden = hidden * (rng.random(hidden.shape) >= drop) / (1 - drop)
    return hidden @ params["w2"] + params["b2"]
"""


def changed(source, old, new):
    """The right answer with one line done wrong."""
    assert old in source
    return source.replace(old, new)


WRONG = [
    Wrong(
        "a4.mirror",
        "all or none",
        """
def mirror(x, rng):
    return x[:, :, :, ::-1].copy() if rng.random() < 0.5 else x.copy()
""",
        says=("every image is mirrored", "no image is mirrored"),
    ),
    Wrong(
        "a4.mirror",
        "upside down",
        """
def mirror(x, rng):
    chosen = rng.random(len(x)) < 0.5
    return np.where(chosen[:, None, None, None], x[:, :, ::-1], x)
""",
        says=("they stand on their heads",),
    ),
    Wrong(
        "a4.mirror",
        "in place",
        """
def mirror(x, rng):
    chosen = rng.random(len(x)) < 0.5
    x[chosen] = x[chosen, :, :, ::-1]
    return x
""",
        says=("x was changed in place",),
    ),
    Wrong(
        "a4.mirror",
        "every pixel by itself",
        """
def mirror(x, rng):
    return np.where(rng.random(x.shape) < 0.5, x[:, :, :, ::-1], x)
""",
        says=("images are not right",),
    ),
    Wrong(
        "a4.mirror",
        "draws above a half",
        """
def mirror(x, rng):
    chosen = rng.random(len(x)) > 0.5
    return np.where(chosen[:, None, None, None], x[:, :, :, ::-1], x)
""",
        says=("draws BELOW 0.5",),
    ),
    Wrong(
        "a4.random_crops",
        "left before top",
        changed(CROPS, "top, left = ", "left, top = "),
        says=("draw top first",),
    ),
    Wrong(
        "a4.random_crops",
        "the last place is never drawn",
        changed(CROPS, "2 * pad + 1", "2 * pad"),
        says=("integers leaves out its upper end", "low >= high"),
    ),
    Wrong(
        "a4.random_crops",
        "one shift for the whole batch",
        changed(CROPS, "top[n] : top[n] + H", "top[0] : top[0] + H"),
        says=("all images are shifted alike",),
    ),
    Wrong(
        "a4.random_crops",
        "the channels are padded too",
        changed(CROPS, "((0, 0), (0, 0), (pad, pad), (pad, pad))", "pad"),
        says=("out has shape",),
    ),
    Wrong(
        "a4.random_crops",
        "rolled round",
        """
def random_crops(x, pad, rng):
    top, left = (rng.integers(0, 2 * pad + 1, size=len(x)) for _ in range(2))
    return np.stack([np.roll(image, (pad - t, pad - s), (1, 2)) for image, t, s in zip(x, top, left)])
""",
        says=("comes in again on the other side",),
    ),
    Wrong(
        "a4.pca_colour",
        "the rows of the directions",
        changed(COLOUR, "directions.T", "directions"),
        says=("the directions are the columns",),
    ),
    Wrong(
        "a4.pca_colour",
        "one colour for the batch",
        changed(COLOUR, "size=(len(x), 3))", "size=(len(x), 3))[:1]"),
        says=("all images get the same colour",),
    ),
    Wrong(
        "a4.pca_colour",
        "the root is forgotten",
        changed(COLOUR, "np.sqrt(variances)", "variances"),
        says=("by their roots is asked for",),
    ),
    Wrong(
        "a4.pca_colour",
        "float32 becomes float64",
        changed(COLOUR, ".astype(x.dtype)", ".astype(np.float64)"),
        says=("out has dtype float64",),
    ),
    Wrong(
        "a4.pca_colour",
        "a colour for each pixel",
        """
def pca_colour(x, variances, directions, std, rng):
    N, _, H, W = x.shape
    alpha = rng.normal(0, std, size=(N, H, W, 3)) * np.sqrt(variances)
    return (x + np.moveaxis(alpha @ directions.T, 3, 1)).astype(x.dtype)
""",
        says=("images are not right",),
    ),
    Wrong(
        "a4.scores_with_dropout",
        "dropped in use too",
        changed(DROPOUT, "    if train:\n        hidden", "    hidden"),
        says=("in use nothing is dropped",),
    ),
    Wrong(
        "a4.scores_with_dropout",
        "scaled in use, as in the first paper",
        changed(DROPOUT, " / (1 - drop)\n", "\n    else:\n        hidden = hidden * (1 - drop)\n"),
        says=("in use nothing is scaled",),
    ),
    Wrong(
        "a4.scores_with_dropout",
        "kept where it should be dropped",
        changed(DROPOUT, ">= drop", "< drop"),
        says=("keep where the draw is at least drop",),
    ),
    Wrong(
        "a4.scores_with_dropout",
        "divided by the share that is dropped",
        changed(DROPOUT, "/ (1 - drop)", "/ max(drop, 1e-9)"),
        says=("divide by 1 - drop",),
    ),
    Wrong(
        "a4.scores_with_dropout",
        "nothing makes good for what is dropped",
        changed(DROPOUT, " / (1 - drop)", ""),
        says=("what is kept is to be divided",),
    ),
    Wrong(
        "a4.scores_with_dropout",
        "one mask for the whole batch",
        changed(DROPOUT, "rng.random(hidden.shape)", "rng.random((1, hidden.shape[1]))"),
        says=("one mask for all examples",),
    ),
    Wrong(
        "a4.dropout_schedule",
        "the share that is kept",
        """
def dropout_schedule(epoch, epochs, drop, gamma):
    if not 0 <= drop < 1:
        raise ValueError("no such share")
    return 1 - drop * (1 - math.exp(-gamma * epoch / epochs))
""",
        says=("this is the share that is kept",),
    ),
    Wrong(
        "a4.dropout_schedule",
        "the epochs are not divided",
        """
def dropout_schedule(epoch, epochs, drop, gamma):
    if not 0 <= drop < 1:
        raise ValueError("no such share")
    return drop * (1 - math.exp(-gamma * epoch))
""",
        says=("epoch is to be divided by epochs",),
    ),
    Wrong(
        "a4.dropout_schedule",
        "a share of 1 is let through",
        """
def dropout_schedule(epoch, epochs, drop, gamma):
    return drop * (1 - math.exp(-gamma * epoch / epochs))
""",
        says=("drop is 1.0",),
    ),
]
