"""What the notebooks of the course share: data, a fast form of every run, sliders where they can be had."""

import inspect
import os
from collections.abc import Callable, Iterable
from typing import Any

from nnscratch.data import DataError, Dataset, load

FAST = os.environ.get("NNSCRATCH_FAST", "0") not in ("", "0")
"""Whether a notebook is only to show that it runs: with few images, epochs and seeds, its figures mean nothing."""

FEW = {"train": 500, "val": 200, "test": 200}  # images of each set in the fast form


def data(images: int | None = None, val: int | None = None, test: int | None = None) -> Dataset:
    """Return CIFAR-10 where it is at hand, in NNSCRATCH_DATA or the cache, else shapes10; nothing is downloaded.

    images, val, test: how many images of the training, validation and test set to draw; None for all. The fast
    form draws 500, 200 and 200 at most. The Dataset's `name` says which data they are, for titles and printing.
    NNSCRATCH_NOTEBOOK_DATA=shapes10 asks for shapes10 whatever is at hand. Raises DataError when a set has fewer.

    >>> shapes = getfixture("monkeypatch").setenv("NNSCRATCH_NOTEBOOK_DATA", "shapes10")
    >>> data(images=500, val=100, test=100)
    Dataset(shapes10: 500 train + 100 val + 100 test images of 3x32x32 uint8, 10 classes)
    """
    full = load(os.environ.get("NNSCRATCH_NOTEBOOK_DATA") or "auto", download=False)
    counts = {"train": images, "val": val, "test": test}
    if FAST:
        counts = {split: min(count or FEW[split], FEW[split]) for split, count in counts.items()}
    return full.subset(**counts)


def explore(draw: Callable[..., Any], **choices: Iterable[Any]) -> Any:
    """Show `draw(...)` with a slider for each choice, or its picture alone where there can be no sliders.

    draw: a function whose arguments have defaults, which returns a Picture; choices: the values of each slider,
    the default among them. Without the package ipywidgets, and under NNSCRATCH_STATIC=1, the picture drawn from
    the defaults is returned. Raises DataError for a choice that `draw` does not have, or not with that default.

    >>> getfixture("monkeypatch").setenv("NNSCRATCH_STATIC", "1")
    >>> explore(lambda k=3: f"a picture of {k} neighbours", k=[1, 3, 5])
    'a picture of 3 neighbours'
    """
    arguments = inspect.signature(draw).parameters
    for name, values in choices.items():
        if name not in arguments or arguments[name].default not in list(values):
            raise DataError(f"explore: give draw an argument {name} with a default among {list(values)}")
    widgets = None if os.environ.get("NNSCRATCH_STATIC", "0") not in ("", "0") else _ipywidgets()
    if widgets is None:
        return draw()
    sliders = {
        name: widgets.SelectionSlider(
            options=list(values), value=arguments[name].default, description=name, continuous_update=False
        )
        for name, values in choices.items()
    }
    others = {name: widgets.fixed(argument.default) for name, argument in arguments.items() if name not in choices}
    return widgets.interactive(draw, **sliders, **others)


def _ipywidgets():
    try:
        import ipywidgets
    except ImportError:
        return None
    return ipywidgets
