"""Pictures of searches: accuracy against a choice, with its spread over the folds; the best loss so far."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import NullFormatter, PercentFormatter

from nnscratch.plotting.curves import label_ends
from nnscratch.plotting.style import BLUE, GREEN, ORANGE, QUIET, Picture, styled


@styled
def plot_cross_validation(accuracies: Mapping[Any, Sequence[float]], choice: str = "k") -> Picture:
    """Draw the accuracy of each fold as a dot, and their mean with its standard deviation as a line.

    accuracies: {k: [one accuracy per fold]}, as cross_validate gives them; the best mean is named.

    >>> plot_cross_validation({1: [0.3, 0.32], 5: [0.35, 0.36]}).axes[0].get_title(loc="left")
    'Accuracy over the folds: best at k = 5, 35.5%'
    """
    figure = Picture(figsize=(7, 4))
    axes = figure.subplots()
    values = list(accuracies)
    means = np.array([np.mean(accuracies[value]) for value in values])
    spreads = np.array([np.std(accuracies[value]) for value in values])
    places = np.arange(len(values))
    for place, value in zip(places, values):
        axes.plot([place] * len(accuracies[value]), accuracies[value], "o", color=QUIET, markersize=3.5, alpha=0.7)
    axes.errorbar(places, means, spreads, color=BLUE, capsize=3)
    best = int(means.argmax())
    axes.plot(places[best], means[best], "D", color=ORANGE, markersize=7, zorder=3)
    axes.set_xticks(places, [str(value) for value in values])
    axes.set_xlabel(choice)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_title(f"Accuracy over the folds: best at {choice} = {values[best]}, {means[best]:.1%}")
    return figure


@styled
def plot_descents(losses: Mapping[str, Sequence[float]]) -> Picture:
    """Draw the best loss so far of several searches, {name: losses}, each line named at its end.

    >>> plot_descents({"random": [2.0, 1.8], "gradient": [2.0, 0.5]}).axes[0].get_ylabel()
    'best loss so far'
    """
    figure = Picture(figsize=(7, 4))
    axes = figure.subplots()
    labels = []
    for (name, values), colour in zip(losses.items(), (QUIET, ORANGE, BLUE, GREEN) * len(losses)):
        axes.plot(np.arange(1, len(values) + 1), values, color=colour)
        labels.append((values[-1], f"{name} {values[-1]:.3g}", colour))
    axes.set_xlabel("tries")
    axes.set_ylabel("best loss so far")
    axes.set_ylim(bottom=0)
    label_ends(axes, labels)
    return figure


@styled
def plot_trials(trials: Sequence[Any]) -> Picture:
    """Draw the score of every trial against each number that was searched, the best one marked.

    trials: Trials, as `nnscratch.training.search` returns them; those without a score are left out. An axis on
    which values span a factor of 20 or more is logarithmic.

    >>> from nnscratch.training import Trial
    >>> trials = [Trial({"rate": rate, "epochs": 3}, rate, 0.1) for rate in (0.001, 0.01, 0.1)]
    >>> [axes.get_xscale() for axes in plot_trials(trials).axes]
    ['log']
    """
    scored = [trial for trial in trials if trial.score is not None]
    names = scored[0].settings if scored else ()
    columns = {name: [trial.settings.get(name) for trial in scored] for name in names}
    searched = {name: column for name, column in columns.items() if _varies(column)}
    figure = Picture(figsize=(max(3.4 * len(searched), 3.4), 3.4))
    if not searched:
        return figure
    scores = np.array([trial.score for trial in scored])
    top = int(scores.argmax())
    panels = figure.subplots(1, len(searched), sharey=True, squeeze=False)[0]
    for axes, (name, column) in zip(panels, searched.items()):
        axes.plot(column, scores, "o", color=BLUE, markersize=4, alpha=0.7)
        axes.plot(column[top], scores[top], "D", color=ORANGE, markersize=7, zorder=3)
        if min(column) > 0 and max(column) >= 20 * min(column):
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())  # over two decades or less, they would overlap
        axes.set_xlabel(name)
        axes.set_title(f"best at {column[top]:.3g}")
    figure.axes[0].set_ylabel("score")
    return figure


def _varies(column):
    return all(isinstance(value, (int, float)) for value in column) and len(set(column)) > 1
