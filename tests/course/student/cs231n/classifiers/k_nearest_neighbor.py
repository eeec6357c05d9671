"""A student's nearest neighbours."""

import numpy as np
from past.builtins import xrange


class KNearestNeighbor(object):  # noqa: UP004
    def train(self, X, y):
        self.X_train = X
        self.y_train = y

    def compute_distances_two_loops(self, X):
        dists = np.zeros((X.shape[0], self.X_train.shape[0]))
        for i in xrange(X.shape[0]):
            for j in xrange(self.X_train.shape[0]):
                dists[i, j] = np.sqrt(np.sum((X[i] - self.X_train[j]) ** 2))
        return dists

    def compute_distances_one_loop(self, X):
        dists = np.zeros((X.shape[0], self.X_train.shape[0]))
        for i in xrange(X.shape[0]):
            dists[i] = np.sqrt(((X[i] - self.X_train) ** 2).sum(axis=1))
        return dists

    def compute_distances_no_loops(self, X):
        squares = (X**2).sum(axis=1)[:, None] - 2 * X.dot(self.X_train.T) + (self.X_train**2).sum(axis=1)
        return np.sqrt(squares)

    def predict_labels(self, dists, k=1):
        y_pred = np.zeros(dists.shape[0])
        for i in xrange(dists.shape[0]):
            closest_y = self.y_train[np.argsort(dists[i])[:k]]
            y_pred[i] = np.bincount(closest_y).argmax()
        return y_pred
