"""Files of users: what is in them is found, tried with fitting inputs, and every trouble is one clear line."""

import sys
import textwrap

import pytest

from nnscratch.gradcheck import Problem, Report, check_file, exit_code


@pytest.fixture
def write(tmp_path):
    def write(text, name="mine.py"):
        path = tmp_path / name
        path.write_text("import numpy as np\n" + textwrap.dedent(text))
        return path

    return write


AFFINE = """
def affine_forward(x, w, b):
    return x @ w + b, (x, w)

def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
"""

CORRECT = {
    "elementwise": """
        def cube_forward(x): return x**3, x
        def cube_backward(dout, x): return 3 * dout * x**2
        """,
    "the first parameter has another name": """
        def half_forward(z): return z / 2, None
        def half_backward(dout, cache): return dout / 2
        """,
    "positive input": """
        def log_forward(x): return np.log(x), x
        def log_backward(dout, x): return dout / x
        """,
    "affine": AFFINE,
    "norm": """
        def rescale_forward(x, gamma, beta, eps=1e-5): return x * gamma + beta, (x, gamma)
        def rescale_backward(dout, cache):
            x, gamma = cache
            return dout * gamma, (dout * x).sum(axis=0), dout.sum(axis=0)
        """,
    "images of even size": """
        def pool_forward(x, size=2):
            N, C, H, W = x.shape
            return x.reshape(N, C, H // size, size, W // size, size).mean(axis=(3, 5)), size
        def pool_backward(dout, size): return dout.repeat(size, 2).repeat(size, 3) / size**2
        """,
    "convolution that looks at the middle of its kernel": """
        def conv_forward(x, w, b, stride, pad):
            centre = w[:, :, 1, 1]
            return np.einsum("nchw,fc->nfhw", x, centre) + b[:, None, None], (x, w, centre)
        def conv_backward(dout, cache):
            x, w, centre = cache
            dw = np.zeros_like(w)
            dw[:, :, 1, 1] = np.einsum("nfhw,nchw->fc", dout, x)
            return np.einsum("nfhw,fc->nchw", dout, centre), dw, dout.sum(axis=(0, 2, 3))
        """,
    "an optional bias is given": """
        def shift_forward(x, w, b=None): return x @ w + b, (x, w)
        def shift_backward(dout, cache): return dout @ cache[1].T, cache[0].T @ dout, dout.sum(axis=0)
        """,
    "embedding": """
        def embedding_forward(x, w): return w[x], (x, w)
        def embedding_backward(dout, cache):
            dw = np.zeros_like(cache[1])
            np.add.at(dw, cache[0], dout)
            return dw
        """,
    "dropout with a generator": """
        def dropout_forward(x, drop, rng):
            mask = rng.random(x.shape) >= drop
            return x * mask, mask
        def dropout_backward(dout, mask): return dout * mask
        """,
    "loss with labels": """
        def pick_loss(x, y):
            dx = np.zeros_like(x)
            dx[np.arange(len(x)), y] = -1
            return -x[np.arange(len(x)), y].sum(), dx
        """,
    "loss with targets": """
        def l2_loss(x, y): return ((x - y) ** 2).sum(), 2 * (x - y)
        """,
    "a layer class": """
        class Scale:
            def __init__(self, D):
                self.params = {"w": np.ones(D)}
            def forward(self, x, train=False): return x * self.params["w"], (x, self.params["w"])
            def backward(self, dout, cache): return dout * cache[1], {"w": (dout * cache[0]).sum(axis=0)}
        """,
    "a layer object": """
        class Scale:
            def __init__(self, size_of_something):
                self.params = {"w": np.ones(size_of_something)}
            def forward(self, x, train=False): return x * self.params["w"], (x, self.params["w"])
            def backward(self, dout, cache): return dout * cache[1], {"w": (dout * cache[0]).sum(axis=0)}
        mine = Scale(9)
        """,
    "a layer over channels": """
        class Mix:
            def __init__(self, F, C):
                self.params = {"w": np.ones((F, C, 1, 1)) / 3}
            def forward(self, x, train=False):
                assert x.shape[2] == 7
                w = self.params["w"][:, :, 0, 0]
                return np.einsum("nchw,fc->nfhw", x, w), (x, w)
            def backward(self, dout, cache):
                x, w = cache
                dw = np.einsum("nfhw,nchw->fc", dout, x)[:, :, None, None]
                return np.einsum("nfhw,fc->nchw", dout, w), {"w": dw}
        """,
    "inputs from EXAMPLES": """
        EXAMPLES = {"turn": (np.ones((2, 2)), np.array(0.3))}
        def turn_forward(x, angle): return x * np.cos(angle), (x, angle)
        def turn_backward(dout, cache):
            x, angle = cache
            return dout * np.cos(angle), np.array(-(dout * x).sum() * np.sin(angle))
        """,
    "inputs from example_inputs": """
        def example_inputs(): return {"odd": np.ones(7)}
        def odd_forward(x):
            assert x.shape == (7,)
            return 2 * x, None
        def odd_backward(dout, cache): return 2 * dout
        """,
}


