"""What the modules compute, against formulas written out here; gradients against differences."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch.interop.cs231n import (
    data_utils,
    fast_layers,
    features,
    gradient_check,
    im2col,
    install,
    layer_utils,
    layers,
    optim,
    rnn_layers,
    vis_utils,
)

CLOSE = {"rtol": 1e-10, "atol": 1e-10}
RNG = np.random.default_rng(0)


def draw(*shape):
    return RNG.normal(size=shape)


def check_gradients(forward, backward, inputs, error=1e-6):
    """Compare every gradient with differences; x is moved in place, as the notebooks do."""
    out, cache = forward(*inputs)
    dout = draw(*out.shape)
    grads = backward(dout, cache)
    grads = grads if isinstance(grads, tuple) else (grads,)
    assert len(grads) == len(inputs)
    for x, grad in zip(inputs, grads):
        numeric = gradient_check.eval_numerical_gradient_array(lambda _: forward(*inputs)[0], x, dout)
        assert grad.shape == x.shape
        assert_allclose(grad, numeric, rtol=error, atol=error)


PAIRS = {
    "affine": (layers.affine_forward, layers.affine_backward, (draw(3, 2, 2), draw(4, 5), draw(5))),
    "relu": (layers.relu_forward, layers.relu_backward, (draw(3, 4),)),
    "batchnorm": (
        lambda x, g, b: layers.batchnorm_forward(x, g, b, {"mode": "train"}),
        layers.batchnorm_backward,
        (draw(6, 3), draw(3), draw(3)),
    ),
    "batchnorm_alt": (
        lambda x, g, b: layers.batchnorm_forward(x, g, b, {"mode": "train"}),
        layers.batchnorm_backward_alt,
        (draw(6, 3), draw(3), draw(3)),
    ),
    "layernorm": (
        lambda x, g, b: layers.layernorm_forward(x, g, b, {}),
        layers.layernorm_backward,
        (draw(4, 5), draw(5), draw(5)),
    ),
    "spatial_batchnorm": (
        lambda x, g, b: layers.spatial_batchnorm_forward(x, g, b, {"mode": "train"}),
        layers.spatial_batchnorm_backward,
        (draw(2, 3, 3, 2), draw(3), draw(3)),
    ),
    "spatial_groupnorm": (
        lambda x, g, b: layers.spatial_groupnorm_forward(x, g, b, 2, {}),
        layers.spatial_groupnorm_backward,
        (draw(2, 6, 3, 2), draw(1, 6, 1, 1), draw(1, 6, 1, 1)),
    ),
    "dropout": (
        lambda x: layers.dropout_forward(x, {"mode": "train", "p": 0.6, "seed": 3}),
        layers.dropout_backward,
        (draw(5, 6),),
    ),
    "affine_relu": (
        layer_utils.affine_relu_forward,
        layer_utils.affine_relu_backward,
        (draw(3, 4), draw(4, 5), draw(5)),
    ),
    "affine_bn_relu": (
        lambda x, w, b, g, s: layer_utils.affine_bn_relu_forward(x, w, b, g, s, {"mode": "train"}),
        layer_utils.affine_bn_relu_backward,
        (draw(6, 4), draw(4, 3), draw(3), draw(3), draw(3)),
    ),
    "affine_ln_relu": (
        lambda x, w, b, g, s: layer_utils.affine_ln_relu_forward(x, w, b, g, s, {}),
        layer_utils.affine_ln_relu_backward,
        (draw(3, 4), draw(4, 5), draw(5), draw(5), draw(5)),
    ),
    "conv_relu_pool": (
        lambda x, w, b: layer_utils.conv_relu_pool_forward(
            x, w, b, {"stride": 1, "pad": 1}, {"pool_height": 2, "pool_width": 2, "stride": 2}
        ),
        layer_utils.conv_relu_pool_backward,
        (draw(2, 2, 4, 4), draw(3, 2, 3, 3), draw(3)),
    ),
    "conv_bn_relu": (
        lambda x, w, b, g, s: layer_utils.conv_bn_relu_forward(
            x, w, b, g, s, {"stride": 1, "pad": 1}, {"mode": "train"}
        ),
        layer_utils.conv_bn_relu_backward,
        (draw(2, 2, 4, 4), draw(3, 2, 3, 3), draw(3), draw(3), draw(3)),
    ),
    "conv_relu": (
        lambda x, w, b: layer_utils.conv_relu_forward(x, w, b, {"stride": 2, "pad": 1}),
        layer_utils.conv_relu_backward,
        (draw(2, 2, 5, 5), draw(3, 2, 3, 3), draw(3)),
    ),
    "rnn_step": (
        rnn_layers.rnn_step_forward,
        rnn_layers.rnn_step_backward,
        (draw(3, 4), draw(3, 5), draw(4, 5), draw(5, 5), draw(5)),
    ),
    "rnn": (
        rnn_layers.rnn_forward,
        rnn_layers.rnn_backward,
        (draw(2, 3, 4), draw(2, 5), draw(4, 5), draw(5, 5), draw(5)),
    ),
    "lstm": (
        rnn_layers.lstm_forward,
        rnn_layers.lstm_backward,
        (draw(2, 3, 4), draw(2, 3), draw(4, 12), draw(3, 12), draw(12)),
    ),
    "temporal_affine": (
        rnn_layers.temporal_affine_forward,
        rnn_layers.temporal_affine_backward,
        (draw(2, 3, 4), draw(4, 5), draw(5)),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_gradients_agree_with_differences(name):
    check_gradients(*PAIRS[name])


def test_the_cell_of_an_lstm_and_both_its_gradients():
    x, h, c, Wx, Wh, b = draw(3, 4), draw(3, 2), draw(3, 2), draw(4, 8), draw(2, 8), draw(8)
    next_h, next_c, cache = rnn_layers.lstm_step_forward(x, h, c, Wx, Wh, b)
    i, f, o, g = np.split(x @ Wx + h @ Wh + b, 4, axis=1)
    i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
    assert_allclose(next_c, f * c + i * np.tanh(g), **CLOSE)
    assert_allclose(next_h, o * np.tanh(next_c), **CLOSE)
    dh, dc = draw(3, 2), draw(3, 2)
    grads = rnn_layers.lstm_step_backward(dh, dc, cache)
    inputs = (x, h, c, Wx, Wh, b)
    for value, grad in zip(inputs, grads):
        by_h = gradient_check.eval_numerical_gradient_array(
            lambda _: rnn_layers.lstm_step_forward(*inputs)[0], value, dh
        )
        by_c = gradient_check.eval_numerical_gradient_array(
            lambda _: rnn_layers.lstm_step_forward(*inputs)[1], value, dc
        )
        assert_allclose(grad, by_h + by_c, rtol=1e-6, atol=1e-6)


def test_words_are_rows_of_the_table():
    words, W, dout = np.array([[0, 3], [3, 1]]), draw(4, 2), draw(2, 2, 2)
    out, cache = rnn_layers.word_embedding_forward(words, W)
    assert_array_equal(out[1, 0], W[3])
    expected = np.stack([dout[0, 0], dout[1, 1], np.zeros(2), dout[0, 1] + dout[1, 0]])
    assert_allclose(rnn_layers.word_embedding_backward(dout, cache), expected, **CLOSE)


def test_the_loss_of_sequences_is_summed_over_steps_and_averaged_over_sequences():
    x, y, mask = draw(3, 2, 5), RNG.integers(5, size=(3, 2)), np.array([[1, 1], [0, 1], [0, 0]], bool)
    loss, dx = rnn_layers.temporal_softmax_loss(x, y, mask)
    nats = [math.log(np.exp(x[n, t]).sum()) - x[n, t, y[n, t]] for n in range(3) for t in range(2) if mask[n, t]]
    assert math.isclose(loss, sum(nats) / 3, rel_tol=1e-12)
    numeric = gradient_check.eval_numerical_gradient(
        lambda x: rnn_layers.temporal_softmax_loss(x, y, mask)[0], x, verbose=False
    )
    assert_allclose(dx, numeric, atol=1e-8)
    assert rnn_layers.temporal_softmax_loss(x, y, mask & False)[0] == 0


def test_the_losses_of_scores():
    x, y = draw(4, 3), np.array([0, 2, 1, 1])
    hinge = [max(0, x[n, c] - x[n, y[n]] + 1) for n in range(4) for c in range(3) if c != y[n]]
    assert math.isclose(layers.svm_loss(x, y)[0], sum(hinge) / 4, rel_tol=1e-12)
    nats = [math.log(np.exp(x[n]).sum()) - x[n, y[n]] for n in range(4)]
    assert math.isclose(layers.softmax_loss(x, y)[0], sum(nats) / 4, rel_tol=1e-12)
    for loss in (layers.svm_loss, layers.softmax_loss):
        numeric = gradient_check.eval_numerical_gradient(lambda x, f=loss: f(x, y)[0], x, verbose=False)
        assert_allclose(loss(x, y)[1], numeric, atol=1e-8)


def test_running_statistics_are_written_into_bn_param_and_used_in_test_mode():
    x, gamma, beta = 5 + 2 * draw(8, 3), draw(3), draw(3)
    bn_param = {"mode": "train", "momentum": 0.75}
    out, _ = layers.batchnorm_forward(x, gamma, beta, bn_param)
    assert_allclose(out, gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5) + beta, **CLOSE)
    assert_allclose(bn_param["running_mean"], 0.25 * x.mean(0), **CLOSE)
    assert_allclose(bn_param["running_var"], 0.25 * x.var(0), **CLOSE)
    bn_param["mode"] = "test"
    before = dict(bn_param)
    out, _ = layers.batchnorm_forward(x, gamma, beta, bn_param)
    expected = gamma * (x - before["running_mean"]) / np.sqrt(before["running_var"] + 1e-5) + beta
    assert_allclose(out, expected, **CLOSE)
    assert bn_param["running_mean"] is before["running_mean"]
    with pytest.raises(ValueError, match="mode is 'training'"):
        layers.batchnorm_forward(x, gamma, beta, {"mode": "training"})


@pytest.mark.parametrize("year, kept", [(2016, 0.75), (2017, 0.75), (2018, 0.25), (2026, 0.25)])
def test_p_of_dropout_is_dropped_until_2017_and_kept_from_2018(year, kept):
    install(year)
    x = np.ones((200, 200))
    out, _ = layers.dropout_forward(x, {"mode": "train", "p": 0.25, "seed": 0})
    assert set(np.unique(out)) == {0.0, 1 / kept}
    assert abs((out > 0).mean() - kept) < 0.02
    assert_array_equal(layers.dropout_forward(x, {"mode": "test", "p": 0.25})[0], x)
    again, _ = layers.dropout_forward(x, {"mode": "train", "p": 0.25, "seed": 0})
    assert_array_equal(out, again)
    with pytest.raises(ValueError, match=f"in {year}"):
        layers.dropout_forward(x, {"mode": "train", "p": 1 if year <= 2017 else 0})


CONVOLUTIONS = [
    (layers.conv_forward_naive, layers.conv_backward_naive),
    (fast_layers.conv_forward_im2col, fast_layers.conv_backward_im2col),
    (fast_layers.conv_forward_strides, fast_layers.conv_backward_strides),
    (fast_layers.conv_forward_fast, fast_layers.conv_backward_fast),
]
POOLS = [
    (layers.max_pool_forward_naive, layers.max_pool_backward_naive),
    (fast_layers.max_pool_forward_im2col, fast_layers.max_pool_backward_im2col),
    (fast_layers.max_pool_forward_fast, fast_layers.max_pool_backward_fast),
    (fast_layers.max_pool_forward_reshape, fast_layers.max_pool_backward_reshape),
]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(4, 7), st.integers(4, 7),
    st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_all_forms_of_convolution_agree(N, C, H, W, HH, WW, stride, pad, seed):
    rng = np.random.default_rng(seed)
    x, w, b = rng.normal(size=(N, C, H, W)), rng.normal(size=(2, C, HH, WW)), rng.normal(size=2)
    results = []
    for forward, backward in CONVOLUTIONS:
        out, cache = forward(x, w, b, {"stride": stride, "pad": pad})
        dout = np.random.default_rng(seed + 1).normal(size=out.shape)
        results.append((out, *backward(dout, cache)))
    seen = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))[0, :, :HH, :WW]
    assert math.isclose(results[0][0][0, 1, 0, 0], (seen * w[1]).sum() + b[1], rel_tol=1e-9, abs_tol=1e-9)
    for other in results[1:]:
        for found, expected in zip(other, results[0]):
            assert_allclose(found, expected, **CLOSE)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(4, 7), st.integers(4, 7),
    st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_all_forms_of_max_pool_agree(N, C, H, W, height, width, stride, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(5, size=(N, C, H, W)).astype(float)  # with equal pixels: the first one of a window wins
    results = []
    for forward, backward in POOLS[:3]:
        out, cache = forward(x, {"pool_height": height, "pool_width": width, "stride": stride})
        dout = np.random.default_rng(seed + 1).normal(size=out.shape)
        results.append((out, backward(dout, cache)))
    assert results[0][0][0, 0, 0, 0] == x[0, 0, :height, :width].max()
    for other in results[1:]:
        for found, expected in zip(other, results[0]):
            assert_allclose(found, expected, **CLOSE)


def test_the_reshaping_pool_agrees_where_windows_tile_the_image():
    x, dout = RNG.integers(5, size=(2, 3, 6, 9)).astype(float), draw(2, 3, 2, 3)
    pool_param = {"pool_height": 3, "pool_width": 3, "stride": 3}
    outs = [forward(x, pool_param) for forward, _ in POOLS]
    for (_, backward), (out, cache) in zip(POOLS, outs):
        assert_array_equal(out, outs[0][0])
        assert_allclose(backward(dout, cache), POOLS[0][1](dout, outs[0][1]), **CLOSE)
    with pytest.raises(ValueError, match="use max_pool_forward_fast"):
        fast_layers.max_pool_forward_reshape(x, {**pool_param, "stride": 2})


def test_col2im_is_the_adjoint_of_im2col():
    x = draw(2, 3, 5, 6)
    cols = im2col.im2col_indices(x, 3, 2, padding=1, stride=2)
    others = draw(*cols.shape)
    back = im2col.col2im_indices(others, x.shape, 3, 2, padding=1, stride=2)
    assert math.isclose((cols * others).sum(), (x * back).sum(), rel_tol=1e-12)
    k, i, j = im2col.get_im2col_indices(x.shape, 3, 2, padding=1, stride=2)
    assert k.shape == (18, 1) and i.shape == j.shape == (18, 12)


def test_update_rules_follow_their_formulas_for_several_steps():
    w0, gradients = draw(3), draw(4, 3)
    w, config = w0, {"learning_rate": 0.1}
    velocity, by_momentum = np.zeros(3), w0
    for dw in gradients:
        velocity = 0.9 * velocity - 0.1 * dw
        by_momentum = by_momentum + velocity
        w, returned = optim.sgd_momentum(w, dw, config)
        assert returned is config  # the caller's own dict
    assert_allclose(w, by_momentum, **CLOSE)
    assert_allclose(config["velocity"], velocity, **CLOSE)

    w, config = w0, {"learning_rate": 0.1, "decay_rate": 0.5}
    square, by_root = np.zeros(3), w0
    for dw in gradients:
        square = 0.5 * square + 0.5 * dw**2
        by_root = by_root - 0.1 * dw / (np.sqrt(square) + 1e-8)
        w, config = optim.rmsprop(w, dw, config)
    assert_allclose(w, by_root, **CLOSE)

    w, config = w0, {"learning_rate": 0.1}
    m, v, by_adam = np.zeros(3), np.zeros(3), w0
    for t, dw in enumerate(gradients, 1):
        m, v = 0.9 * m + 0.1 * dw, 0.999 * v + 0.001 * dw**2
        by_adam = by_adam - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        w, config = optim.adam(w, dw, config)
    assert_allclose(w, by_adam, **CLOSE)
    assert config["t"] == 4


def test_a_fresh_config_gets_the_defaults_and_w_stays_as_it_was():
    w = draw(3)
    before = w.copy()
    defaults = {
        optim.sgd: {"learning_rate": 1e-2},
        optim.sgd_momentum: {"learning_rate": 1e-2, "momentum": 0.9},
        optim.rmsprop: {"learning_rate": 1e-2, "decay_rate": 0.99, "epsilon": 1e-8},
        optim.adam: {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "t": 1},
    }
    for rule, expected in defaults.items():
        _, config = rule(w, np.ones(3))
        assert {name: config[name] for name in expected} == expected
    assert_array_equal(w, before)


def test_differences_move_the_array_itself_and_put_it_back(capsys):
    x = draw(3)
    before = x.copy()
    grad = gradient_check.eval_numerical_gradient(lambda ignored: (x**3).sum(), x, verbose=True)
    assert_allclose(grad, 3 * before**2, atol=1e-8)
    assert_array_equal(x, before)
    assert capsys.readouterr().out.count("\n") == 3
    random.seed(0)
    gradient_check.grad_check_sparse(lambda ignored: (x**3).sum(), x, 3 * x**2, 4)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and all(float(line.rpartition(" ")[2]) < 1e-6 for line in lines)


def test_a_grid_of_images_stretches_each_and_leaves_gaps():
    images = draw(5, 4, 3, 3)
    grid = vis_utils.visualize_grid(images, padding=2)
    assert grid.shape == (3 * 4 + 2 * 2, 3 * 3 + 2 * 2, 3)
    first = grid[:4, :3]
    low, high = images[0].min(), images[0].max()
    assert_allclose(first, 255 * (images[0] - low) / (high - low), **CLOSE)
    assert not grid[4:6].any() and not grid[12:].any()


def test_hues_fall_into_their_bins():
    image = np.zeros((2, 3, 3))
    image[0, :, 0] = 200  # red: hue 0
    image[1, :, 1] = 100  # green: a third of the circle
    found = features.color_histogram_hsv(image, nbin=6)
    assert_allclose(found, [0.5, 0, 0.5, 0, 0, 0])
    assert_array_equal(features.color_histogram_hsv(image, nbin=6, normalized=False), [3, 0, 3, 0, 0, 0])
    both = features.extract_features(np.stack([image, image]), [lambda im: features.color_histogram_hsv(im, 6)])
    assert_allclose(both, [found, found])


def test_missing_cifar10_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("NNSCRATCH_CACHE", str(tmp_path))
    monkeypatch.delenv("NNSCRATCH_DATA", raising=False)
    with pytest.raises(ValueError, match="unpack cifar-10-python.tar.gz there, or run `nnscratch data fetch`"):
        data_utils.load_CIFAR10(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"data_batch_1 is missing"):
        data_utils.load_CIFAR10(tmp_path / "empty")
