"""The fixture of the pytest plugin fails a test with the report."""

import numpy as np
import pytest

from nnscratch.gradcheck import GradientError
from nnscratch.gradcheck.pytest_plugin import gradcheck  # noqa: F401
from tests.gradcheck import samples


def test_a_right_pair_passes(gradcheck):  # noqa: F811
    assert gradcheck(samples.relu_forward, samples.relu_backward, (np.ones((2, 3)),)).ok


def test_a_wrong_loss_fails_with_the_report(gradcheck):  # noqa: F811
    with pytest.raises(GradientError, match="constant-factor"):
        gradcheck(lambda x, y: (((x - y) ** 2).sum(), x - y), np.arange(3.0), np.ones(3))


def test_a_layer_and_a_model_are_told_apart(gradcheck):  # noqa: F811
    x = np.random.default_rng(0).normal(size=(6, 5))
    assert gradcheck(samples.Noisy(), x).entries[0].name == "x"
    assert gradcheck(samples.Net(), np.ones((3, 6)), np.zeros(3, int)).entries[0].name == "w1"
