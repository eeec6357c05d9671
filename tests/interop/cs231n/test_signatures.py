"""Every name of CS231n's modules is there, with exactly its signature, in the years that have it."""

import importlib
import inspect
import sys

import numpy as np
import pytest

from nnscratch.interop import cs231n

FUNCTIONS = """
layers affine_forward(x, w, b)
layers affine_backward(dout, cache)
layers relu_forward(x)
layers relu_backward(dout, cache)
layers batchnorm_forward(x, gamma, beta, bn_param)
layers batchnorm_backward(dout, cache)
layers batchnorm_backward_alt(dout, cache)
layers layernorm_forward(x, gamma, beta, ln_param)
layers layernorm_backward(dout, cache)
layers dropout_forward(x, dropout_param)
layers dropout_backward(dout, cache)
layers conv_forward_naive(x, w, b, conv_param)
layers conv_backward_naive(dout, cache)
layers max_pool_forward_naive(x, pool_param)
layers max_pool_backward_naive(dout, cache)
layers spatial_batchnorm_forward(x, gamma, beta, bn_param)
layers spatial_batchnorm_backward(dout, cache)
layers spatial_groupnorm_forward(x, gamma, beta, G, gn_param)
layers spatial_groupnorm_backward(dout, cache)
layers svm_loss(x, y)
layers softmax_loss(x, y)
fast_layers conv_forward_im2col(x, w, b, conv_param)
fast_layers conv_forward_strides(x, w, b, conv_param)
fast_layers conv_forward_fast(x, w, b, conv_param)
fast_layers conv_backward_im2col(dout, cache)
fast_layers conv_backward_strides(dout, cache)
fast_layers conv_backward_fast(dout, cache)
fast_layers max_pool_forward_fast(x, pool_param)
fast_layers max_pool_forward_reshape(x, pool_param)
fast_layers max_pool_forward_im2col(x, pool_param)
fast_layers max_pool_backward_fast(dout, cache)
fast_layers max_pool_backward_reshape(dout, cache)
fast_layers max_pool_backward_im2col(dout, cache)
im2col get_im2col_indices(x_shape, field_height, field_width, padding=1, stride=1)
im2col im2col_indices(x, field_height, field_width, padding=1, stride=1)
im2col col2im_indices(cols, x_shape, field_height=3, field_width=3, padding=1, stride=1)
layer_utils affine_relu_forward(x, w, b)
layer_utils affine_relu_backward(dout, cache)
layer_utils affine_bn_relu_forward(x, w, b, gamma, beta, bn_param)
layer_utils affine_bn_relu_backward(dout, cache)
layer_utils affine_ln_relu_forward(x, w, b, gamma, beta, ln_param)
layer_utils affine_ln_relu_backward(dout, cache)
layer_utils conv_relu_forward(x, w, b, conv_param)
layer_utils conv_relu_backward(dout, cache)
layer_utils conv_bn_relu_forward(x, w, b, gamma, beta, conv_param, bn_param)
layer_utils conv_bn_relu_backward(dout, cache)
layer_utils conv_relu_pool_forward(x, w, b, conv_param, pool_param)
layer_utils conv_relu_pool_backward(dout, cache)
optim sgd(w, dw, config=None)
optim sgd_momentum(w, dw, config=None)
optim rmsprop(w, dw, config=None)
optim adam(w, dw, config=None)
solver Solver(model, data, **kwargs)
solver Solver.train(self)
solver Solver.check_accuracy(self, X, y, num_samples=None, batch_size=100)
solver Solver._reset(self)
solver Solver._step(self)
gradient_check eval_numerical_gradient(f, x, verbose=True, h=1e-05)
gradient_check eval_numerical_gradient_array(f, x, df, h=1e-05)
gradient_check eval_numerical_gradient_blobs(f, inputs, output, h=1e-05)
gradient_check eval_numerical_gradient_net(net, inputs, output, h=1e-05)
gradient_check grad_check_sparse(f, x, analytic_grad, num_checks=10, h=1e-05)
classifiers.fc_net TwoLayerNet(input_dim=3072, hidden_dim=100, num_classes=10, weight_scale=0.001, reg=0.0)
classifiers.fc_net TwoLayerNet.loss(self, X, y=None)
classifiers.fc_net FullyConnectedNet.loss(self, X, y=None)
classifiers.cnn ThreeLayerConvNet(input_dim=(3, 32, 32), num_filters=32, filter_size=7, hidden_dim=100, \
num_classes=10, weight_scale=0.001, reg=0.0, dtype=float32)
classifiers.cnn ThreeLayerConvNet.loss(self, X, y=None)
classifiers.k_nearest_neighbor KNearestNeighbor()
classifiers.k_nearest_neighbor KNearestNeighbor.train(self, X, y)
classifiers.k_nearest_neighbor KNearestNeighbor.predict(self, X, k=1, num_loops=0)
classifiers.k_nearest_neighbor KNearestNeighbor.compute_distances_two_loops(self, X)
classifiers.k_nearest_neighbor KNearestNeighbor.compute_distances_one_loop(self, X)
classifiers.k_nearest_neighbor KNearestNeighbor.compute_distances_no_loops(self, X)
classifiers.k_nearest_neighbor KNearestNeighbor.predict_labels(self, dists, k=1)
classifiers LinearSVM()
classifiers Softmax()
classifiers Softmax.train(self, X, y, learning_rate=0.001, reg=1e-05, num_iters=100, batch_size=200, verbose=False)
classifiers Softmax.predict(self, X)
classifiers Softmax.loss(self, X_batch, y_batch, reg)
classifiers.linear_classifier LinearSVM.loss(self, X_batch, y_batch, reg)
classifiers.linear_svm svm_loss_naive(W, X, y, reg)
classifiers.linear_svm svm_loss_vectorized(W, X, y, reg)
classifiers.softmax softmax_loss_naive(W, X, y, reg)
classifiers.softmax softmax_loss_vectorized(W, X, y, reg)
classifiers.rnn CaptioningRNN(word_to_idx, input_dim=512, wordvec_dim=128, hidden_dim=128, cell_type='rnn', dtype=float32)
classifiers.rnn CaptioningRNN.loss(self, features, captions)
classifiers.rnn CaptioningRNN.sample(self, features, max_length=30)
rnn_layers rnn_step_forward(x, prev_h, Wx, Wh, b)
rnn_layers rnn_step_backward(dnext_h, cache)
rnn_layers rnn_forward(x, h0, Wx, Wh, b)
rnn_layers rnn_backward(dh, cache)
rnn_layers lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b)
rnn_layers lstm_step_backward(dnext_h, dnext_c, cache)
rnn_layers lstm_forward(x, h0, Wx, Wh, b)
rnn_layers lstm_backward(dh, cache)
rnn_layers word_embedding_forward(x, W)
rnn_layers word_embedding_backward(dout, cache)
rnn_layers temporal_affine_forward(x, w, b)
rnn_layers temporal_affine_backward(dout, cache)
rnn_layers temporal_softmax_loss(x, y, mask, verbose=False)
data_utils load_CIFAR10(ROOT)
data_utils get_CIFAR10_data(num_training=49000, num_validation=1000, num_test=1000, subtract_mean=True)
vis_utils visualize_grid(Xs, ubound=255.0, padding=1)
features extract_features(imgs, feature_fns, verbose=False)
features hog_feature(im)
features color_histogram_hsv(im, nbin=10, xmin=0, xmax=255, normalized=True)
"""  # noqa: E501
NETS = {
    2016: "dropout=0, use_batchnorm=False, ",
    2017: "dropout=0, use_batchnorm=False, ",
    2018: "dropout=1, normalization=None, ",
    2020: "dropout=1, normalization=None, ",
    2021: "dropout_keep_ratio=1, normalization=None, ",
    2026: "dropout_keep_ratio=1, normalization=None, ",
}


