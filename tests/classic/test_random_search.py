"""Each of the three searches is better than the one before, and none hands back a worse point than it has seen."""

import numpy as np
import pytest

from nnscratch.classic import SearchError, follow_gradient, linear_loss, random_local_search, random_search


def bowl(w):
    return float((np.arange(1, 11) * w**2).sum())


def test_each_is_better_than_the_one_before():
    guess = random_search(bowl, lambda rng: rng.normal(size=10), tries=300)
    local = random_local_search(bowl, guess.w, tries=300)
    descent = follow_gradient(lambda w: (bowl(w), 2 * np.arange(1, 11) * w), guess.w, steps=300, rate=0.05)
    assert descent.losses[-1] < 1e-3 * local.losses[-1] < 1e-3 * guess.losses[-1]
    for found in (guess, local, descent):
        assert len(found.losses) == 300
        assert bowl(found.w) == found.losses[-1]
        assert (np.diff(found.losses) <= 0).all()


def test_the_start_is_left_as_it_was():
    w = np.ones(10)
    random_local_search(bowl, w, tries=20)
    follow_gradient(lambda w: (bowl(w), 2 * w), w, steps=20)
    assert (w == 1).all()


def test_too_large_a_rate_keeps_the_best_point():
    found = follow_gradient(lambda w: (bowl(w), 2 * np.arange(1, 11) * w), np.ones(10), steps=20, rate=0.5)
    assert bowl(found.w) == found.losses[-1] <= bowl(np.ones(10))


def test_they_train_a_linear_classifier():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60)
    x, b = np.eye(3)[y] + 0.1 * rng.normal(size=(60, 3)), np.zeros(3)
    found = random_search(lambda w: linear_loss(w, b, x, y)[0], lambda rng: rng.normal(size=(3, 3)), tries=200)
    assert ((x @ found.w).argmax(axis=1) == y).mean() > 0.6


def test_clear_errors():
    with pytest.raises(SearchError, match="0 tries: give 1 or more"):
        random_search(bowl, lambda rng: rng.normal(size=10), tries=0)
    with pytest.raises(SearchError, match="the loss is nan"):
        random_local_search(lambda w: np.nan, np.ones(2))
    with pytest.raises(SearchError, match="the loss is inf: start from smaller parameters, or take smaller"):
        follow_gradient(lambda w: (np.inf, w), np.ones(2))
