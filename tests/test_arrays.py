"""Devices and random keys: clear errors without a GPU, and draws that depend on the key alone."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnscratch.arrays import DeviceError, array_module, default_seed, rng, to_device
from nnscratch.choices import choose
from nnscratch.layers import Container, Identity, Layer, ReLU
from nnscratch.layers.base import FlatDict

keys = st.lists(st.integers(0, 2**62), min_size=1, max_size=4)


@given(keys, keys)
def test_equal_keys_draw_equally_and_others_do_not(key, other):
    draws = rng(*key).random(4)
    assert (draws == rng(*key).random(4)).all()
    assert (key == other) == (draws == rng(*other).random(4)).all()


def test_the_seed_of_the_environment(monkeypatch):
    monkeypatch.setenv("NNSCRATCH_SEED", "12")
    assert default_seed() == 12
    assert rng().random() == rng(12).random()
    monkeypatch.setenv("NNSCRATCH_SEED", "twelve")
    with pytest.raises(ValueError, match="whole number"):
        default_seed()


def test_numpy_stays_on_the_cpu():
    assert array_module(np.ones(1), None) is np
    assert to_device([1, 2], "cpu").tolist() == [1, 2]
    with pytest.raises(DeviceError, match='choose "cpu" or "gpu"'):
        to_device(np.ones(1), "tpu")


@pytest.mark.skipif(importlib.util.find_spec("cupy") is not None, reason="is about a machine without CuPy")
def test_the_gpu_without_cupy_says_what_to_install():
    with pytest.raises(DeviceError, match="pip install"):
        to_device(np.ones(1), "gpu")


def test_choices_suggest_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'adam'"):
        choose("adaam", {"adam": 1, "sgd": 2}, "optimizer")
    with pytest.raises(ValueError, match="Choose from adam, sgd"):
        choose(17, {"adam": 1, "sgd": 2}, "optimizer")


def test_containers_and_layers_refuse_what_cannot_work():
    with pytest.raises(TypeError, match="such as ReLU"):
        Container(np.tanh)
    with pytest.raises(ValueError, match="another name"):
        Container(ReLU(), relu1=Identity())
    with pytest.raises(TypeError, match="cannot be deleted"):
        del FlatDict({"a": {"w": 1}})["a.w"]
    with pytest.raises(TypeError, match=r"has no forward\(x"):
        Layer().forward(1)
    with pytest.raises(TypeError, match=r"has no backward\(dout"):
        Layer().backward(1, None)
