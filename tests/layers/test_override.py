"""A user's own pairs take the place of the built-in ones, and a file that cannot is told why."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from nnscratch import layers as L
from nnscratch.course.exercises import assignments_folder
from nnscratch.layers.override import OverrideError, load_pairs, using
from nnscratch.models import small_alexnet

RELU = """
import numpy as np

CALLS = []

def relu_forward(x):
    CALLS.append("forward")
    return np.maximum(x, 0), x

def relu_backward(dout, x):
    CALLS.append("backward")
    return dout * (x > 0)
"""


@pytest.fixture
def write(tmp_path):
    def file(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return file


def test_a_whole_model_runs_on_the_users_pair_and_gives_the_same(write):
    pairs = load_pairs(write(RELU))
    x, y = np.random.default_rng(0).normal(size=(4, 3, 16, 16)).astype(np.float32), np.arange(4)
    with using({}):  # the built-in pairs, each by itself
        expected, expected_grads = small_alexnet(width=2, image=(3, 16, 16)).loss(x, y)
    with using(pairs):
        loss, grads = small_alexnet(width=2, image=(3, 16, 16)).loss(x, y)
    calls = pairs["relu_forward"].__globals__["CALLS"]
    assert calls.count("backward") == 6 and calls.count("forward") >= 6
    assert loss == expected
    for name in grads:
        assert_array_equal(grads[name], expected_grads[name])


def test_the_exercise_s_dropout_runs_in_a_network(tmp_path):
    solution = (assignments_folder() / "solutions/a2_layers/dropout.py").read_text()  # draws with default_rng(key)
    path = tmp_path / "mine.py"
    path.write_text(solution)
    pairs = load_pairs(path)
    layer, x = L.Dropout(0.5, rng=np.random.default_rng(3)), np.ones((4, 50))
    with using(pairs):
        masks = [layer.forward(x, train=True)[0] for _ in range(2)]
    key = (int(layer.state["seed"]), 0)
    assert_array_equal(masks[0], pairs["dropout_forward"](x, 0.5, key)[0])
    assert not np.array_equal(*masks)


def test_the_built_in_pair_comes_back_even_after_an_error(write):
    before = L.ReLU().forward(np.array([-1.0]))[0]
    with pytest.raises(RuntimeError), using(load_pairs(write(RELU.replace("np.maximum(x, 0)", "x")))):
        assert L.ReLU().forward(np.array([-1.0]))[0] == -1
        raise RuntimeError
    assert_array_equal(L.ReLU().forward(np.array([-1.0]))[0], before)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "defines no pair"),
        ("from nnscratch.layers import relu_forward, relu_backward", "defines no pair"),
        ("def relu_forward(x): return x, x", "no relu_backward"),
        ("def relu_backward(dout, x): return dout", "no relu_forward"),
        ("def rleu_forward(x): pass\ndef rleu_backward(dout, cache): pass", "did you mean 'relu_"),
        (
            "def relu_forward(): pass\ndef relu_backward(dout, x): pass",
            r"relu_forward\(x\) is called with these arguments",
        ),
        ("import nothing_of_that_name", "line 1: ModuleNotFoundError"),
        ("x = 1\ny = x +", "line 2: SyntaxError"),
        ("\n\nraise ValueError('oh')", "line 3: ValueError: oh"),
    ],
)
def test_a_file_that_cannot_stand_in_is_told_why(write, text, said):
    with pytest.raises(OverrideError, match=said):
        load_pairs(write(text))


def test_a_missing_or_foreign_file(write, tmp_path):
    with pytest.raises(OverrideError, match="no Python file"):
        load_pairs(tmp_path / "nowhere.py")
    with pytest.raises(OverrideError, match="give the path of a .py file"):
        load_pairs(write(RELU, "mine.txt"))


def test_a_forward_without_a_cache_is_named(write):
    text = RELU.replace("np.maximum(x, 0), x", "np.maximum(x, 0)")
    with (
        pytest.raises(OverrideError, match=r"mine.py, line 6: relu_forward must return \(out, cache\)"),
        using(load_pairs(write(text))),
    ):
        L.ReLU().forward(np.ones(2))
