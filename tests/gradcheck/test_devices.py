"""Arrays that lie on the GPU are moved over for every call, seen here with a stand-in for CuPy."""

import sys
import types

import numpy as np
import pytest

from nnscratch.gradcheck import check_loss, check_pair
from tests.gradcheck import samples


class OnGpu(np.ndarray):
    """An array that only its own kind may meet."""

    def get(self):
        return np.array(self)


@pytest.fixture
def cupy(monkeypatch):
    stand_in = types.ModuleType("cupy")
    stand_in.ndarray = OnGpu
    stand_in.asarray = lambda array: np.array(array).view(OnGpu)
    monkeypatch.setitem(sys.modules, "cupy", stand_in)
    return stand_in


def test_a_pair_sees_its_inputs_and_dout_on_the_gpu(cupy):
    def forward(x):
        assert isinstance(x, OnGpu)
        return samples.relu_forward(x)

    def backward(dout, mask):
        assert isinstance(dout, OnGpu)
        return 2 * samples.relu_backward(dout, mask)

    x = cupy.asarray(np.random.default_rng(0).normal(size=(4, 3)))
    assert check_pair(forward, lambda dout, mask: backward(dout, mask) / 2, (x,)).ok
    assert [finding.kind for finding in check_pair(forward, backward, (x,)).findings] == ["constant-factor"]


def test_edits_on_the_gpu_are_noticed(cupy):
    def backward(dout, mask):
        dout *= mask
        return dout

    x = cupy.asarray(np.random.default_rng(0).normal(size=(4, 3)))
    assert check_pair(samples.relu_forward, backward, (x,)).findings[0].kind == "mutates"


def test_a_loss_on_the_gpu(cupy):
    x = cupy.asarray(np.random.default_rng(0).normal(size=(4, 3)))
    assert check_loss(lambda x, y: (0.5 * float(((x - y) ** 2).sum()), x - y), x, cupy.asarray(np.ones((4, 3)))).ok
