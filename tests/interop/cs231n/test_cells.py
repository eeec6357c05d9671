"""Cells like those of the notebooks run unmodified in every dialect, each asserting what its reader would see."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from nnscratch.interop.cs231n import install
from nnscratch.interop.cs231n.dialects import YEARS
from tests import needs

SETUP = """
    import time
    import numpy as np
    from cs231n.gradient_check import eval_numerical_gradient, eval_numerical_gradient_array
    from cs231n.gradient_check import eval_numerical_gradient_blobs, grad_check_sparse
    from cs231n.solver import Solver
    from cs231n.vis_utils import visualize_grid

    def rel_error(x, y):
        return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))

    np.random.seed(231)
"""

CELLS = {
    "k nearest neighbours": """
        from cs231n.classifiers import KNearestNeighbor
        X_train, y_train = np.random.rand(50, 12), np.arange(50) % 5
        classifier = KNearestNeighbor()
        classifier.train(X_train, y_train)
        dists = classifier.compute_distances_two_loops(X_train[:7])
        for other in (classifier.compute_distances_one_loop, classifier.compute_distances_no_loops):
            assert np.linalg.norm(dists - other(X_train[:7]), ord='fro') < 0.001
        assert np.mean(classifier.predict_labels(dists, k=1) == y_train[:7]) == 1
    """,
    "linear classifiers": """
        from cs231n.classifiers.linear_svm import svm_loss_naive, svm_loss_vectorized
        from cs231n.classifiers.softmax import softmax_loss_naive, softmax_loss_vectorized
        from cs231n.classifiers import LinearSVM, Softmax
        W, X_dev, y_dev = np.random.randn(13, 10) * 0.0001, np.random.randn(20, 13), np.arange(20) % 10
        for naive, fast in ((svm_loss_naive, svm_loss_vectorized), (softmax_loss_naive, softmax_loss_vectorized)):
            loss, grad = naive(W, X_dev, y_dev, 0.0)
            f = lambda w: naive(w, X_dev, y_dev, 0.0)[0]
            grad_numerical = grad_check_sparse(f, W, grad, 5)
            assert abs(loss - fast(W, X_dev, y_dev, 0.0)[0]) < 1e-10
            assert np.linalg.norm(grad - fast(W, X_dev, y_dev, 0.0)[1], ord='fro') < 1e-10
        for kind in (LinearSVM, Softmax):
            model = kind()
            loss_hist = model.train(X_dev, y_dev, learning_rate=1e-3, reg=1e-1, num_iters=30, verbose=True)
            assert loss_hist[-1] < loss_hist[0] and model.W.shape == (13, 10)
            assert model.predict(X_dev).shape == (20,)
    """,
    "affine and ReLU": """
        from cs231n.classifiers.fc_net import *
        x, w, b = np.random.randn(10, 2, 3), np.random.randn(6, 5), np.random.randn(5)
        dout = np.random.randn(10, 5)
        dx_num = eval_numerical_gradient_array(lambda x: affine_forward(x, w, b)[0], x, dout)
        dw_num = eval_numerical_gradient_array(lambda w: affine_forward(x, w, b)[0], w, dout)
        db_num = eval_numerical_gradient_array(lambda b: affine_forward(x, w, b)[0], b, dout)
        _, cache = affine_forward(x, w, b)
        dx, dw, db = affine_backward(dout, cache)
        assert max(rel_error(dx_num, dx), rel_error(dw_num, dw), rel_error(db_num, db)) < 1e-7
        out, cache = affine_relu_forward(x, w, b)
        dx, dw, db = affine_relu_backward(dout, cache)
        dx_num = eval_numerical_gradient_array(lambda x: affine_relu_forward(x, w, b)[0], x, dout)
        assert rel_error(dx_num, dx) < 1e-7
        from cs231n.layers import svm_loss, softmax_loss
        x, y = 0.001 * np.random.randn(50, 10), np.random.randint(10, size=50)
        dx_num = eval_numerical_gradient(lambda x: softmax_loss(x, y)[0], x, verbose=False)
        loss, dx = softmax_loss(x, y)
        assert abs(loss - 2.3) < 0.05 and rel_error(dx_num, dx) < 1e-6
        assert abs(svm_loss(x, y)[0] - 9) < 0.1
    """,
    "a solver": """
        from cs231n.classifiers.fc_net import *
        data = {'X_train': np.random.randn(80, 3, 4, 4), 'y_train': np.arange(80) % 4,
                'X_val': np.random.randn(20, 3, 4, 4), 'y_val': np.arange(20) % 4}
        model = FullyConnectedNet([30, 30], input_dim=48, num_classes=4, weight_scale=1e-1, dtype=np.float64)
        solver = Solver(model, data, print_every=10, num_epochs=40, batch_size=25, update_rule='sgd',
                        optim_config={'learning_rate': 2e-1})
        solver.train()
        assert solver.loss_history[-1] < solver.loss_history[0] and max(solver.train_acc_history) > 0.6
        assert solver.best_val_acc == max(solver.val_acc_history)
        for reg in [0, 3.14]:
            model = FullyConnectedNet([20, 30], input_dim=15, num_classes=10, reg=reg, weight_scale=5e-2,
                                      dtype=np.float64)
            X, y = np.random.randn(2, 15), np.random.randint(10, size=(2,))
            loss, grads = model.loss(X, y)
            for name in sorted(grads):
                f = lambda _: model.loss(X, y)[0]
                grad_num = eval_numerical_gradient(f, model.params[name], verbose=False, h=1e-5)
                assert rel_error(grad_num, grads[name]) < 1e-4, name
        from cs231n.optim import sgd_momentum, rmsprop, adam
        w, dw = np.linspace(-0.4, 0.6, num=20).reshape(4, 5), np.linspace(-0.6, 0.4, num=20).reshape(4, 5)
        v = np.linspace(0.6, 0.9, num=20).reshape(4, 5)
        config = {'learning_rate': 1e-3, 'velocity': v}
        next_w, _ = sgd_momentum(w, dw, config=config)
        assert rel_error(next_w, w + 0.9 * v - 1e-3 * dw) < 1e-12
        assert rel_error(config['velocity'], 0.9 * v - 1e-3 * dw) < 1e-12
    """,
    "batch normalization": """
        from cs231n.classifiers.fc_net import *
        N, D1, D2, D3 = 200, 50, 60, 3
        X, W1, W2 = np.random.randn(N, D1), np.random.randn(D1, D2), np.random.randn(D2, D3)
        bn_param, gamma, beta = {'mode': 'train'}, np.asarray([1.0, 2.0, 3.0]), np.asarray([11.0, 12.0, 13.0])
        for t in range(50):
            X = np.random.randn(N, D1)
            a = np.maximum(0, X.dot(W1)).dot(W2)
            a_norm, _ = batchnorm_forward(a, gamma, beta, bn_param)
        assert np.allclose(a_norm.mean(axis=0), beta) and np.allclose(a_norm.std(axis=0), gamma, atol=1e-3)
        bn_param['mode'] = 'test'
        a_norm, _ = batchnorm_forward(a, gamma, beta, bn_param)
        assert np.allclose(a_norm.mean(axis=0), beta, atol=0.5)
        x, dout = 5 * np.random.randn(4, 5) + 12, np.random.randn(4, 5)
        gamma, beta, bn_param = np.random.randn(5), np.random.randn(5), {'mode': 'train'}
        fx = lambda x: batchnorm_forward(x, gamma, beta, bn_param)[0]
        dx_num = eval_numerical_gradient_array(fx, x, dout)
        _, cache = batchnorm_forward(x, gamma, beta, bn_param)
        t1 = time.time()
        dx1, dgamma1, dbeta1 = batchnorm_backward(dout, cache)
        dx2, dgamma2, dbeta2 = batchnorm_backward_alt(dout, cache)
        assert rel_error(dx_num, dx1) < 1e-5 and rel_error(dx1, dx2) < 1e-10
    """,
    "dropout": """
        from cs231n.classifiers.fc_net import *
        x = np.random.randn(500, 500) + 10
        for p in [0.25, 0.4, 0.7]:
            out, _ = dropout_forward(x, {'mode': 'train', 'p': p})
            out_test, _ = dropout_forward(x, {'mode': 'test', 'p': p})
            assert abs(out.mean() - 10) < 0.2 and (out_test == x).all()
            assert abs((out == 0).mean() - ZEROS(p)) < 0.01
        x, dout = np.random.randn(10, 10) + 10, np.random.randn(10, 10)
        dropout_param = {'mode': 'train', 'p': 0.2, 'seed': 123}
        out, cache = dropout_forward(x, dropout_param)
        dx = dropout_backward(dout, cache)
        dx_num = eval_numerical_gradient_array(lambda xx: dropout_forward(xx, dropout_param)[0], x, dout)
        assert rel_error(dx, dx_num) < 1e-7
    """,
    "convolutional networks": """
        from cs231n.classifiers.cnn import *
        from cs231n.layers import *
        from cs231n.fast_layers import *
        x, w, b = np.random.randn(3, 3, 7, 7), np.random.randn(4, 3, 3, 3), np.random.randn(4)
        dout, conv_param = np.random.randn(3, 4, 4, 4), {'stride': 2, 'pad': 1}
        t0 = time.time()
        out_naive, cache_naive = conv_forward_naive(x, w, b, conv_param)
        t1 = time.time()
        for forward, backward in ((conv_forward_fast, conv_backward_fast),
                                  (conv_forward_strides, conv_backward_strides),
                                  (conv_forward_im2col, conv_backward_im2col)):
            out_fast, cache_fast = forward(x, w, b, conv_param)
            assert rel_error(out_naive, out_fast) < 1e-8
            for a, b_ in zip(conv_backward_naive(dout, cache_naive), backward(dout, cache_fast)):
                assert rel_error(a, b_) < 1e-7
        x, dout = np.random.randn(3, 2, 8, 8), np.random.randn(3, 2, 4, 4)
        pool_param = {'pool_height': 2, 'pool_width': 2, 'stride': 2}
        out, cache = max_pool_forward_naive(x, pool_param)
        out_fast, cache_fast = max_pool_forward_fast(x, pool_param)
        assert rel_error(max_pool_backward_naive(dout, cache), max_pool_backward_fast(dout, cache_fast)) == 0
        from cs231n.layer_utils import conv_relu_pool_forward, conv_relu_pool_backward
        model = ThreeLayerConvNet()
        X, y = np.random.randn(20, 3, 32, 32), np.random.randint(10, size=20)
        loss, grads = model.loss(X, y)
        assert abs(loss - np.log(10)) < 0.05
        model.reg = 0.5
        assert model.loss(X, y)[0] > loss
        grid = visualize_grid(model.params['W1'].transpose(0, 2, 3, 1))
        assert np.isclose(grid.max(), 255)
    """,
    "recurrent networks": """
        from cs231n.rnn_layers import *
        from cs231n.classifiers.rnn import CaptioningRNN
        N, D, T, H = 2, 3, 4, 5
        x, h0 = np.random.randn(N, T, D), np.random.randn(N, H)
        Wx, Wh, b = np.random.randn(D, 4 * H), np.random.randn(H, 4 * H), np.random.randn(4 * H)
        out, cache = lstm_forward(x, h0, Wx, Wh, b)
        dout = np.random.randn(*out.shape)
        dx, dh0, dWx, dWh, db = lstm_backward(dout, cache)
        for value, grad in ((x, dx), (h0, dh0), (Wx, dWx), (Wh, dWh), (b, db)):
            num = eval_numerical_gradient_array(lambda _: lstm_forward(x, h0, Wx, Wh, b)[0], value, dout)
            assert rel_error(num, grad) < 1e-5
        N, T, V = 100, 1, 10
        mask = np.ones((N, T), dtype=bool)
        y = np.random.randint(V, size=(N, T))
        assert abs(temporal_softmax_loss(0.001 * np.random.randn(N, T, V), y, mask)[0] - 2.3) < 0.05
        word_to_idx = {'<NULL>': 0, 'cat': 2, 'dog': 3, '<START>': 4, '<END>': 5, 'hat': 1}
        model = CaptioningRNN(word_to_idx, input_dim=7, wordvec_dim=5, hidden_dim=6, cell_type='lstm',
                              dtype=np.float64)
        for k, v in model.params.items():
            model.params[k] = np.linspace(-1.4, 1.3, num=v.size).reshape(*v.shape)
        features = np.linspace(-1.5, 0.3, num=14).reshape(2, 7)
        loss, grads = model.loss(features, np.array([[4, 2, 3, 5], [4, 1, 5, 0]]))
        assert loss > 0 and set(grads) == set(model.params)
        assert model.sample(np.ones((2, 7)), max_length=6).shape == (2, 6)
    """,
}
NEURAL_NET = """
    from cs231n.classifiers.neural_net import TwoLayerNet

    def init_toy_model():
        np.random.seed(0)
        return TwoLayerNet(4, 10, 3, std=1e-1)

    net = init_toy_model()
    X, y = 10 * np.random.randn(5, 4), np.array([0, 1, 2, 2, 1])
    loss, grads = net.loss(X, y, reg=0.05)
    for param_name in grads:
        f = lambda W: net.loss(X, y, reg=0.05)[0]
        param_grad_num = eval_numerical_gradient(f, net.params[param_name], verbose=False)
        assert rel_error(param_grad_num, grads[param_name]) < 1e-6
    stats = net.train(X, y, X, y, learning_rate=1e-1, reg=5e-6, num_iters=100, verbose=False)
    assert stats['loss_history'][-1] < 0.2
