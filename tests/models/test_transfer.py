"""Transfer: what is frozen stays, what is new learns, and checkpoints keep both."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch import layers as L
from nnscratch.models import build, mlp, resnet20, small_alexnet
from nnscratch.models.inside import cut
from nnscratch.models.transfer import Frozen, on_features, with_new_head
from nnscratch.training import Momentum, Solver

rng = np.random.default_rng(0)


def few(N=40, classes=2):
    return {"x_train": rng.normal(size=(N, 3, 32, 32)).astype(np.float32), "y_train": rng.integers(0, classes, N)}


def test_what_is_frozen_stays_as_it_is_statistics_too(tmp_path):
    base = small_alexnet(width=4)
    model = with_new_head(base, classes=2, frozen="flatten1")
    before = {name: array.copy() for name, array in {**base.params, **base.state}.items()}
    solver = Solver(model, few(), Momentum(rate=0.01), batch_size=10, epochs=2, seed=0)
    solver.train()
    now = {**base.params, **base.state}
    for name, array in before.items():
        if name.startswith(("conv", "batchnorm")):
            assert_array_equal(array, now[name], err_msg=name)
    assert (before["affine1.w"] != base.params["affine1.w"]).any()
    assert not any(name.startswith("frozen") for name in model.params)
    solver.save(tmp_path / "run")
    other = with_new_head(small_alexnet(width=4, seed=1), classes=2, frozen="flatten1")
    Solver(other, few(), Momentum(rate=0.01), batch_size=10, epochs=2, seed=0).load(tmp_path / "run")
    x = few(4)["x_train"]
    assert_allclose(other.loss(x), model.loss(x), atol=1e-6)


def test_a_frozen_layer_passes_gradients_on():
    layer, x = L.Sequential(L.Affine(4, 3, rng=0, dtype=np.float64), L.Tanh()), rng.normal(size=(2, 4))
    out, cache = layer.forward(x)
    dout = rng.normal(size=out.shape)
    frozen = Frozen(layer)
    same, frozen_cache = frozen.forward(x, train=True)
    assert_array_equal(out, same)
    dx, grads = frozen.backward(dout, frozen_cache)
    assert_array_equal(dx, layer.backward(dout, cache)[0])
    assert grads == {}


def test_all_layers_learn_when_none_is_frozen():
    base = resnet20(width=4)
    model = with_new_head(base, classes=3)
    loss, grads = model.loss(few()["x_train"][:4], np.array([0, 1, 2, 0]))
    assert list(grads) == list(base.params)
    assert model.params["affine1.w"].shape == (16, 3)


def test_a_network_on_features_computed_once():
    base, data = resnet20(width=4), few()
    made = on_features(
        base, {**data, "x_val": data["x_train"][:5], "y_val": data["y_train"][:5]}, "globalaveragepool1"
    )
    assert made["x_train"].shape == (40, 1, 1, 16) and made["x_val"].shape == (5, 1, 1, 16)
    below, _ = cut(base.layers, "globalaveragepool1")
    assert_allclose(made["x_val"][:, 0, 0], below.forward(data["x_train"][:5])[0], atol=1e-5)
    Solver(mlp(hidden=(8,), classes=2, image=(1, 1, 16)), made, batch_size=10, epochs=1).train()


def test_a_model_without_an_affine_end_is_refused():
    with pytest.raises(ValueError, match="ends in a GlobalAveragePool"):
        with_new_head(build("nin", width=12), classes=2)
    with pytest.raises(ValueError, match="did you mean 'flatten1'"):
        with_new_head(build("lenet"), classes=2, frozen="flaten1")
