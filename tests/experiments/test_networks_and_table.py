"""The experiments on networks run from end to end on few images, and the table shows their rows."""

import json

import pytest

from experiments import agreement, inside, network, record, table, transfer
from nnscratch.models import MODELS
from tests import needs


@pytest.fixture
def results(tmp_path, monkeypatch):
    for module in (record, table, inside, agreement):
        monkeypatch.setattr(module, "RESULTS", tmp_path)
    monkeypatch.setattr(inside, "PICTURES", tmp_path / "pictures")
    return tmp_path


def few(load, train, test):
    return lambda source: load(source).subset(train=train, val=50, test=test)


def test_every_row_names_a_model():
    assert {name for name, _ in network.VARIANTS.values()} <= set(MODELS)


def test_a_network_writes_its_row_and_the_table_shows_it(results, monkeypatch):
    monkeypatch.setattr(network, "load", few(network.load, 100, 50))
    monkeypatch.setattr("sys.argv", ["network", "lenet/80sec", "--data", "shapes10", "--epochs", "1"])
    network.main()
    rows = json.loads((results / "network.json").read_text())
    assert [(row["name"], row["parameters"], row["epochs"]) for row in rows] == [
        ("lenet", 62_006, 1), ("80sec", 37_210, 1)]  # fmt: skip
    (results / "other.json").write_text(json.dumps({"no": "rows"}))
    text = table.page(table.rows())
    assert "## shapes10" in text
    assert f"| `experiments.network` | lenet | 62,006 | 651,720 | {rows[0]['accuracy']:.2%} | 1 |" in text


def test_every_model_is_compared_with_torch():
    assert {name for name, _ in agreement.NETWORKS.values()} == {*MODELS, "captioning"}


@pytest.mark.parametrize("name", ["lenet", "char-rnn, gru", "captioning, lstm"])
def test_a_network_is_compared_with_torch_and_onnx(name, results, monkeypatch, capsys):
    needs.package("torch")
    needs.package("onnxruntime")
    for only in (name, "mlp"):
        monkeypatch.setattr("sys.argv", ["agreement", "--only", only])
        agreement.main()
    first, second = (row for row in table.compared())
    if second["name"] == name:
        first, second = second, first
    assert (first["name"], second["name"]) == (name, "mlp")
    assert 0 < max(first[part] for part in ("scores", "loss", "gradients")) < 1e-12
    assert 0 < first["onnx"] < 1e-5
    assert f"{name}: scores " in capsys.readouterr().out


def test_a_network_that_was_compared_and_trained_has_one_line(results):
    compared = {"name": "lenet", "input": "3x32x32", "parameters": 62_006, "multiply-adds": 651_720}
    compared |= {"scores": 1e-15, "loss": 3e-14, "gradients": 2e-15, "onnx": 4e-7}
    trained = {"name": "lenet", "parameters": 62_006, "accuracy": 0.5, "seconds": 9.0, "cpu_seconds": 8.0}
    trained |= {"data": table.DATA, "epochs": table.EPOCHS}
    (results / "agreement.json").write_text(json.dumps([compared]))
    (results / "network.json").write_text(json.dumps([trained, {**trained, "epochs": 1}]))
    text = table.page(table.rows(), table.compared())
    assert "| lenet | 3x32x32 | 62,006 | 651,720 | 3e-14 | 4e-07 | 50.00% | 9 | 8 |" in text
    assert text.count("| lenet |") == 2 and text.count("`experiments.network` | lenet |") == 1


@pytest.mark.slow
def test_transfer_in_three_ways(results, monkeypatch):
    monkeypatch.setattr(transfer, "load", few(transfer.load, 400, 50))
    monkeypatch.setattr(transfer, "COUNTS", (20,))
    monkeypatch.setattr("sys.argv", ["transfer", "--data", "shapes10", "--epochs", "1", "--steps", "2"])
    transfer.main()
    rows = json.loads((results / "transfer.json").read_text())
    assert len(rows) == 8 and rows[-1]["name"] == "shapes10, 20 images: fine-tuning the last blocks"
    text = table.page(table.rows())
    assert "| shapes10 | 20 images |" in text and "`experiments.transfer` |" not in text
    assert f"| fine-tuning the last blocks | {rows[-1]['accuracy']:.2%} |" in text


@pytest.mark.slow
def test_all_looks_inside_are_drawn(results, monkeypatch):
    monkeypatch.setattr(inside, "load", few(inside.load, 1000, 50))
    monkeypatch.setattr("sys.argv", ["inside", "--data", "shapes10", "--epochs", "4", "--images", "20"])
    inside.main()
    drawn = {path.stem for path in (results / "pictures").glob("*.png")}
    assert {f"inside-{name}" for name in ("filters", "saliency", "occlusion", "fooling", "inversion")} <= drawn
