"""Layers give the values that the mathematics prescribes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch import layers as L
from nnscratch.shapes import ShapeError


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_affine_flattens_and_multiplies():
    x = np.arange(8.0).reshape(2, 2, 2)
    out, _ = L.affine_forward(x, np.eye(4)[:, ::-1], np.array([10.0, 0, 0, 0]))
    assert_array_equal(out, [[13, 2, 1, 0], [17, 6, 5, 4]])


@pytest.mark.parametrize("size", [1.0, 30.0, 1000.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_is_stable_and_symmetric(size, dtype):
    x = np.array([-size, size], dtype)
    out, cache = L.sigmoid_forward(x)
    assert_allclose(out.sum(), 1, rtol=1e-6)
    assert np.isfinite(L.sigmoid_backward(np.ones(2, dtype), cache)).all()


def test_saturating_functions_do_not_overflow():
    x = np.array([-1000.0, 1000.0])
    assert_array_equal(L.softplus_forward(x)[0], [0, 1000])
    assert_array_equal(L.elu_forward(x)[0], [-1, 1000])
    assert_array_equal(L.gelu_forward(x)[0], [0, 1000])
    assert_array_equal(L.tanh_forward(x)[0], [-1, 1])


def test_gelu_is_close_to_its_definition_by_the_normal_distribution():
    from math import erf, sqrt

    x = np.linspace(-4, 4, 41)
    exact = [v * 0.5 * (1 + erf(v / sqrt(2))) for v in x]
    assert_allclose(L.gelu_forward(x)[0], exact, atol=5e-4)


def test_maxout_of_two_opposite_pieces_is_the_absolute_value(rng):
    x = rng.normal(size=(6, 3))
    w = np.stack([np.eye(3), -np.eye(3)])
    assert_array_equal(L.maxout_forward(x, w, np.zeros((2, 3)))[0], abs(x))


@pytest.mark.parametrize(
    "options",
    [{}, {"stride": 2, "pad": 1}, {"groups": 2}, {"dilation": 2, "pad": 2}, {"stride": (1, 2), "pad": (2, 0)}],
    ids=str,
)
def test_convolution_equals_its_loops(rng, options):
    x, b = rng.normal(size=(2, 4, 7, 8)), rng.normal(size=6)
    w = rng.normal(size=(6, 4 // options.get("groups", 1), 3, 2))
    out, cache = L.conv_forward(x, w, b, **options)
    expected, naive_cache = L.conv_naive_forward(x, w, b, **options)
    assert_allclose(out, expected, atol=1e-12)
    dout = rng.normal(size=out.shape)
    for a, b in zip(L.conv_backward(dout, cache), L.conv_naive_backward(dout, naive_cache)):
        assert_allclose(a, b, atol=1e-12)


@pytest.mark.parametrize(
    "options", [{}, {"kernel": 3, "stride": 2}, {"kernel": 3, "stride": 2, "pad": 1, "ceil": True}]
)
def test_max_pool_equals_its_loops(rng, options):
    x = rng.normal(size=(2, 3, 7, 8))
    out, cache = L.max_pool_forward(x, **options)
    expected, naive_cache = L.max_pool_naive_forward(x, **options)
    assert_array_equal(out, expected)
    dout = rng.normal(size=out.shape)
    assert_allclose(L.max_pool_backward(dout, cache), L.max_pool_naive_backward(dout, naive_cache), atol=1e-12)


def test_a_full_size_convolution_is_an_affine_layer(rng):
    x, w, b = rng.normal(size=(3, 2, 5, 4)), rng.normal(size=(6, 2, 5, 4)), rng.normal(size=6)
    out, _ = L.conv_forward(x, w, b)
    assert_allclose(out[:, :, 0, 0], L.affine_forward(x, w.reshape(6, -1).T, b)[0])


def test_local_conv_with_equal_filters_is_a_convolution(rng):
    x, w = rng.normal(size=(2, 3, 6, 6)), rng.normal(size=(4, 3, 3, 3))
    everywhere = np.broadcast_to(w[..., None, None], (*w.shape, 3, 3)).copy()
    assert_allclose(L.local_conv_forward(x, everywhere, None, 2, 1)[0], L.conv_forward(x, w, None, 2, 1)[0])


def test_transposed_convolution_is_the_transpose(rng):
    """<conv(x), y> = <x, conv_transpose(y)> for every x and y."""
    x, w = rng.normal(size=(2, 4, 8, 7)), rng.normal(size=(6, 2, 3, 3))
    out, _ = L.conv_forward(x, w, stride=2, pad=1, groups=2)
    y = rng.normal(size=out.shape)
    back, _ = L.conv_transpose_forward(y, w, stride=2, pad=1, groups=2, extra=(1, 0))
    assert back.shape == x.shape
    assert_allclose((out * y).sum(), (x * back).sum())


def test_max_pool_ties_go_to_the_first_and_overlaps_add_up():
    out, cache = L.max_pool_forward(np.zeros((1, 1, 3, 3)), kernel=2, stride=1)
    dx = L.max_pool_backward(np.ones_like(out), cache)
    assert_array_equal(dx[0, 0], [[1, 1, 0], [1, 1, 0], [0, 0, 0]])
    x = np.zeros((1, 1, 3, 3))
    x[0, 0, 1, 1] = 5
    out, cache = L.max_pool_forward(x, kernel=2, stride=1)
    assert L.max_pool_backward(np.ones_like(out), cache)[0, 0, 1, 1] == 4


def test_average_pool_leaves_the_padding_out():
    out, _ = L.average_pool_forward(np.ones((1, 1, 3, 3)), kernel=3, stride=2, pad=1)
    assert_array_equal(out[0, 0], np.ones((2, 2)))


def test_batch_norm_standardises_and_its_gradient_has_no_mean(rng):
    x = rng.normal(3, 5, size=(8, 4, 3, 3))
    out, cache = L.batch_norm_forward(x, np.full(4, 2.0), np.full(4, 7.0), eps=0)
    assert_allclose(out.mean(axis=(0, 2, 3)), 7)
    assert_allclose(out.std(axis=(0, 2, 3)), 2)
    dx, _, _ = L.batch_norm_backward(rng.normal(size=x.shape), cache)
    assert_allclose(dx.sum(axis=(0, 2, 3)), 0, atol=1e-10)
    assert_allclose((dx * x).sum(axis=(0, 2, 3)), 0, atol=1e-9)


def test_running_statistics_reach_those_of_the_data(rng):
    layer = L.BatchNorm(3, momentum=0.5, dtype=np.float64)
    x = rng.normal(2, 3, size=(50, 3))
    for _ in range(40):
        layer.forward(x, train=True)
    assert_allclose(layer.state["mean"], x.mean(axis=0))
    assert_allclose(layer.state["var"], x.var(axis=0, ddof=1))
    out, _ = layer.forward(x, train=False)
    assert_allclose(out, (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0, ddof=1) + 1e-5))


def test_evaluation_leaves_the_running_statistics_alone(rng):
    layer = L.BatchNorm(3)
    layer.forward(rng.normal(size=(5, 3)).astype(np.float32), train=False)
    assert_array_equal(layer.state["mean"], 0)


def test_layer_norm_of_one_group_is_group_norm(rng):
    x = rng.normal(size=(2, 4, 3, 3))
    by_layer, _ = L.layer_norm_forward(x, np.ones((4, 3, 3)), np.zeros((4, 3, 3)))
    by_group, _ = L.group_norm_forward(x, np.ones(4), np.zeros(4), groups=1)
    assert_allclose(by_layer, by_group, atol=1e-12)


def test_lrn_follows_the_formula(rng):
    x = rng.normal(size=(2, 7, 2, 2))
    out, _ = L.lrn_forward(x, size=5, alpha=0.1, beta=0.75, k=2.0)
    for c in range(7):
        near = x[:, max(0, c - 2) : c + 3]
        assert_allclose(out[:, c], x[:, c] / (2 + 0.1 * (near**2).sum(axis=1)) ** 0.75)
    within, _ = L.lrn_forward(x, size=3, alpha=0.1, within=True)
    assert_allclose(within[:, :, 0, 0], x[:, :, 0, 0] / (2 + 0.1 * (x**2).sum(axis=(2, 3))) ** 0.75)


def test_dropout_keeps_the_mean_and_the_share():
    out, mask = L.dropout_forward(np.ones((400, 250)), drop=0.3, key=(1,))
    assert_allclose((mask == 0).mean(), 0.3, atol=0.005)
    assert_allclose(out.mean(), 1, atol=0.01)
    assert_allclose(np.unique(out), [0, 1 / 0.7])


def test_dropout_takes_one_number_or_a_generator_for_a_key():
    x = np.ones((8, 9))
    assert_array_equal(L.dropout_forward(x, key=5)[0], L.dropout_forward(x, key=(5,))[0])
    one, same = (L.dropout_forward(x, key=np.random.default_rng(5))[0] for _ in range(2))
    assert_array_equal(one, same)
    generator = np.random.default_rng(5)
    first, second = (L.dropout_forward(x, key=generator)[0] for _ in range(2))
    assert_array_equal(first, one)
    assert not np.array_equal(first, second)


def test_channel_dropout_drops_whole_channels():
    out, _ = L.dropout_forward(np.ones((6, 50, 4, 4)), drop=0.5, key=(1,), channels=True)
    per_channel = out.reshape(300, 16)
    assert (per_channel == per_channel[:, :1]).all()
    assert 0.35 < (per_channel[:, 0] == 0).mean() < 0.65


def test_dropout_draws_a_new_mask_each_time_and_the_same_for_the_same_state():
    layer, x = L.Dropout(0.5, rng=3), np.ones((4, 50))
    first, second = layer.forward(x, train=True)[0], layer.forward(x, train=True)[0]
    assert (first != second).any()
    layer.state["draws"] = np.array(0)
    assert_array_equal(layer.forward(x, train=True)[0], first)
    assert layer.forward(x)[0] is x


@pytest.mark.parametrize("drop", [-0.1, 1.0, 1.5])
def test_dropout_refuses_an_impossible_share(drop):
    with pytest.raises(ValueError, match="share that is dropped"):
        L.dropout_forward(np.ones(3), drop=drop)


def test_embedding_adds_up_repeated_words():
    dw = L.embedding_backward(np.ones((2, 3, 2)), (np.array([[0, 1, 1], [1, 3, 0]]), 4))
    assert_array_equal(dw, [[2, 2], [3, 3], [0, 0], [1, 1]])


@pytest.mark.parametrize("x", [np.array([0, 9]), np.array([-1, 0])])
def test_embedding_names_an_index_out_of_range(x):
    with pytest.raises(IndexError, match="rows 0 to 2"):
        L.embedding_forward(x, np.ones((3, 2)))
    with pytest.raises(ShapeError, match="takes indexes"):
        L.embedding_forward(np.ones(2), np.ones((3, 2)))


def test_a_residual_block_adds_its_input(rng):
    x = rng.normal(size=(3, 6))
    body = L.Affine(6, 6, rng=0, dtype=np.float64)
    out, cache = L.Sum(body=body, shortcut=L.Identity()).forward(x)
    assert_allclose(out, x + body.forward(x)[0])


def test_parameters_are_one_flat_dict_that_writes_through():
    net = L.Sequential(L.Conv(3, 4, rng=0), block2=L.Sum(body=L.Sequential(conv1=L.Conv(4, 4, pad="same", rng=0))))
    assert list(net.params) == ["conv1.w", "conv1.b", "block2.body.conv1.w", "block2.body.conv1.b"]
    net.params["block2.body.conv1.b"] = np.ones(4)
    assert_array_equal(net["block2"]["body"]["conv1"].params["b"], 1)
    with pytest.raises(KeyError, match="no such entry"):
        net.params["conv9.w"] = np.ones(1)


def test_branches_of_different_shapes_are_named():
    with pytest.raises(ShapeError, match="do not fit together"):
        L.Sum(a=L.Identity(), b=L.Affine(3, 2, rng=0)).forward(np.ones((1, 3), np.float32))


def test_windows_that_make_no_sense_are_refused(rng):
    x = rng.normal(size=(1, 2, 4, 4))
    with pytest.raises(ShapeError, match="does not fit"):
        L.max_pool_forward(x, kernel=5)
    with pytest.raises(ShapeError, match="pad by less"):
        L.max_pool_forward(x, kernel=2, pad=2)
    with pytest.raises(ShapeError, match="stride is"):
        L.conv_forward(x, rng.normal(size=(2, 2, 3, 3)), stride=0)
    with pytest.raises(ShapeError, match="use a divisor of 2"):
        L.conv_forward(x, rng.normal(size=(2, 1, 3, 3)), groups=2 * 2)
    with pytest.raises(ShapeError, match="odd size"):
        L.lrn_forward(x, size=4)
