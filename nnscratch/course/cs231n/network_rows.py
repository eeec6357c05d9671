"""Rows of the networks: their losses against ours with the same parameters, and their gradients, by the doctor."""

import inspect
from typing import Any

import numpy as np

from nnscratch.course import expect
from nnscratch.course.cs231n.rows import row, written
from nnscratch.interop.cs231n.classifiers import cnn, fc_net, neural_net, rnn

DROPOUT = {"dropout_keep_ratio": 0.75, "dropout": 0.75, "use_batchnorm": 0.25}


def _written(model, name):
    if not getattr(model, "params", None):
        written(None, name)
    return model


def check_network(mine: Any, ours: Any, X: np.ndarray, y: Any, name: str) -> None:
    """Expect the parameters, the scores and the loss of `ours`, and gradients that the doctor finds right.

    >>> nets = [fc_net.TwoLayerNet(4, 5, 3, reg=0.5) for _ in range(2)]
    >>> check_network(*nets, np.ones((2, 4)), np.array([0, 1]), "TwoLayerNet")
    """
    _written(mine, f"{name}.__init__")
    for key, value in ours.params.items():
        expect.true(key in mine.params, f"params has no {key!r}; it should have {', '.join(sorted(ours.params))}")
        expect.shape(mine.params[key], value.shape, f'params["{key}"]')
    draws = np.random.default_rng(5)
    for key, value in ours.params.items():
        mine.params[key] = 0.3 * draws.normal(size=value.shape)
        ours.params[key] = mine.params[key].copy()
    scores = written(mine.loss(X), f"{name}.loss")
    expect.equal(np.asarray(scores), ours.loss(X), "the scores")
    loss, grads = expect.pair(mine.loss(X, y), f"{name}.loss")
    if not grads:
        written(None, f"the gradients of {name}.loss")
    expected, _ = ours.loss(X, y)
    words = "the loss (with 0.5 * reg * sum(W * W) of every weight)"
    expect.equal(float(loss), float(expected), words)
    missing = sorted(set(ours.params) - set(grads))
    expect.true(not missing, f"grads has no {', '.join(missing)}")
    expect.model_gradients(mine, X, y)


@row("TwoLayerNet", "classifiers/fc_net.py", seconds=120)
def _two_layer_net(mine, rng):
    """Scores, loss, gradients."""
    options: dict[str, Any] = {"input_dim": 6, "hidden_dim": 5, "num_classes": 3, "weight_scale": 0.3, "reg": 0.4}
    X, y = rng.normal(size=(4, 6)), np.array([0, 2, 1, 1])
    check_network(mine(**options), fc_net.TwoLayerNet(**options), X, y, "TwoLayerNet")


@row("FullyConnectedNet", "classifiers/fc_net.py", seconds=120)
def _fully_connected_net(mine, rng):
    """Scores, loss, gradients; then with each norm that it takes, and with dropout."""
    takes = inspect.signature(mine).parameters
    form = next(name for name in fc_net.NETS if name in takes or name == "dropout_keep_ratio")
    common: dict[str, Any] = {"reg": 0.4, "weight_scale": 0.3, "dtype": np.float64, "seed": 7}
    norms: list[dict[str, Any]] = [{"use_batchnorm": True}] if form == "use_batchnorm" else []
    if "normalization" in takes:
        norms = [{"normalization": "batchnorm"}, {"normalization": "layernorm"}]
    X, y = rng.normal(size=(5, 6)), np.array([0, 2, 1, 1, 0])
    for norm in ({}, *norms):
        mine_net, ours = (net([5, 4], 6, 3, **common, **norm) for net in (mine, fc_net.NETS[form]))
        name = "FullyConnectedNet" + (f" with {next(iter(norm.values()))}" if "normalization" in norm else "")
        check_network(mine_net, ours, X, y, name)
    dropout = {"dropout" if form == "use_batchnorm" else form: DROPOUT[form]}
    net = mine([5, 4], 6, 3, **common, **dropout)
    for key, value in net.params.items():
        net.params[key] = 0.3 * rng.normal(size=value.shape)
    expect.model_gradients(net, X, y)


