"""Pictures are drawn for every kind of run, in a style of their own, without opening a window."""

import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from PIL import Image

from nnscratch import plotting
from nnscratch.training import History, Trial
from tests import needs


def history(epochs, steps=10, validation=True):
    found = History()
    found.losses = np.linspace(2.3, 0.5, epochs * steps).tolist()
    for epoch in range(1, epochs + 1):
        row = {"epoch": epoch, "loss": 2.3 / epoch, "train_accuracy": 1 - 0.9 / epoch}
        found.rows.append(
            {**row, **({"val_loss": 2.4 / epoch, "val_accuracy": 1 - 1 / epoch} if validation else {})}
        )
    return found


def words(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


@pytest.mark.parametrize("epochs", [0, 1, 5])
@pytest.mark.parametrize("validation", [True, False])
def test_curves_of_any_length(epochs, validation, tmp_path):
    figure = plotting.plot_curves(history(epochs, validation=validation), test_accuracy=0.5)
    plotting.save(figure, tmp_path / "curves.png")
    assert ("test 50.0%" in words(figure)) == (epochs > 0)
    assert ("validation" in words(figure)) == (validation and epochs > 0)


def test_curves_of_a_run_stopped_in_its_first_epoch(tmp_path):
    stopped = history(0)
    stopped.losses = [2.3, 2.2, 2.1]
    plotting.save(plotting.plot_curves(stopped), tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 1000


def test_labels_at_the_ends_of_lines_do_not_overlap():
    figure = plotting.plot_curves(history(3), test_accuracy=1 - 1 / 3)
    places = sorted(text.get_position()[1] for text in figure.axes[1].texts)
    assert min(np.diff(places)) >= 0.06


def test_a_saved_picture_is_sharp_enough_for_print(tmp_path):
    figure = plotting.plot_curves(history(3))
    plotting.save(figure, tmp_path / "a" / "b" / "curves.png")
    with Image.open(tmp_path / "a" / "b" / "curves.png") as picture:
        assert picture.size == tuple(round(150 * side) for side in figure.get_size_inches())
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["curves.png"]


@pytest.mark.parametrize("shape", [(32, 3, 5, 5), (7, 1, 3, 3), (4, 2, 5, 5), (1, 3, 8, 8)])
def test_filters_of_any_depth(shape, tmp_path):
    w = np.random.default_rng(0).normal(size=shape)
    plotting.save(plotting.plot_filters(w), tmp_path / "filters.png")
    with Image.open(tmp_path / "filters.png") as picture:
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 10


def test_confusion_shows_percent_and_never_rounds_a_mistake_away():
    matrix = np.array([[999, 1], [0, 50]])
    figure = plotting.plot_confusion(matrix, ["cat", "dog"])
    assert words(figure) == ["99", "0.1", "100"]
    assert figure.axes[0].get_title(loc="left") == "Confusion matrix, accuracy 99.9%"


@pytest.mark.parametrize("classes", [1, 2, 40])
def test_confusion_of_any_number_of_classes(classes, tmp_path):
    matrix = np.random.default_rng(0).integers(0, 9, (classes, classes))
    matrix[0] = 0
    names = [f"class {number}" for number in range(classes)]
    plotting.save(plotting.plot_confusion(matrix, names), tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").stat().st_size > 1000


def test_update_ratios_name_every_layer():
    rows: list[dict] = [
        {"epoch": e, "layer": name, "ratio": 1e-3 / e} for e in (1, 2) for name in ("conv1", "affine1")
    ]
    rows += [{"epoch": e, "layer": "relu1", "ratio": None} for e in (1, 2)]
    assert sorted(words(plotting.plot_update_ratios(rows))) == ["affine1", "conv1"]


def test_mistakes_come_worst_first():
    x, y = np.zeros((4, 3, 8, 8), np.uint8), np.array([0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.99, 0.01]])
    figure = plotting.plot_mistakes(x, y, probabilities, ["cat", "dog"])
    assert words(figure) == ["cat 99%", "is dog", "dog 80%", "is cat", "cat 60%", "is dog"]
    assert figure.get_suptitle() == "3 mistakes among 4 images"


def test_a_model_without_mistakes(tmp_path):
    x, y = np.zeros((2, 3, 8, 8), np.uint8), np.array([0, 1])
    figure = plotting.plot_mistakes(x, y, np.eye(2), ["cat", "dog"])
    assert figure.get_suptitle() == "0 mistakes among 2 images"
    plotting.save(figure, tmp_path / "mistakes.png")


def test_nobody_elses_style_is_changed():
    before = dict(matplotlib.rcParams)
    plotting.plot_curves(history(2))
    assert dict(matplotlib.rcParams) == before


def test_no_window_and_no_pyplot():
    code = "import sys; from nnscratch import plotting; print('matplotlib.pyplot' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_a_cross_validation_names_its_best_choice(tmp_path):
    figure = plotting.plot_cross_validation({1: [0.2, 0.3], 10: [0.4, 0.5], 100: [0.3, 0.3]})
    plotting.save(figure, tmp_path / "folds.png")
    assert "best at k = 10, 45.0%" in figure.axes[0].get_title(loc="left")
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["1", "10", "100"]


def test_searches_and_templates_are_named(tmp_path):
    figure = plotting.plot_descents({"random": [2.0, 1.9], "local": [1.9, 1.5], "gradient": [2.0, 0.25]})
    plotting.save(figure, tmp_path / "searches.png")
    assert {"random 1.9", "local 1.5", "gradient 0.25"} == set(words(figure))
    figure = plotting.plot_templates(np.zeros((3, 3, 8, 8)), ["cat", "dog", "frog"])
    plotting.save(figure, tmp_path / "templates.png")
    assert words(figure) == ["cat", "dog", "frog"]


def test_trials_are_drawn_against_what_was_searched(tmp_path):
    trials = [Trial({"rate": 10.0**-n, "width": n, "act": "relu", "epochs": 3}, n / 9, 0.1) for n in range(1, 5)]
    figure = plotting.plot_trials(
        [*trials, Trial({"rate": 9.0, "width": 9, "act": "relu", "epochs": 3}, None, 0.1)]
    )
    plotting.save(figure, tmp_path / "trials.png")
    assert [(axes.get_xlabel(), axes.get_xscale()) for axes in figure.axes] == [
        ("rate", "log"),
        ("width", "linear"),
    ]
    assert figure.axes[1].get_title(loc="left") == "best at 4"
    assert plotting.plot_trials([]).axes == []


def test_gradients_through_time_and_clipping(tmp_path):
    norms = {
        "vanishing": 0.5 ** np.arange(50)[::-1],
        "zero": np.zeros(50),
        "exploding": 2.0 ** np.arange(50)[::-1],
    }
    figure = plotting.plot_gradients_through_time(norms)
    assert set(words(figure)) == set(norms)
    plotting.save(figure, tmp_path / "gradients.png")
    run = {"loss": [3.0, 2.0], "norm": [1.0, 900.0]}
    figure = plotting.plot_clipping(run, {"loss": [3.0, 1.0], "norm": [1.0, 0.5]}, limit=5.0)
    assert words(figure).count("free") == words(figure).count("clipped at 5") == 2
    plotting.save(figure, tmp_path / "clipping.png")


def test_looks_inside_are_drawn(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 255, (3, 3, 8, 8)).astype(np.uint8)
    figures = {
        "maps": plotting.plot_maps(x, rng.random((3, 4, 4)), ["cat", "dog", "frog"], "Saliency"),
        "activations": plotting.plot_activation_maps(
            {"conv1": rng.random((1, 5, 8, 8)), "affine1": np.ones((1, 4))}
        ),
        "histograms": plotting.plot_histograms({"he": [rng.random(9)] * 3, "zeros": [np.zeros(9)] * 2}),
    }
    for name, figure in figures.items():
        plotting.save(figure, tmp_path / f"{name}.png")
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert np.asarray(picture.convert("L")).std() > 5
    assert "conv1" in words(figures["activations"]) and "affine1" not in words(figures["activations"])
    assert len(figures["activations"].axes) == 5


def test_features_in_the_plane_keep_neighbours_together(tmp_path):
    needs.package("sklearn")
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    features = rng.normal(size=(60, 6)) + 20 * np.eye(6)[y]
    figure = plotting.plot_features(features, y, ["a", "b", "c"])
    clouds = [np.asarray(points.get_offsets()) for points in figure.axes[0].collections]
    centres = np.array([cloud.mean(axis=0) for cloud in clouds])
    widest = max(np.linalg.norm(cloud - cloud.mean(axis=0), axis=1).max() for cloud in clouds)
    assert min(np.linalg.norm(centres[i] - centres[i - 1]) for i in range(3)) > widest
    with pytest.raises(ValueError, match="5 or more"):
        plotting.plot_features(features[:3], y[:3], ["a", "b", "c"])
