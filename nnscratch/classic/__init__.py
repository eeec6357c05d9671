"""Before networks: neighbours, linear classifiers, searches for weights, features made by hand, circuits."""

from nnscratch.classic.features import StandardizeFeatures, extract, hog, hue_histogram
from nnscratch.classic.linear import LinearClassifier, LinearError, linear_loss, softmax_naive, svm_naive
from nnscratch.classic.nearest_neighbor import (
    KNearestNeighbors,
    NeighborError,
    cross_validate,
    distances_no_loops,
    distances_one_loop,
    distances_two_loops,
    l1_distance,
    l2_distance,
)
from nnscratch.classic.random_search import SearchError, follow_gradient, random_local_search, random_search
