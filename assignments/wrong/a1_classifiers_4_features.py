"""Wrong answers about features, as learners write them, and what the check must say."""

from tests.course.wrong import Wrong

HUES = """
def hue_histogram(x, bins):
    red, green, blue = x[:, 0], x[:, 1], x[:, 2]
    hue = np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue) / (2 * np.pi) % 1
    place = (hue * bins).astype(int) % bins
    weight = x.max(axis=1) - x.min(axis=1)
    return np.stack([(weight * (place == i)).mean(axis=(1, 2)) for i in range(bins)], axis=1)
"""

HOG = """
def hog(grey, cell, bins):
    N, H, W = grey.shape
    rows, columns = H // cell, W // cell
    length, angle = edges(grey)
    place = (angle / (180 / bins)).astype(int) % bins
    out = np.zeros((N, rows, columns, bins))
    for r in range(rows):
        for c in range(columns):
            for i in range(bins):
                part = slice(None), slice(r * cell, (r + 1) * cell), slice(c * cell, (c + 1) * cell)
                out[:, r, c, i] = (length[part] * (place[part] == i)).sum(axis=(1, 2))
    out /= np.sqrt((out**2).sum(axis=3, keepdims=True)) + 1e-6
    return out.reshape(N, -1)
"""


def changed(source, old, new):
    """The right answer with one line done wrong."""
    assert old in source
    return source.replace(old, new)


WRONG = [
    Wrong(
        "a1.hue_histogram",
        "every pixel weighs the same",
        changed(HUES, "x.max(axis=1) - x.min(axis=1)", "1"),
        says=("weigh it with its chroma",),
    ),
    Wrong(
        "a1.hue_histogram",
        "sums, not divided by the number of pixels",
        changed(HUES, ".mean(axis=(1, 2))", ".sum(axis=(1, 2))"),
        says=("divide by the number of pixels",),
    ),
    Wrong(
        "a1.hue_histogram",
        "brightness instead of chroma",
        changed(HUES, "x.max(axis=1) - x.min(axis=1)", "x.max(axis=1)"),
        says=("weigh it with max - min",),
    ),
    Wrong(
        "a1.hue_histogram",
        "blue, green, red",
        changed(HUES, "x[:, 0], x[:, 1], x[:, 2]", "x[:, 2], x[:, 1], x[:, 0]"),
        says=("red and blue are exchanged",),
    ),
    Wrong(
        "a1.hue_histogram",
        "negative hues are not brought to 0 to 1",
        changed(
            HUES, " % 1\n    place = (hue * bins).astype(int) % bins", "\n    place = (hue * bins).astype(int)"
        ),
        says=("out[",),
    ),
    Wrong(
        "a1.edges",
        "radians",
        """
def edges(grey):
    down, across = np.gradient(grey, axis=(1, 2))
    return np.hypot(down, across), np.arctan2(down, across) % np.pi
""",
        says=("the angles are in radians",),
    ),
    Wrong(
        "a1.edges",
        "angles up to 360",
        """
def edges(grey):
    down, across = np.gradient(grey, axis=(1, 2))
    return np.hypot(down, across), np.degrees(np.arctan2(down, across)) % 360
""",
        says=("here they go to 360",),
    ),
    Wrong(
        "a1.edges",
        "down and across exchanged",
        """
def edges(grey):
    across, down = np.gradient(grey, axis=(1, 2))
    return np.hypot(down, across), np.degrees(np.arctan2(down, across)) % 180
""",
        says=("down and across are exchanged",),
    ),
    Wrong(
        "a1.edges",
        "zeros at the border",
        """
def edges(grey):
    down, across = np.zeros(grey.shape), np.zeros(grey.shape)
    down[:, 1:-1] = (grey[:, 2:] - grey[:, :-2]) / 2
    across[:, :, 1:-1] = (grey[:, :, 2:] - grey[:, :, :-2]) / 2
    return np.hypot(down, across), np.degrees(np.arctan2(down, across)) % 180
""",
        says=("all of them at the border",),
    ),
    Wrong(
        "a1.edges",
        "differences that are not halved",
        """
def edges(grey):
    down, across = np.gradient(grey, axis=(1, 2))
    return 2 * np.hypot(down, across), np.degrees(np.arctan2(down, across)) % 180
""",
        says=("is to be halved",),
    ),
    Wrong(
        "a1.hog",
        "cells that are not normalised",
        changed(HOG, "    out /= np.sqrt((out**2).sum(axis=3, keepdims=True)) + 1e-6\n", ""),
        says=("are not divided by their lengths",),
    ),
    Wrong(
        "a1.hog",
        "pixels are counted",
        changed(HOG, "length[part] * (place[part] == i)", "place[part] == i"),
        says=("every pixel counts 1",),
    ),
    Wrong(
        "a1.hog",
        "one length for the whole image",
        changed(HOG, "axis=3, keepdims", "axis=(1, 2, 3), keepdims"),
        says=("one length for all its cells",),
    ),
    Wrong(
        "a1.hog",
        "the cells run fastest",
        changed(HOG, "out.reshape(N, -1)", "np.moveaxis(out, 3, 1).reshape(N, -1)"),
        says=("the bins run fastest",),
    ),
    Wrong(
        "a1.hog",
        "divided by 0 where there is no edge",
        changed(HOG, " + 1e-6", ""),
        says=("1e-6 is to be added",),
    ),
]
