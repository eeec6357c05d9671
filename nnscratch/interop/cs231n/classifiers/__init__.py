"""cs231n.classifiers: nearest neighbours, linear classifiers, and networks."""

from nnscratch.interop.cs231n.classifiers.k_nearest_neighbor import KNearestNeighbor
from nnscratch.interop.cs231n.classifiers.linear_classifier import LinearClassifier, LinearSVM, Softmax

__all__ = ["KNearestNeighbor", "LinearClassifier", "LinearSVM", "Softmax"]