def signature(found):
    text = str(inspect.signature(found))
    return text.replace("<class 'numpy.float32'>", "float32")


def written(rows):
    for row in rows.strip().splitlines():
        module, _, rest = row.partition(" ")
        name, _, arguments = rest.partition("(")
        yield module, name, "(" + arguments


@pytest.mark.parametrize("year", [2016, 2018, 2026])
def test_every_name_has_its_signature(year):
    cs231n.install(year)
    for module, name, expected in written(FUNCTIONS):
        found = importlib.import_module(f"cs231n.{module}")
        for part in name.split("."):
            found = getattr(found, part)
        assert signature(found) == expected, name


@pytest.mark.parametrize("year", NETS)
def test_the_options_of_the_net_are_those_of_the_year(year):
    cs231n.install(year)
    from cs231n.classifiers.fc_net import FullyConnectedNet

    assert signature(FullyConnectedNet) == (
        f"(hidden_dims, input_dim=3072, num_classes=10, {NETS[year]}"
        "reg=0.0, weight_scale=0.01, dtype=float32, seed=None)"
    )


@pytest.mark.parametrize("year", [2016, 2017, 2020, 2021, 2026])
def test_neural_net_is_there_until_2020(year):
    names = cs231n.install(year)
    assert ("cs231n.classifiers.neural_net" in names) == (year <= 2020)
    if year <= 2020:
        from cs231n.classifiers.neural_net import TwoLayerNet

        assert signature(TwoLayerNet) == "(input_size, hidden_size, output_size, std=0.0001)"
        assert signature(TwoLayerNet.loss) == "(self, X, y=None, reg=0.0)"
        assert signature(TwoLayerNet.train) == (
            "(self, X, y, X_val, y_val, learning_rate=0.001, learning_rate_decay=0.95, reg=5e-06, num_iters=100, "
            "batch_size=200, verbose=False)"
        )


