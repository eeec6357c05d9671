"""The three ways to measure distances agree, ties are broken as stated, and blocks change nothing."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnscratch.classic import nearest_neighbor as nn
from nnscratch.data.dataset import DataError
from nnscratch.shapes import ShapeError


def pixels(count, features=12, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, features), dtype=np.uint8)


def test_two_loops_one_loop_and_no_loops_agree_exactly_on_pixels():
    x, train = pixels(4).astype(np.float64), pixels(7, seed=1).astype(np.float64)
    two = nn.distances_two_loops(x, train)
    assert two.shape == (4, 7)
    assert (two == nn.distances_one_loop(x, train)).all()
    assert (two == nn.distances_no_loops(x, train)).all()
    assert (nn.distances_two_loops(x, train, nn.l1_distance) == np.abs(x[:, None] - train).sum(axis=2)).all()


def test_the_distance_of_a_far_pair_of_near_points_is_not_negative():
    x = np.full((1, 3), 1e8) + np.array([[0.1, 0.2, 0.3]])
    assert nn.distances_no_loops(x, x)[0, 0] == 0


@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 99), st.data())
def test_nearest_is_a_stable_sort(M, N, seed, data):
    distances = np.random.default_rng(seed).integers(0, 3, (M, N)).astype(float)
    k = data.draw(st.integers(1, N))
    assert (nn.nearest(distances, k) == distances.argsort(axis=1, kind="stable")[:, :k]).all()


def test_a_tied_vote_goes_to_the_label_whose_example_is_nearest():
    labels = np.array([[2, 1, 1, 2, 0], [0, 1, 2, 3, 4], [4, 3, 3, 4, 3]])
    assert nn.majority_vote(labels).tolist() == [2, 0, 3]


def test_two_neighbours_never_differ_from_one():
    x, train, y = pixels(20), pixels(30, seed=1), np.arange(30) % 5
    one, two = (nn.KNearestNeighbors(k).fit(train, y).predict(x) for k in (1, 2))
    assert (one == two).all()


@pytest.mark.parametrize("distance", ["l1", "l2", lambda a, b: abs(a - b).max(axis=-1)])
def test_blocks_change_nothing(distance, monkeypatch):
    x, train, y = pixels(11).reshape(11, 3, 2, 2), pixels(23, seed=1).reshape(23, 3, 2, 2), np.arange(23) % 4
    model = nn.KNearestNeighbors(5, distance).fit(train, y)
    whole = model.neighbors(x)
    metric = {"l1": nn.l1_distance, "l2": nn.l2_distance}.get(distance, distance)
    flat, flat_train = x.reshape(11, 12).astype(float), train.reshape(23, 12).astype(float)
    assert (whole == nn.nearest(nn.distances_two_loops(flat, flat_train, metric), 5)).all()
    monkeypatch.setattr(nn, "ROWS", 4)
    monkeypatch.setattr(nn, "COLUMNS", 7)
    assert (model.neighbors(x) == whole).all()


def test_memory_is_bounded_by_blocks_of_distances():
    x, train = pixels(1000, 8), pixels(20_000, 8, seed=1)
    model = nn.KNearestNeighbors(3).fit(train, np.zeros(20_000, int))
    tracemalloc.start()
    model.predict(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * nn.ROWS * 20_000 * 8  # all distances at once, with a copy to sort, would be 4 of these


def test_an_image_is_its_own_nearest_neighbour():
    x, y = pixels(15), np.arange(15)
    assert (nn.KNearestNeighbors(1).fit(x, y).predict(x) == y).all()


def test_cross_validation_is_what_one_would_do_by_hand():
    x, y = pixels(30), np.arange(30) % 3
    found = nn.cross_validate(x, y, [1, 4], folds=3, seed=5)
    parts = np.array_split(nn.rng(5).permutation(30), 3)
    for k in (1, 4):
        for fold in range(3):
            rest = np.concatenate([part for number, part in enumerate(parts) if number != fold])
            model = nn.KNearestNeighbors(k).fit(x[rest], y[rest])
            assert found[k][fold] == (model.predict(x[parts[fold]]) == y[parts[fold]]).mean()


def test_clear_errors():
    x, y = pixels(5), np.arange(5)
    for k in (0, 6, 2.5):
        with pytest.raises(nn.NeighborError, match=f"k is {k}, but there are 5 training examples"):
            nn.KNearestNeighbors(k).fit(x, y)
    with pytest.raises(nn.NeighborError, match="k is 6, but there are 5"):
        nn.nearest(np.zeros((1, 5)), 6)
    with pytest.raises(nn.NeighborError, match="call fit"):
        nn.KNearestNeighbors(1).predict(x)
    with pytest.raises(ValueError, match="unknown distance 'L2': Choose from l1, l2"):
        nn.KNearestNeighbors(1, "L2")
    with pytest.raises(DataError, match="4 labels for 5"):
        nn.KNearestNeighbors(1).fit(x, y[:4])
    with pytest.raises(DataError, match="NaN"):
        nn.KNearestNeighbors(1).fit(np.full((5, 2), np.nan), y)
    with pytest.raises(ShapeError, match="axis D is 3 in x but 12 in train"):
        nn.KNearestNeighbors(1).fit(x, y).predict(np.zeros((2, 3)))
    for distance in (lambda a, b: abs(a - b).sum(), lambda a, b: np.full(len(b), np.nan)):
        with pytest.raises(nn.NeighborError, match="return one finite number for each of the 5 rows"):
            nn.KNearestNeighbors(1, distance).fit(x, y).predict(x)
    with pytest.raises(nn.NeighborError, match="k is 5, but there are 4"):
        nn.cross_validate(x, y, [5], folds=5)
    with pytest.raises(nn.NeighborError, match="6 folds of 5 examples: ask for 2 to 5"):
        nn.cross_validate(x, y, [1], folds=6)
    with pytest.raises(nn.NeighborError, match="ks is empty"):
        nn.cross_validate(x, y, [], folds=2)