@row("ThreeLayerConvNet", "classifiers/cnn.py", seconds=120)
def _three_layer_conv_net(mine, rng):
    """Scores, loss, gradients."""
    options: dict[str, Any] = {
        "input_dim": (2, 4, 4), "num_filters": 3, "filter_size": 3, "hidden_dim": 5, "num_classes": 3,
        "weight_scale": 0.3, "reg": 0.4, "dtype": np.float64,
    }  # fmt: skip
    X, y = rng.normal(size=(3, 2, 4, 4)), np.array([0, 2, 1])
    check_network(mine(**options), cnn.ThreeLayerConvNet(**options), X, y, "ThreeLayerConvNet")


@row("TwoLayerNet", "classifiers/neural_net.py", seconds=120)
def _older_two_layer_net(mine, rng):
    """Scores, loss and gradients; then training, which is to lower the loss."""
    net, ours = mine(6, 5, 3, std=0.3), neural_net.TwoLayerNet(6, 5, 3, std=0.3)
    X, y = rng.normal(size=(4, 6)), np.array([0, 2, 1, 1])
    check_network(net, ours, X, y, "TwoLayerNet")
    y = np.repeat([0, 1, 2], 20)
    X = np.hstack([2 * np.eye(3)[y], 0.3 * rng.normal(size=(60, 3))])
    stats = net.train(X, y, X, y, learning_rate=0.2, reg=0.0, num_iters=200, batch_size=20)
    losses = stats["loss_history"]
    if losses[-1] is None or losses[-1] == losses[0]:
        written(None, "TwoLayerNet.train")
    expect.true(
        losses[-1] < losses[0] / 2, f"training takes the loss from {losses[0]:.3g} to {losses[-1]:.3g} only"
    )
    said = written(net.predict(X), "TwoLayerNet.predict")
    expect.equal(np.asarray(said), np.asarray(net.loss(X)).argmax(axis=1), "what predict says")


@row("CaptioningRNN", "classifiers/rnn.py", seconds=120)
def _captioning_rnn(mine, rng):
    """Loss and gradients of both cells, and what sample says."""
    words = {"<NULL>": 0, "<START>": 1, "<END>": 2, "a": 3, "b": 4}
    captions, features = np.array([[1, 3, 4, 2], [1, 4, 2, 0]]), rng.normal(size=(2, 4))
    for cell in ("rnn", "lstm"):
        options: dict[str, Any] = {
            "input_dim": 4, "wordvec_dim": 3, "hidden_dim": 5, "cell_type": cell, "dtype": np.float64,
        }  # fmt: skip
        net, ours = mine(words, **options), rnn.CaptioningRNN(words, **options)
        for key, value in ours.params.items():
            expect.true(key in net.params, f"params has no {key!r}")
            net.params[key] = 0.5 * rng.normal(size=value.shape)
            ours.params[key] = net.params[key].copy()
        loss, grads = expect.pair(net.loss(features, captions), "CaptioningRNN.loss")
        if not grads:
            written(None, f"CaptioningRNN.loss with cell_type {cell!r}")
        expect.equal(float(loss), float(ours.loss(features, captions)[0]), f"the loss with cell_type {cell!r}")
        expect.model_gradients(net, features, captions)
        said = np.asarray(written(net.sample(features, max_length=6), "CaptioningRNN.sample"))
        expect.shape(said, (2, 6), "captions")
        if not said.any():
            written(None, "CaptioningRNN.sample")
        expected = ours.sample(features, max_length=6)
        for one, other in zip(said, expected):
            end = int(np.argmax(other == 2)) + 1 if 2 in other else len(other)
            expect.equal(one[:end].astype(int), other[:end], f"what sample says with cell_type {cell!r}")
