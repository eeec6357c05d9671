"""Networks and classifiers: gradients by differences, penalties of each year, and training that learns."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch.interop.cs231n import install
from nnscratch.interop.cs231n.classifiers import KNearestNeighbor, LinearSVM, Softmax, cnn, fc_net, neural_net, rnn
from nnscratch.interop.cs231n.classifiers.linear_svm import svm_loss_naive, svm_loss_vectorized
from nnscratch.interop.cs231n.classifiers.softmax import softmax_loss_naive, softmax_loss_vectorized
from nnscratch.interop.cs231n.gradient_check import eval_numerical_gradient
from nnscratch.interop.cs231n.solver import Solver

RNG = np.random.default_rng(0)


def check_network(net, *batch, skip=()):
    _, grads = net.loss(*batch)
    assert set(grads) == set(net.params)
    for name in sorted(set(net.params) - set(skip)):
        numeric = eval_numerical_gradient(lambda _: net.loss(*batch)[0], net.params[name], verbose=False)
        assert_allclose(grads[name], numeric, rtol=1e-5, atol=1e-7, err_msg=name)


def batch(*shape, classes=3):
    return RNG.normal(size=shape), RNG.integers(classes, size=shape[0])


@pytest.mark.parametrize("normalization", [None, "batchnorm", "layernorm"])
@pytest.mark.parametrize("keep", [1, 0.75])
def test_gradients_of_the_net_of_any_depth(normalization, keep):
    np.random.seed(1)
    net = fc_net.FullyConnectedNet(
        [5, 4], 6, 3, dropout_keep_ratio=keep, normalization=normalization, reg=0.3, weight_scale=0.5,
        dtype=np.float64, seed=7,
    )  # fmt: skip
    for name in ("b1", "b2"):  # away from the kink, where a row that was dropped whole would sit
        net.params[name] = RNG.normal(size=net.params[name].shape)
    beyond_a_norm = {"b1", "b2"} if normalization == "batchnorm" else set()  # their gradient is 0, up to round-off
    check_network(net, *batch(7, 6), skip=beyond_a_norm)


def test_gradients_of_the_other_networks():
    np.random.seed(2)
    check_network(fc_net.TwoLayerNet(6, 5, 3, weight_scale=0.5, reg=0.3), *batch(4, 6))
    small = cnn.ThreeLayerConvNet((2, 4, 4), 2, 3, 5, 3, weight_scale=0.5, reg=0.3, dtype=np.float64)
    check_network(small, *batch(2, 2, 4, 4))


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_gradients_of_captions_and_what_is_said(cell):
    np.random.seed(3)
    words = {"<NULL>": 0, "<START>": 1, "<END>": 2, "a": 3, "b": 4}
    net = rnn.CaptioningRNN(words, 4, 3, 5, cell_type=cell, dtype=np.float64)
    captions = np.array([[1, 3, 4, 2], [1, 4, 2, 0]])
    features = RNG.normal(size=(2, 4))
    check_network(net, features, captions)
    for _ in range(300):
        _, grads = net.loss(features, captions)
        for name, grad in grads.items():
            net.params[name] -= 0.3 * grad
    said = net.sample(features, max_length=5)
    assert_array_equal(said, [[3, 4, 2, 0, 0], [4, 2, 0, 0, 0]])
    with pytest.raises(ValueError, match="give 'rnn' or 'lstm'"):
        rnn.CaptioningRNN(words, cell_type="gru")


def test_networks_are_priced_by_half_the_sum_of_squares_and_scored_in_test_mode():
    np.random.seed(0)
    x, y = batch(5, 6)
    for make in (
        lambda reg: fc_net.TwoLayerNet(6, 5, 3, reg=reg, weight_scale=0.5),
        lambda reg: fc_net.FullyConnectedNet([5], 6, 3, reg=reg, weight_scale=0.5, dtype=np.float64),
    ):
        free, priced = make(0.0), make(0.8)
        priced.params = free.params
        squares = sum((w * w).sum() for name, w in free.params.items() if name.startswith("W"))
        assert math.isclose(priced.loss(x, y)[0] - free.loss(x, y)[0], 0.5 * 0.8 * squares, rel_tol=1e-9)
    net = fc_net.FullyConnectedNet([5], 6, 3, dropout_keep_ratio=0.5, normalization="batchnorm", dtype=np.float64)
    net.loss(x, y)
    running = dict(net.bn_params[0])
    assert_array_equal(net.loss(x), net.loss(x))  # neither drops nor learns statistics
    assert_array_equal(net.bn_params[0]["running_mean"], running["running_mean"])
    assert net.bn_params[0]["mode"] == "test" and net.dropout_param["mode"] == "test"


@pytest.mark.parametrize("year, half", [(2016, 0.5), (2017, 1.0), (2020, 1.0)])
def test_penalty_of_linear_classifiers_and_of_neural_net_is_halved_in_2016_only(year, half):
    install(year)
    W, (x, y) = RNG.normal(size=(4, 3)), batch(5, 4)
    for naive, vectorized in (
        (svm_loss_naive, svm_loss_vectorized),
        (softmax_loss_naive, softmax_loss_vectorized),
    ):
        loss, dW = naive(W, x, y, 0.7)
        again, dW_again = vectorized(W, x, y, 0.7)
        assert math.isclose(loss, again, rel_tol=1e-12)
        assert_allclose(dW, dW_again, atol=1e-12)
        assert math.isclose(loss - naive(W, x, y, 0.0)[0], half * 0.7 * (W * W).sum(), rel_tol=1e-9)
        numeric = eval_numerical_gradient(lambda W, f=naive: f(W, x, y, 0.7)[0], W, verbose=False)
        assert_allclose(dW, numeric, atol=1e-6)
    net = neural_net.TwoLayerNet(4, 5, 3, std=0.5)
    squares = sum((net.params[name] ** 2).sum() for name in ("W1", "W2"))
    assert math.isclose(net.loss(x, y, reg=0.7)[0] - net.loss(x, y)[0], half * 0.7 * squares, rel_tol=1e-9)


def test_dropout_of_each_year_keeps_the_same_share():
    for year, make in (
        (2017, lambda: fc_net.FullyConnectedNet2017([5], 6, 3, dropout=0.25)),
        (2019, lambda: fc_net.FullyConnectedNet2018([5], 6, 3, dropout=0.75)),
        (2023, lambda: fc_net.FullyConnectedNet([5], 6, 3, dropout_keep_ratio=0.75)),
    ):
        install(year)
        assert make().dropout_param == {"mode": "train", "p": 0.25 if year == 2017 else 0.75}
    assert not fc_net.FullyConnectedNet2017([5], 6, 3).use_dropout
    assert not fc_net.FullyConnectedNet2018([5], 6, 3).use_dropout
    with pytest.raises(ValueError, match="'batchnorm' or 'layernorm'"):
        fc_net.FullyConnectedNet([5], 6, 3, normalization="batch norm")


def test_neighbours_vote_and_the_smallest_label_wins_a_tie():
    model = KNearestNeighbor()
    model.train(np.array([[0.0, 0], [3, 4], [0, 5], [9, 9]]), np.array([2, 1, 1, 0]))
    x = np.array([[0.0, 1], [6, 6]])
    expected = [[math.dist(a, b) for b in model.X_train] for a in x]
    for distances in (
        model.compute_distances_two_loops,
        model.compute_distances_one_loop,
        model.compute_distances_no_loops,
    ):
        assert_allclose(distances(x), expected, rtol=1e-12)
    assert model.predict(x, k=1, num_loops=2).tolist() == [2, 1]
    assert model.predict(x, k=2).tolist() == [1, 0]  # 2 or 1: 1; 1 or 0: 0
    with pytest.raises(ValueError, match="give 0, 1 or 2"):
        model.predict(x, num_loops=3)


@pytest.mark.parametrize("classifier", [LinearSVM, Softmax])
def test_linear_classifiers_learn(classifier, capsys):
    np.random.seed(0)
    centres = np.eye(3)[:, :, None] * 3
    y = np.repeat([0, 1, 2], 30)
    x = centres[y, :, 0] + 0.3 * RNG.normal(size=(90, 3))
    model = classifier()
    losses = model.train(x, y, learning_rate=0.1, num_iters=200, batch_size=30, verbose=True)
    assert len(losses) == 200 and losses[-1] < losses[0] / 3
    assert (model.predict(x) == y).mean() > 0.95
    assert capsys.readouterr().out.count("iteration") == 2
    W = model.W
    model.train(x, y, num_iters=1)
    assert model.W is W


def two_kinds():
    y = np.repeat([0, 1], 40)
    return np.where(y[:, None] == 1, 1.0, -1.0) + 0.3 * RNG.normal(size=(80, 4)), y


def test_the_network_of_older_years_trains_itself():
    np.random.seed(0)
    x, y = two_kinds()
    net = neural_net.TwoLayerNet(4, 6, 2, std=0.1)
    stats = net.train(x, y, x, y, learning_rate=0.5, num_iters=60, batch_size=20)
    assert len(stats["loss_history"]) == 60 and stats["loss_history"][-1] < stats["loss_history"][0] / 2
    assert (net.predict(x) == y).mean() == 1 and stats["val_acc_history"][-1] == 1
    assert len(stats["train_acc_history"]) == 15


@pytest.mark.parametrize("rule", ["sgd", "sgd_momentum", "rmsprop", "adam"])
def test_the_solver_learns_by_every_rule_and_keeps_the_best(rule, capsys, tmp_path):
    np.random.seed(0)
    x, y = two_kinds()
    data = {"X_train": x, "y_train": y, "X_val": x[::2], "y_val": y[::2]}
    config = {"learning_rate": 0.01 if rule in ("adam", "rmsprop") else 0.3}
    net = fc_net.TwoLayerNet(4, 6, 2, weight_scale=0.1)
    solver = Solver(
        net, data, update_rule=rule, optim_config=config, lr_decay=0.5, num_epochs=5, batch_size=20,
        print_every=10, num_train_samples=20, checkpoint_name=str(tmp_path / "run"),
    )  # fmt: skip
    solver.train()
    assert solver.best_val_acc == 1 and solver.check_accuracy(x, y) == 1
    assert len(solver.loss_history) == 20 and solver.epoch == 5
    assert len(solver.val_acc_history) == len(solver.train_acc_history) == 6  # after step one and after each epoch
    assert config["learning_rate"] == solver.optim_config["learning_rate"]  # only the copies decay
    decayed = {c["learning_rate"] for c in solver.optim_configs.values()}
    assert len(decayed) == 1 and math.isclose(decayed.pop(), config["learning_rate"] * 0.5**5)
    assert capsys.readouterr().out.count("(Epoch") == 6
    assert net.params is solver.best_params
    with np.load(tmp_path / "run_epoch_5.npz", allow_pickle=False) as saved:
        assert set(net.params) <= set(saved)
    with pytest.raises(ValueError, match="no option 'epochs'"):
        Solver(net, data, epochs=5)
    with pytest.raises(ValueError, match="choose adam, rmsprop, sgd, sgd_momentum"):
        Solver(net, data, update_rule="adamw")
