"""Update rules: two steps of each by hand, weight decay, patterns, state, and errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnscratch.training import (
    OPTIMIZERS,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    Optimizer,
    OptimizerError,
    RMSProp,
)


def run(optimizer, grads, w=1.0, name="fc.w"):
    """Take one step per gradient from a single weight and return where it ends."""
    params = {name: np.array([w])}
    for g in grads:
        optimizer.step(params, {name: np.array([g])})
    return params[name].item()


def test_two_steps_of_sgd():
    assert run(SGD(rate=0.1), [2.0, -1.0]) == pytest.approx(1 - 0.2 + 0.1)


def test_two_steps_of_momentum():
    # v1 = -0.1 * 2 = -0.2, w = 0.8; v2 = 0.9 * -0.2 + 0.1 = -0.08, w = 0.72
    assert run(Momentum(rate=0.1, momentum=0.9), [2.0, -1.0]) == pytest.approx(0.72)


def test_two_steps_of_nesterov():
    # v1 = -0.2, w = 1 - 0 + 1.9 * -0.2 = 0.62; v2 = -0.18 + 0.1 = -0.08, w = 0.62 + 0.18 - 1.9 * 0.08 = 0.648
    assert run(Nesterov(rate=0.1, momentum=0.9), [2.0, -1.0]) == pytest.approx(0.648)


def test_two_steps_of_adagrad():
    # squares 4, then 5
    assert run(AdaGrad(rate=0.1, epsilon=0), [2.0, -1.0]) == pytest.approx(1 - 0.1 + 0.1 / 5**0.5)


def test_two_steps_of_rmsprop():
    # squares 0.25 * 4 = 1, then 0.75 * 1 + 0.25 * 1 = 1
    assert run(RMSProp(rate=0.1, decay=0.75, epsilon=0), [2.0, -1.0]) == pytest.approx(1 - 0.2 + 0.1)


def test_two_steps_of_adam():
    # beta1 = beta2 = 0.5. m1 = 1, v1 = 2: both hats give 2 and 4, a step of 0.1.
    # m2 = 0, so the second step is 0 whatever v2 is; with the gradient 3, m2 = 2, v2 = 5.5.
    adam = {"rate": 0.1, "beta1": 0.5, "beta2": 0.5, "epsilon": 0}
    assert run(Adam(**adam), [2.0, -1.0]) == pytest.approx(0.9)
    second = 0.1 * (2 / 0.75) / (5.5 / 0.75) ** 0.5
    assert run(Adam(**adam), [2.0, 3.0]) == pytest.approx(0.9 - second)


def test_two_steps_of_adamw():
    adam = {"rate": 0.1, "beta1": 0.5, "beta2": 0.5, "epsilon": 0}
    assert run(AdamW(**adam, weight_decay=0.2), [2.0, -1.0]) == pytest.approx((0.98 - 0.1) * 0.98)


def test_adamw_without_decay_is_adam():
    assert run(AdamW(rate=0.1), [2.0, -1.0, 0.3]) == run(Adam(rate=0.1), [2.0, -1.0, 0.3])


@given(st.floats(0, 0.99), st.lists(st.floats(-5, 5), min_size=1, max_size=8))
def test_nesterov_is_momentum_with_the_gradient_taken_one_velocity_ahead(momentum, targets):
    """On f(w) = (w - t)^2 / 2: Sutskever's form, started at w, visits w + momentum * v of our w."""
    ours, velocity, theta = {"w": np.array([1.0])}, 0.0, 1.0
    optimizer = Nesterov(rate=0.1, momentum=momentum)
    for target in targets:
        optimizer.step(ours, {"w": ours["w"] - target})
        ahead = theta + momentum * velocity
        velocity = momentum * velocity - 0.1 * (ahead - target)
        theta += velocity
        assert ours["w"].item() == pytest.approx(theta + momentum * velocity, abs=1e-9)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_rule_finds_the_bottom_of_a_bowl(name):
    params, bottom = {"w": np.array([3.0, -2.0])}, np.array([1.0, 1.0])
    optimizer = OPTIMIZERS[name](rate=0.5 if name == "adagrad" else 0.02)
    for _ in range(1000):
        optimizer.step(params, {"w": params["w"] - bottom})
    np.testing.assert_allclose(params["w"], bottom, atol=0.02)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_keep_dtype_and_identity_and_leave_the_gradients_alone(name):
    w, g = np.ones((3, 2), np.float32), np.full((3, 2), 0.5, np.float32)
    params, grads = {"fc.w": w}, {"fc.w": g}
    optimizer = OPTIMIZERS[name](rate=0.1, weight_decay=0.1)
    for _ in range(2):
        optimizer.step(params, grads)
    assert params["fc.w"] is w
    assert w.dtype == np.float32
    assert all(a.dtype == np.float32 for key, a in optimizer.state.items() if not key.startswith("t."))
    assert (g == 0.5).all()
    assert (w < 1).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_is_keyed_by_name_and_goes_on_bit_for_bit(name):
    rng = np.random.default_rng(0)
    grads = [{"a.w": rng.normal(size=3), "b.gamma": rng.normal(size=2)} for _ in range(6)]
    straight, broken = ({"a.w": np.ones(3), "b.gamma": np.ones(2)} for _ in range(2))
    optimizer = OPTIMIZERS[name](rate=0.1, weight_decay=0.01)
    for g in grads:
        optimizer.step(straight, g)
    first, second = (OPTIMIZERS[name](rate=0.1, weight_decay=0.01) for _ in range(2))
    for g in grads[:3]:
        first.step(broken, g)
    second.load_state(first.state)
    first.step({"a.w": np.ones(3), "b.gamma": np.ones(2)}, grads[0])  # a copy was loaded
    for g in grads[3:]:
        second.step(broken, g)
    assert set(optimizer.state) == {f"{slot}.{p}" for slot in optimizer.slots for p in straight}
    for key in straight:
        np.testing.assert_array_equal(straight[key], broken[key])