def test_the_environment_chooses_the_year_and_install_overrules_it(monkeypatch):
    monkeypatch.setenv("NNSCRATCH_CS231N_YEAR", "2017")
    cs231n.install()
    assert sys.modules["cs231n"].__nnscratch__ == 2017
    cs231n.install(2019)
    assert cs231n.chosen_year() == 2019
    monkeypatch.setenv("NNSCRATCH_CS231N_YEAR", "this year")
    cs231n.uninstall()
    with pytest.raises(cs231n.DialectError, match="NNSCRATCH_CS231N_YEAR is 'this year'"):
        cs231n.install()
    with pytest.raises(cs231n.DialectError, match="from 2016 to 2026"):
        cs231n.install(1999)


def test_another_cs231n_is_not_shadowed_half_way(tmp_path, monkeypatch):
    (tmp_path / "cs231n").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("cs231n")
    with pytest.raises(cs231n.InstallError, match="call install"):
        cs231n.install()
    del sys.modules["cs231n"]


def test_modules_that_are_not_provided_come_from_the_folder(tmp_path, monkeypatch):
    (tmp_path / "cs231n").mkdir()
    (tmp_path / "cs231n" / "coco_utils.py").write_text("from cs231n.layers import affine_forward\nWORDS = 3\n")
    monkeypatch.chdir(tmp_path)
    cs231n.install()
    assert importlib.import_module("cs231n.coco_utils").WORDS == 3
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("cs231n.rnn_layers_pytorch")


def test_star_imports_bring_what_the_notebooks_use():
    cs231n.install()
    names: dict = {}
    exec("from cs231n.classifiers.fc_net import *", names)
    assert {"affine_forward", "dropout_forward", "affine_relu_forward", "FullyConnectedNet"} <= set(names)
    assert "np" not in names and not np.zeros(1).any()
    exec("from cs231n.classifiers.cnn import *", names)
    assert {"conv_relu_pool_forward", "conv_forward_fast", "ThreeLayerConvNet"} <= set(names)
