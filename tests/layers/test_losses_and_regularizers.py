"""Losses, regularisers and initialisers give the values that the mathematics prescribes."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch import layers as L
from nnscratch.gradcheck import assert_gradients
from nnscratch.layers import initializers as init
from nnscratch.layers.losses import LabelError


def test_first_loss_of_equal_scores():
    x, y = np.zeros((4, 10)), np.arange(4)
    assert_allclose(L.softmax_loss(x, y)[0], math.log(10))
    assert_allclose(L.svm_loss(x, y)[0], 9)
    assert_allclose(L.softmax_loss(x, y, smoothing=0.3)[0], math.log(10))


def test_softmax_of_the_course_notes():
    """The image of the CS231n notes: scores 3.2, 5.1, -1.7, the first class right."""
    scores = np.array([[3.2, 5.1, -1.7]])
    assert_allclose(L.softmax(scores)[0], [0.13, 0.87, 0.0], atol=0.005)
    assert_allclose(L.softmax_loss(scores, np.array([0]))[0], 2.04, atol=0.005)
    assert_allclose(L.svm_loss(scores, np.array([0]))[0], 2.9)


def test_hinge_at_the_margin_costs_nothing():
    loss, dx = L.svm_loss(np.array([[2.0, 1.0]]), np.array([0]))
    assert loss == 0
    assert_array_equal(dx, 0)


def test_smooth_l1_is_continuous_at_its_turn():
    below, above = (L.smooth_l1_loss(np.array([[v]]), np.zeros((1, 1)))[0] for v in (1 - 1e-9, 1 + 1e-9))
    assert_allclose(below, above, atol=1e-8)


def test_hierarchical_probabilities_sum_to_one_and_agree_with_the_loss():
    tree = L.ClassTree([[0, [3, 1]], [2, 4]])
    x = np.random.default_rng(0).normal(size=(5, tree.scores))
    log_probs = L.hierarchical_log_probs(x, tree)
    assert_allclose(np.exp(log_probs).sum(axis=1), 1)
    y = np.arange(5)
    assert_allclose(L.hierarchical_softmax_loss(x, y, tree)[0], -log_probs[y, y].mean())


def test_a_flat_tree_is_a_softmax():
    x, y = np.random.default_rng(0).normal(size=(4, 3)), np.array([2, 0, 1, 1])
    loss, dx = L.hierarchical_softmax_loss(x, y, L.ClassTree([0, 1, 2]))
    expected, dexpected = L.softmax_loss(x, y)
    assert_allclose(loss, expected)
    assert_allclose(dx, dexpected)


@pytest.mark.parametrize("tree", [[0, 2], [0, [1, 1]], [1, 2]])
def test_a_tree_must_name_every_class_once(tree):
    with pytest.raises(LabelError, match="exactly once"):
        L.ClassTree(tree)


def test_labels_must_be_whole_numbers():
    with pytest.raises(LabelError, match="astype"):
        L.softmax_loss(np.zeros((2, 3)), np.array([0.0, 1.0]))


@pytest.mark.parametrize("penalty", [L.l1_penalty, L.l2_penalty, L.elastic_net_penalty])
def test_penalties_have_right_gradients_and_keep_the_dtype(penalty):
    w = np.random.default_rng(0).normal(size=(4, 3))
    assert_gradients(penalty, w, 0.3)
    assert penalty(w.astype(np.float32), 0.3)[1].dtype == np.float32


def test_elastic_net_lies_between():
    w = np.array([3.0, -4.0])
    assert_allclose(L.elastic_net_penalty(w, 1.0, balance=0)[0], L.l2_penalty(w, 1.0)[0])
    assert_allclose(L.elastic_net_penalty(w, 1.0, balance=1)[0], L.l1_penalty(w, 1.0)[0])


def test_max_norm_limits_each_unit_and_leaves_small_ones():
    w = np.random.default_rng(0).normal(size=(5, 4, 3, 3))
    limited = L.max_norm(w, 5.0)
    norms = np.sqrt((w**2).sum(axis=(1, 2, 3)))
    assert_allclose(np.sqrt((limited**2).sum(axis=(1, 2, 3))), np.minimum(norms, 5.0))
    assert_array_equal(L.max_norm(w, 1e9), w)


@pytest.mark.parametrize("shape", [(300, 200), (64, 32, 3, 3)])
def test_initial_variances(shape):
    fan_in, fan_out = init.fans(shape)
    for maker, variance in {
        init.he: 2 / fan_in,
        init.xavier: 2 / (fan_in + fan_out),
        init.normal: 1e-4,
    }.items():
        assert_allclose(maker()(shape, 0).var(), variance, rtol=0.05)
    assert_allclose(init.he(uniform=True)(shape, 0).var(), 2 / fan_in, rtol=0.05)


def test_orthogonal_and_sparse():
    w = init.orthogonal()((8, 3, 2, 2), 0).reshape(8, 12)
    assert_allclose(w @ w.T, np.eye(8), atol=1e-12)
    assert ((init.sparse(4)((8, 3, 2, 2), 0) != 0).reshape(8, 12).sum(axis=1) == 4).all()


def test_every_dtype_starts_equal():
    single, double = L.Conv(3, 4, rng=5), L.Conv(3, 4, rng=5, dtype=np.float64)
    assert_allclose(single.params["w"], double.params["w"], atol=1e-7)