@pytest.mark.parametrize("text", CORRECT.values(), ids=CORRECT)
def test_correct_files_are_found_and_right(write, text):
    results = check_file(write(text))
    assert [str(result) for result in results if not (isinstance(result, Report) and result.ok)] == []
    assert len(results) == 1
    assert results[0].entries
    assert exit_code(results) == 0


@pytest.mark.parametrize("text", CORRECT.values(), ids=CORRECT)
def test_the_same_files_with_a_wrong_sign_fail(write, text):
    flipped = text.replace("dout", "(-dout)").replace("backward(self, (-dout)", "backward(self, dout")
    flipped = flipped.replace("backward((-dout)", "backward(dout").replace("dx = np", "dx = 1 + np")
    flipped = flipped.replace("2 * (x - y)", "-2 * (x - y)")
    results = check_file(write(flipped))
    assert [result.ok for result in results] == [False]
    assert exit_code(results) == 1


def test_results_come_in_the_order_of_the_file_and_one_may_be_chosen(write):
    path = write(
        "".join(textwrap.dedent(CORRECT[kind]) for kind in ("loss with targets", "affine", "elementwise"))
    )
    assert [result.title for result in check_file(path)] == ["l2_loss", "affine", "cube"]
    for name in ("cube", "cube_forward", "cube_backward"):
        assert [result.title for result in check_file(path, name)] == ["cube"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("def f(:\n    pass", 2, "syntax error"),
        ("import no_such_module_at_all", 2, "ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)", 2, "SystemExit: 3"),
        ("def lone_forward(x): return x, None", 2, "lone_forward has no lone_backward: write one"),
        ("def lone_backward(dout, cache): return dout", 2, "lone_backward has no lone_forward"),
        (
            "def boom_forward(x):\n    raise ValueError('a\\nb')\ndef boom_backward(dout, cache): return dout",
            3,
            "boom raised ValueError: a; b (with guessed inputs; if they do not suit, give inputs in the file: "
            'EXAMPLES = {"boom": (x,)}',
        ),
        (
            "def b_forward(x): return x, 0\ndef b_backward(dout, cache):\n    return nothing",
            4,
            "b raised NameError",
        ),
        ("def t_forward(x, angle): return x, 0\ndef t_backward(dout, cache): return dout", 2, "cannot be guessed"),
        ("def sum_loss(x): return x.sum(), x", 2, "sum_loss must take (x, y)"),
        ("class A:\n    def __init__(self, thing): pass\n    forward = backward = print", 2, "A needs arguments"),
        ("class A:\n    forward = backward = print", 2, "A has no dict `params`"),
        ("EXAMPLES = 3\ndef lone_forward(x): return x, None", None, "the examples must be a dict"),
        ("def example_inputs(): return 1 / 0\ndef lone_forward(x): return x, None", 2, "ZeroDivisionError"),
        ("x = 1", None, "no pair, loss or layer found"),
    ],
)
def test_every_trouble_is_one_line_with_file_and_line_number(write, text, line, said):
    path = write(text)
    [problem] = check_file(path)
    assert isinstance(problem, Problem)
    place = str(path) if line is None else f"{path}:{line}"
    assert str(problem).startswith(f"{place}: ")
    assert said in str(problem)
    assert "\n" not in str(problem)
    assert problem.to_json()["line"] == line
    assert exit_code([problem]) == 2


def test_a_missing_file_and_an_unknown_name_are_told(write, tmp_path):
    [problem] = check_file(tmp_path / "nothing.py")
    assert "there is no such file" in str(problem)
    [problem] = check_file(write(AFFINE), "afine")
    assert "did you mean 'affine'?" in str(problem)


def test_one_broken_pair_does_not_hide_the_others(write):
    path = write(
        AFFINE + "\ndef bad_forward(x): raise KeyError('k')\ndef bad_backward(dout, cache): return dout\n"
    )
    results = check_file(path)
    assert [type(result) for result in results] == [Report, Problem]
    assert exit_code(results) == 2


def test_a_file_may_import_its_neighbour_and_imported_pairs_are_not_checked(write):
    write(AFFINE, "neighbour_of_mine.py")
    path = write(
        """
        from neighbour_of_mine import affine_forward
        def id_forward(x): return x, 0
        def id_backward(dout, cache): return dout
        """
    )
    before = list(sys.path)
    assert [result.title for result in check_file(path)] == ["id"]
    assert sys.path == before
    assert not list(path.parent.glob("**/mine*.pyc"))
