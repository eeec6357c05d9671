"""Hierarchical softmax: choose among many classes by walking down a tree, with a small softmax at every fork."""

import numpy as np

from nnscratch.arrays import array_module, beside, number
from nnscratch.layers.losses import LabelError, check_labels, log_softmax
from nnscratch.shapes import match_axes


class ClassTree:
    """A tree over classes, given as nested lists with every class number once: [[0, 1], [2, [3, 4]]].

    `forks` lists, for every inner node, its first score and the classes below each of its branches. The scores
    of a node lie side by side; `scores` counts them all. `choices` holds, for every inner node, a table (classes,
    branches) that is True where a class lies below a branch.

    >>> tree = ClassTree([[0, 1], 2])
    >>> tree.scores, tree.classes, tree.forks
    (4, 3, [(0, [[0, 1], [2]]), (2, [[0], [1]])])
    """

    def __init__(self, tree):
        self.forks: list[tuple[int, list[list[int]]]] = []
        self.scores = 0
        leaves = sorted(self._grow(tree))
        self.classes = len(leaves)
        if leaves != list(range(len(leaves))):
            raise LabelError(f"class tree: its leaves are {leaves}: name every class from 0 up exactly once")
        self.choices = [
            np.array([[label in classes for classes in branches] for label in leaves])
            for _, branches in self.forks
        ]

    def _grow(self, node):
        if isinstance(node, int):
            return [node]
        first, place = self.scores, len(self.forks)
        self.scores += len(node)
        self.forks.append((first, []))
        below = [self._grow(branch) for branch in node]
        self.forks[place] = (first, below)
        return [leaf for leaves in below for leaf in leaves]


def hierarchical_log_probs(x, tree):
    """Return the logarithm of every class' probability: scores x (N, S) -> (N, C), S being tree.scores.

    >>> import numpy as np
    >>> hierarchical_log_probs(np.zeros((1, 4)), ClassTree([[0, 1], 2])).round(3)
    array([[-1.386, -1.386, -0.693]])
    """
    match_axes("hierarchical_softmax", x=(x, f"N {tree.scores}"))
    log_probs = array_module(x).zeros((len(x), tree.classes), x.dtype)
    for (first, branches), choices in zip(tree.forks, tree.choices):
        steps = log_softmax(x[:, first : first + len(branches)])
        log_probs += steps @ beside(choices, x).T.astype(x.dtype)
    return log_probs


def hierarchical_softmax_loss(x, y, tree):
    """The mean of -log(probability of the right class), a product of softmax choices on the way down the tree.

    x: scores (N, S) with S = tree.scores, y: labels (N,), tree: a ClassTree. Returns (loss, dx).
    Source: Morin & Bengio 2005, "Hierarchical probabilistic neural network language model", sec. 3.
    Raises ShapeError, LabelError.

    >>> import numpy as np
    >>> hierarchical_softmax_loss(np.zeros((1, 4)), np.array([2]), ClassTree([[0, 1], 2]))
    (0.6931471805599453, array([[ 0.5, -0.5,  0. ,  0. ]]))
    """
    (N,) = match_axes("hierarchical_softmax_loss", x=(x, f"N {tree.scores}"), y=(y, "N"))
    check_labels(y, tree.classes, "hierarchical_softmax_loss")
    xp = array_module(x)
    loss, dx = 0.0, xp.zeros_like(x)
    for (first, branches), choices in zip(tree.forks, tree.choices):
        scores = slice(first, first + len(branches))
        log_probs = log_softmax(x[:, scores])
        target = beside(choices, x)[y].astype(x.dtype)
        passing = target.sum(axis=1, keepdims=True)
        loss -= number((target * log_probs).sum())
        dx[:, scores] = (xp.exp(log_probs) * passing - target) / N
    return loss / N, dx
