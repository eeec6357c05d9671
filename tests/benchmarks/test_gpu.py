"""The race on the GPU, over the double of CuPy and PyTorch on the CPU: it builds, steps, counts and reports."""

import argparse

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nnscratch.gpu import gpu_problem
from nnscratch.layers import Affine, Conv, Flatten, ReLU, Sequential
from nnscratch.models import Classifier, small_alexnet
from tests import needs

needs.package("torch")

from benchmarks import __main__ as command  # noqa: E402
from benchmarks import contestants, duel, gpu, networks, report, roofline  # noqa: E402


def options(**given):
    parser = argparse.ArgumentParser()
    gpu.add_options(parser)
    parser.set_defaults(small=True, **{**gpu.SMALL, **given})
    return parser.parse_args([])


@pytest.mark.skipif(gpu_problem() is None, reason="is about a machine without a card")
def test_without_a_card_one_line_says_why(capsys):
    assert command.main(["gpu"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err == f"gpu: {gpu_problem()}\n"


def test_the_whole_race_over_the_double(cupy, monkeypatch, tmp_path):
    monkeypatch.setattr(duel, "PATIENCE", 0.0)
    found = gpu.measure(options(), device="cpu")
    titles = [table.title for table in found.tables]
    for words in ("width 4, float32, step by step", "width 4, tf32, step by step", "width 4, tf32, as graphs"):
        assert any(title.startswith(f"{words}, roof") for title in titles)
    assert "times as long as the best peer" in titles[0] and titles[-1] == "training on shapes10, width 4"
    for table in found.tables[:-1]:
        assert {row["contestant"] for row in table.rows} >= {"nnscratch"}
        assert all(row["of_roof"] > 0 for row in table.rows)
    assert [row["precision"] for row in found.tables[-1].rows] == ["float32", "tf32"]
    page = report.save(found, report.facts(found), tmp_path).read_text()
    for words in ("peak tf32", "TFLOP/s", "GiB, compute capability", "s to 79%", "not reached", "of the roof"):
        assert words in page


@pytest.mark.parametrize("graph", [False, True])
def test_steps_ahead_are_the_same_steps(cupy, graph):
    one, other = (small_alexnet(4, norm="none", drop=0.0, dtype=np.float64) for _ in range(2))
    x, y = contestants.random_batch(6)
    cpu, ahead = contestants.Ours(one), contestants.OursAhead(other, 5, graph)
    expected = [cpu.step(x, y) for _ in range(5)][-1]
    assert_allclose(ahead.steps(*ahead.batch(x, y), 5), expected, rtol=1e-9)
    for name, w in one.params.items():
        assert_allclose(other.params[name].get(), w, rtol=1e-9, atol=1e-12, err_msg=name)


def test_many_steps_of_pytorch_are_as_many_single_ones():
    x, y = contestants.random_batch(6)
    one, other = (networks.Theirs(small_alexnet(4, norm="none", drop=0.0), "torch eager") for _ in range(2))
    expected = [one.step(*one.batch(x, y)) for _ in range(3)][-1]
    assert other.steps(*other.batch(x, y), 3) == expected


def test_the_roof_counts_operations_and_bytes():
    model = Classifier(Sequential(Conv(3, 4, 3, rng=0), ReLU(), Flatten(), Affine(4 * 6 * 6, 10, rng=0)))
    conv, affine = 2 * 5 * 4 * 36 * 27, 2 * 5 * 144 * 10
    endless = float("inf")
    operations = 2 * conv + 3 * affine  # the images need no gradient
    assert roofline.roof(model, (3, 8, 8), 5, (1.0, endless)) == pytest.approx(operations)
    image, hidden, scores, weights = 5 * 192, 5 * 144, 50, (108 + 4, 1440 + 10)
    numbers = (image + hidden + weights[0]) + (hidden + image + 2 * weights[0])
    numbers += 2 * hidden + 3 * hidden
    numbers += (hidden + scores + weights[1]) + (scores + 2 * hidden + 2 * weights[1]) + 5 * sum(weights)
    assert roofline.roof(model, (3, 8, 8), 5, (endless, 1.0)) == pytest.approx(4 * numbers)


def test_networks_have_their_names():
    for name in gpu.NETWORKS[:2]:
        make, image, classes = gpu.network_of(name)
        assert make().params["conv1.w"].shape[0] == int(name.split()[1]) and (image, classes) == ((3, 32, 32), 10)
    assert gpu.network_of("alexnet227")[1] == (3, 227, 227)
    with pytest.raises(ValueError, match="'width 32' or 'alexnet227'"):
        gpu.network_of("vgg")