"""
OF_A_YEAR = {
    "use_batchnorm": """
        from cs231n.classifiers.fc_net import *
        X, y = np.random.randn(3, 6), np.array([0, 1, 2])
        for dropout in [0, 0.25, 0.5]:
            model = FullyConnectedNet([5, 4], input_dim=6, num_classes=3, weight_scale=5e-1, dtype=np.float64,
                                      dropout=dropout, seed=123, use_batchnorm=False)
            loss, grads = model.loss(X, y)
            num = eval_numerical_gradient(lambda _: model.loss(X, y)[0], model.params['W1'], verbose=False)
            assert rel_error(num, grads['W1']) < 1e-5
        assert 'gamma1' in FullyConnectedNet([5, 4], 6, 3, use_batchnorm=True).params
    """,
    "dropout": """
        from cs231n.classifiers.fc_net import *
        X, y = np.random.randn(3, 6), np.array([0, 1, 2])
        for dropout in [1, 0.75, 0.5]:
            model = FullyConnectedNet([5, 4], input_dim=6, num_classes=3, weight_scale=5e-1, dtype=np.float64,
                                      dropout=dropout, normalization='layernorm', seed=123)
            loss, grads = model.loss(X, y)
            num = eval_numerical_gradient(lambda _: model.loss(X, y)[0], model.params['W1'], verbose=False)
            assert rel_error(num, grads['W1']) < 1e-5
    """,
    "dropout_keep_ratio": """
        from cs231n.classifiers.fc_net import *
        X, y = np.random.randn(3, 6), np.array([0, 1, 2])
        for dropout_keep_ratio in [1, 0.75, 0.5]:
            model = FullyConnectedNet([5, 4], input_dim=6, num_classes=3, weight_scale=5e-1, dtype=np.float64,
                                      dropout_keep_ratio=dropout_keep_ratio, normalization='layernorm', seed=123)
            loss, grads = model.loss(X, y)
            num = eval_numerical_gradient(lambda _: model.loss(X, y)[0], model.params['W1'], verbose=False)
            assert rel_error(num, grads['W1']) < 1e-5
        net = TwoLayerNet(input_dim=5, hidden_dim=50, num_classes=7, weight_scale=1e-3)
        assert abs(net.params['W1'].std() - 1e-3) < 1e-4 and not net.params['b1'].any()
    """,
}


def run(cell, names):
    exec(compile(textwrap.dedent(cell), "a cell", "exec"), names)


FIRST = (2016, 2017, 2018, 2021)  # of each dialect; the years between speak as the one before them


@pytest.mark.parametrize("year", [y if y in FIRST else pytest.param(y, marks=pytest.mark.slow) for y in YEARS])
def test_cells_run_in_every_dialect(year, monkeypatch):
    monkeypatch.setenv("NNSCRATCH_CS231N_YEAR", str(year))
    install()
    net = "use_batchnorm" if year <= 2017 else "dropout" if year <= 2020 else "dropout_keep_ratio"
    cells = [*CELLS.values(), OF_A_YEAR[net], *([NEURAL_NET] if year <= 2020 else [])]
    names = {"ZEROS": (lambda p: p) if year <= 2017 else (lambda p: 1 - p)}
    run(SETUP, names)
    for cell in cells:
        np.random.seed(231)
        run(cell, names)


IN_IPYTHON = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell()
for cell in ("%load_ext nnscratch.interop.cs231n", "%load_ext autoreload", "%autoreload 2",
             "from cs231n.layers import *", "import numpy as np",
             "out, cache = affine_forward(np.ones((2, 3)), np.ones((3, 1)), np.ones(1))"):
    shell.run_cell(cell).raise_error()
print(shell.user_ns["out"].ravel().tolist())
"""


def test_ipython_loads_it_as_an_extension_and_reloads_beside_it(tmp_path):
    needs.package("IPython")
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", IN_IPYTHON], capture_output=True, text=True, env=environment)
    assert done.stdout.splitlines()[-1] == "[4.0, 4.0]", done.stderr