def test_a_number_decays_weights_only():
    params = {name: np.ones(1) for name in ("conv1.w", "conv1.b", "batchnorm1.gamma", "w")}
    SGD(rate=1.0, weight_decay=0.1).step(params, {name: np.zeros(1) for name in params})
    assert {name: w.item() for name, w in params.items()} == {
        "conv1.w": 0.9,
        "conv1.b": 1.0,
        "batchnorm1.gamma": 1.0,
        "w": 0.9,
    }


def test_the_first_pattern_that_matches_wins():
    params = {name: np.ones(1) for name in ("fc1.w", "fc1.b", "conv1.w", "conv1.b")}
    optimizer = SGD(rate=1.0, weight_decay={"fc*.w": 0.5, "*.w": 0.25}, rate_scale={"*.b": 2.0})
    optimizer.step(params, {name: np.full(1, 0.125) for name in params})
    assert {name: w.item() for name, w in params.items()} == {
        "fc1.w": 1 - 0.125 - 0.5,
        "fc1.b": 1 - 0.25,
        "conv1.w": 1 - 0.125 - 0.25,
        "conv1.b": 1 - 0.25,
    }


def test_alexnets_rule_is_momentum_with_decay():
    """v = 0.9 v - 0.0005 * rate * w - rate * dw; w += v (Krizhevsky et al. 2012, sec. 5)."""
    optimizer = Momentum(rate=0.01, momentum=0.9, weight_decay=0.0005)
    v, w = 0.0, 1.0
    for g in (0.3, -0.2, 0.1):
        v = 0.9 * v - 0.0005 * 0.01 * w - 0.01 * g
        w += v
    assert run(optimizer, [0.3, -0.2, 0.1]) == pytest.approx(w, rel=1e-12)


def test_parameters_without_a_gradient_stay():
    params = {"a.w": np.ones(1), "b.w": np.ones(1)}
    Adam(rate=0.1, weight_decay=0.1).step(params, {"b.w": np.ones(1)})
    assert params["a.w"] == 1.0
    assert params["b.w"] < 1.0


def test_a_rate_given_to_step_stands_in_for_the_own():
    params = {"w": np.ones(1)}
    SGD(rate=100.0).step(params, {"w": np.ones(1)}, rate=0.25)
    assert params["w"] == 0.75


def test_a_pattern_that_fits_nothing_is_an_error():
    with pytest.raises(OptimizerError, match=r"weight_decay: no parameter matches 'fcc\*'; there are fc.w"):
        SGD(weight_decay={"fcc*": 0.1}).step({"fc.w": np.ones(1)}, {"fc.w": np.ones(1)})


def test_gradients_that_do_not_fit_are_errors():
    with pytest.raises(OptimizerError, match=r"gradient for b, but the parameters are a"):
        SGD().step({"a": np.ones(1)}, {"b": np.ones(1)})
    with pytest.raises(OptimizerError, match=r"a has shape \(2,\), but its gradient \(1,\)"):
        SGD().step({"a": np.ones(2)}, {"a": np.ones(1)})


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf"), "fast", None])
def test_settings_that_make_no_sense_are_errors(bad):
    with pytest.raises(OptimizerError, match="rate is"):
        SGD(rate=bad)
    with pytest.raises(OptimizerError, match="weight_decay is"):
        Adam(weight_decay={"*": bad})


def test_a_rule_without_an_update_says_so():
    with pytest.raises(TypeError, match="Optimizer has no update"):
        Optimizer(0.1).step({"w": np.ones(1)}, {"w": np.ones(1)})


def test_the_settings_can_be_read():
    assert repr(SGD(0.5, rate_scale={"*.b": 2.0})) == "SGD(rate=0.5, weight_decay=0.0, rate_scale={'*.b': 2.0})"


def test_a_state_of_another_rule_is_an_error():
    adam = Adam()
    adam.step({"w": np.ones(1)}, {"w": np.ones(1)})
    with pytest.raises(OptimizerError, match="Momentum remembers velocity, but the saved state holds m.w"):
        Momentum().load_state(adam.state)
