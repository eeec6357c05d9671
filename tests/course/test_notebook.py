"""What notebooks share: data that is at hand, fewer of them in the fast form, sliders or the picture alone."""

import sys

import pytest

from nnscratch.course import notebook
from nnscratch.data import DataError
from tests import needs


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    for name in ("NNSCRATCH_STATIC", "NNSCRATCH_DATA", "NNSCRATCH_NOTEBOOK_DATA"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def asked(monkeypatch):
    """What `load` is asked for, in place of it."""
    calls = []

    class Full:
        def subset(self, **counts):
            calls.append(counts)
            return self

    monkeypatch.setattr(notebook, "load", lambda source, **options: calls.append((source, options)) or Full())
    return calls


def test_data_come_from_what_is_at_hand_and_never_from_the_web(asked, monkeypatch):
    monkeypatch.setattr(notebook, "FAST", False)
    notebook.data(images=5000, test=1000)
    assert asked == [("auto", {"download": False}), {"train": 5000, "val": None, "test": 1000}]
    asked.clear()
    monkeypatch.setenv("NNSCRATCH_NOTEBOOK_DATA", "shapes10")
    notebook.data()
    assert asked == [("shapes10", {"download": False}), {"train": None, "val": None, "test": None}]


def test_the_fast_form_draws_few_and_never_more_than_asked(asked, monkeypatch):
    monkeypatch.setattr(notebook, "FAST", True)
    notebook.data(images=5000, test=50)
    assert asked[1] == {"train": 500, "val": 200, "test": 50}


def test_more_images_than_there_are_is_an_error(monkeypatch):
    monkeypatch.setenv("NNSCRATCH_NOTEBOOK_DATA", "shapes10")
    monkeypatch.setattr(notebook, "FAST", False)
    with pytest.raises(DataError, match="ask for 1 to"):
        notebook.data(images=10**6)


def draw(k=3, name="l2"):
    return f"{k} {name}"


def test_without_ipywidgets_the_picture_is_drawn_from_the_defaults(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert notebook.explore(draw, k=[1, 3, 5], name=["l1", "l2"]) == "3 l2"


def test_with_ipywidgets_there_is_a_slider_for_each_choice(monkeypatch):
    widgets = needs.package("ipywidgets")
    shown = notebook.explore(draw, k=[1, 3, 5], name=["l1", "l2"])
    sliders = [child for child in shown.children if isinstance(child, widgets.SelectionSlider)]
    assert [(slider.description, slider.value) for slider in sliders] == [("k", 3), ("name", "l2")]
    shown.update()
    assert shown.result == "3 l2"
    [slider, _] = notebook.explore(draw, k=[1, 3, 5]).children
    assert slider.description == "k", "an argument without choices has no slider"
    monkeypatch.setenv("NNSCRATCH_STATIC", "1")
    assert notebook.explore(draw, k=[3]) == "3 l2"


@pytest.mark.parametrize("choices", [{"size": [1]}, {"k": [1, 5]}])
def test_choices_must_be_arguments_with_that_default(choices):
    with pytest.raises(DataError, match="give draw an argument"):
        notebook.explore(draw, **choices)
