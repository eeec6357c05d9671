"""A pytest fixture: `def test_relu(gradcheck): gradcheck(relu_forward, relu_backward, (x,))`."""

import pytest

from nnscratch.gradcheck.assertion import assert_gradients


@pytest.fixture
def gradcheck():
    """Return assert_gradients: it checks a pair, a layer, a loss or a model, and fails with the report.

    >>> gradcheck.__name__
    'gradcheck'
    """
    return assert_gradients
