"""cs231n.classifiers.k_nearest_neighbor: distances with two loops, one and none, and a vote."""

import numpy as np

from nnscratch.classic import nearest_neighbor

__all__ = ["KNearestNeighbor"]


class KNearestNeighbor:
    """k nearest neighbours by Euclidean distance; of equally frequent labels the smallest wins.

    >>> model = KNearestNeighbor()
    >>> model.train(np.array([[0.0], [1.0], [5.0]]), np.array([0, 0, 1]))
    >>> model.predict(np.array([[0.4], [5.1]])), model.predict(np.array([[4.0]]), k=3, num_loops=2)
    (array([0, 1]), array([0]))
    """

    def train(self, X, y):
        """Remember the training examples X (N, D) and their labels y (N,)."""
        self.X_train, self.y_train = X, y

    def predict(self, X, k=1, num_loops=0):
        """Labels (M,) of X (M, D); num_loops chooses how distances are computed. Raises ValueError."""
        ways = {
            0: self.compute_distances_no_loops,
            1: self.compute_distances_one_loop,
            2: self.compute_distances_two_loops,
        }
        if num_loops not in ways:
            raise ValueError(f"num_loops is {num_loops!r}: give 0, 1 or 2")
        return self.predict_labels(ways[num_loops](X), k=k)

    def compute_distances_two_loops(self, X):
        """Distances (M, N), one pair of examples at a time."""
        return nearest_neighbor.distances_two_loops(X, self.X_train)

    def compute_distances_one_loop(self, X):
        """Distances (M, N), one example of X at a time."""
        return nearest_neighbor.distances_one_loop(X, self.X_train)

    def compute_distances_no_loops(self, X):
        """Distances (M, N) by one matrix product."""
        return nearest_neighbor.distances_no_loops(X, self.X_train)

    def predict_labels(self, dists, k=1):
        """The most frequent label (M,) among the k nearest of each row of dists (M, N)."""
        near = self.y_train[nearest_neighbor.nearest(dists, k)]
        return np.array([np.bincount(labels).argmax() for labels in near])
