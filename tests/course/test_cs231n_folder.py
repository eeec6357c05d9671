"""A student's own CS231n folder: what is right passes, what is not written says so, and mistakes are named."""

import json
import shutil
from pathlib import Path

import pytest

from nnscratch.cli import main
from nnscratch.course.cs231n.check import home_of, parts_of, year_of
from nnscratch.course.cs231n.inside import perform
from nnscratch.course.cs231n.rows import all_rows

STUDENT = Path(__file__).parent / "student"
YEARS = {"neural_net.TwoLayerNet": 2020}


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(STUDENT, tmp_path / "assignment"))


@pytest.mark.parametrize("name", [name for name in all_rows() if name != "softmax.softmax_loss_naive"])
def test_what_is_right_passes(name):
    outcome = perform(name, STUDENT, YEARS.get(name, 2026))
    assert outcome["kind"] == "passed", outcome["message"]


MISTAKES = [
    ("layers.affine_backward", "layers.py", "db = dout.sum(axis=0)", "db = dout.mean(axis=0)", "batch"),
    ("layers.affine_backward", "layers.py", "dx = dout.dot(w.T).reshape(x.shape)", "dx = dout.dot(w.T)", "shape"),
    ("layers.relu_backward", "layers.py", "dout * (cache > 0)", "dout * (cache >= 1)", "mask"),
    ("layers.softmax_loss", "layers.py", "return loss, p / N", "return loss, p", "batch"),
    ("layers.softmax_loss", "layers.py", "shifted = x - x.max(axis=1, keepdims=True)", "shifted = x", "largest"),
    ("layers.batchnorm_forward", "layers.py", 'bn_param["running_var"] = running_var', "pass", "running_var"),
    (
        "layers.batchnorm_backward", "layers.py", " - xhat * (dxhat * xhat).mean(axis=0)", "", "missing-term",
    ),
    ("layers.dropout_forward", "layers.py", "(np.random.rand(*x.shape) < p) / p", "(np.random.rand(*x.shape) < p)",
     "inverted dropout"),
    ("layers.dropout_forward", "layers.py", "rand(*x.shape) < p) / p", "rand(*x.shape) > p) / (1 - p)", "kept"),
    ("layers.max_pool_backward_naive", "layers.py", "b] += dout", "b] = dout", "not-accumulated"),
    ("layers.conv_forward_naive", "layers.py", "axis=(2, 3, 4)) + b", "axis=(2, 3, 4))", "out["),
    ("optim.adam", "optim.py", "    config[\"t\"] += 1\n", "", "it should be"),
    ("optim.rmsprop", "optim.py", "+ config[\"epsilon\"]", "+ 1",
     "after step 1"),
    ("rnn_layers.rnn_backward", "rnn_layers.py", "(dh[:, t] + dprev", "(dh[:, t]", "x"),
    ("rnn_layers.lstm_step_forward", "rnn_layers.py", "ai, af, ao, ag", "ai, af, ag, ao", "i, f, o, g"),
    ("linear_svm.svm_loss_naive", "classifiers/linear_svm.py", "2 * reg * W", "reg * W", "reg = 0.5"),
    ("k_nearest_neighbor.KNearestNeighbor.predict_labels", "classifiers/k_nearest_neighbor.py",
     "np.bincount(closest_y).argmax()", "closest_y[0]", "nearest first"),
    ("fc_net.TwoLayerNet", "classifiers/fc_net.py", "loss += 0.5 * self.reg", "loss += self.reg", "0.5 * reg"),
    ("fc_net.FullyConnectedNet", "classifiers/fc_net.py", "            dh = relu_backward(dh, relu)\n", "", "W1"),
]  # fmt: skip


@pytest.mark.parametrize("name, file, right, wrong, says", MISTAKES)
def test_a_mistake_is_named(name, file, right, wrong, says, folder):
    path = folder / "cs231n" / file
    source = path.read_text()
    assert right in source
    path.write_text(source.replace(right, wrong))
    outcome = perform(name, folder, YEARS.get(name, 2026))
    assert outcome["kind"] == "wrong"
    assert says in f"{outcome['message']} {outcome['report']}"
    assert file.rpartition("/")[2] in outcome["where"]


def test_what_is_not_written_is_told_apart(folder):
    layers = folder / "cs231n" / "layers.py"
    layers.write_text(
        "def affine_forward(x, w, b):\n    out = None\n    # TODO\n    pass\n    cache = (x, w, b)\n"
        "    return out, cache\n\n\ndef affine_backward(dout, cache):\n    dx, dw, db = None, None, None\n"
        "    return dx, dw, db\n\n\ndef relu_forward(x):\n    return (x > 0) * x, x\n\n\n"
        "def relu_backward(dout, cache):\n    raise NotImplementedError\n"
    )
    kinds = {name: perform(f"layers.{name}", folder, 2026) for name in ("affine_forward", "relu_backward")}
    assert {name: found["kind"] for name, found in kinds.items()} == dict.fromkeys(kinds, "not written")
    assert perform("layers.affine_backward", folder, 2026)["kind"] == "needs"
    assert [row.name for row in parts_of(folder, ["relu_forward"])] == ["layers.relu_forward"]
    unwritten = perform("softmax.softmax_loss_naive", STUDENT, 2026)
    assert unwritten["message"] == "softmax_loss_naive is not written yet"


def test_dropout_follows_the_year_of_the_folder(folder):
    assert year_of(folder) == 2026
    assert perform("layers.dropout_forward", folder, 2017)["kind"] == "wrong"
    net = folder / "cs231n" / "classifiers" / "fc_net.py"
    net.write_text(
        "class FullyConnectedNet:\n    def __init__(self, dims, dropout=0, use_batchnorm=False): pass\n"
    )
    assert year_of(folder) == 2017
    net.unlink()
    assert year_of(folder) == 2020  # neural_net.py
    assert home_of(folder / "cs231n") == folder


def test_the_command_names_what_is_wrong_and_survives_what_hangs(folder, capsys):
    layers = folder / "cs231n" / "layers.py"
    layers.write_text(layers.read_text().replace("db = dout.sum(axis=0)", "db = dout.mean(axis=0)"))
    assert main(["learn", "cs231n", str(folder), "affine_backward", "affine_forward"]) == 1
    out = capsys.readouterr().out
    assert "layers.affine_forward" in out and "1 of 2; 0 to write, 1 to mend" in out and "batch" in out
    assert main(["learn", "cs231n", str(folder / "cs231n"), "relu_forward", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["layers.relu_forward"]["kind"] == "passed"
    layers.write_text(layers.read_text() + "\nimport os\nos._exit(3)\n")
    assert main(["learn", "cs231n", str(folder), "relu_forward"]) == 1
    assert "it ended Python" in capsys.readouterr().out
    assert main(["learn", "cs231n", str(folder.parent)]) == 2
    assert main(["learn", "cs231n", str(folder), "--year", "1999"]) == 2
