"""Random search against grid search for the rate and the penalty of a linear classifier, with the same nine tries.

Run `python -m experiments.random_against_grid --data PATH --workers 2`. Each trial trains on HOG features of some
training images. One hyper-parameter matters more than the other, and nine random tries hold nine values of it
where the grid holds three (Bergstra & Bengio 2012). Trials are kept in `--results`, so that a search that was
stopped goes on.
"""

from functools import partial

import numpy as np

from experiments.record import RESULTS, options
from nnscratch.classic import LinearClassifier, StandardizeFeatures, extract
from nnscratch.data import load
from nnscratch.plotting import plot_trials, save
from nnscratch.training import LogUniform, best, grid_settings, random_settings, search
from nnscratch.training.splits import spread

SPACE = {"rate": LogUniform(1e-6, 1e1), "strength": LogUniform(1e-6, 1e-1)}


def score(settings, x, y, x_val, y_val):
    """Train with these settings, and return the validation accuracy."""
    model = LinearClassifier("softmax", settings["rate"], settings["strength"], epochs=3).fit(x, y)
    return float((model.predict(x_val) == y_val).mean())


def main():
    """Search by grid once and by chance with several seeds; print all, and draw the trials."""
    settings = options(__doc__, images=10_000, seeds=10, workers=1, results="runs/random-against-grid.jsonl")
    settings = settings.parse_args()
    data = load(settings.data)
    x, y = spread(data.x_train, data.y_train, settings.images)
    scale = StandardizeFeatures().fit(extract(x))
    sets = {"x": scale(extract(x)), "y": y, "x_val": scale(extract(data.x_val)), "y_val": data.y_val}
    how = {"workers": settings.workers, "results": settings.results}
    grid = search(partial(score, **sets), grid_settings(SPACE, 3), **how)
    print(f"grid of 3 x 3: {best(grid).score:.1%}")
    chance = []
    for seed in range(settings.seeds):
        chance.append(search(partial(score, **sets), random_settings(SPACE, 9, seed), **how))
        print(f"9 random tries, seed {seed}: {best(chance[-1]).score:.1%}")
    scores = np.array([best(trials).score for trials in chance])
    print(f"random: {scores.mean():.1%} on average; better than the grid {(scores > best(grid).score).mean():.0%}")
    pictures = RESULTS / "pictures"
    save(plot_trials(grid), pictures / "search-grid.png")
    save(plot_trials([trial for trials in chance for trial in trials]), pictures / "search-random.png")


if __name__ == "__main__":
    main()
