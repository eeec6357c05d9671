"""Tune a two-layer net on HOG and hue features: coarse to fine, and by successive halving, with early stopping.

Run `python -m experiments.tune --data PATH --workers 2`. What has been tried is kept in `--results`, so that a
search that was stopped goes on. The pictures go into experiments/results/pictures.
"""

from functools import partial

from experiments.record import RESULTS, options
from nnscratch.classic import StandardizeFeatures, extract
from nnscratch.data import load
from nnscratch.models import mlp
from nnscratch.plotting import plot_trials, save
from nnscratch.training import (
    EarlyStopping,
    LogUniform,
    Nesterov,
    Solver,
    Uniform,
    best,
    coarse_to_fine,
    random_settings,
    successive_halving,
)
from nnscratch.training.splits import spread

SPACE = {
    "rate": LogUniform(1e-4, 1),
    "weight_decay": LogUniform(1e-6, 1e-1),
    "hidden": LogUniform(20, 500, whole=True),
    "drop": Uniform(0, 0.6),
}


def score(settings, data, epochs=6):
    """Train with these settings until the validation accuracy has not risen for 2 epochs; return the best one."""
    image = data["x_train"].shape[1:]
    model = mlp(hidden=(settings["hidden"],), image=image, drop=settings["drop"])
    rule = Nesterov(rate=settings["rate"], weight_decay=settings["weight_decay"])
    stopping = EarlyStopping(patience=2)
    solver = Solver(model, data, rule, epochs=settings.get("epochs", epochs), callbacks=[stopping], seed=0)
    solver.train()
    return stopping.best


def main():
    """Search both ways, print the best of each, and draw all trials."""
    settings = options(__doc__, images=10_000, count=9, workers=1, results="runs/tune.jsonl").parse_args()
    data = load(settings.data)
    x, y = spread(data.x_train, data.y_train, settings.images)
    scale = StandardizeFeatures().fit(extract(x))
    sets = {"x_train": scale(extract(x)), "y_train": y, "x_val": scale(extract(data.x_val)), "y_val": data.y_val}
    how = {"workers": settings.workers, "results": settings.results}
    fine = coarse_to_fine(partial(score, data=sets), SPACE, rounds=3, count=settings.count, **how)
    print(f"coarse to fine, {len(fine)} trials: {best(fine).score:.1%} with {best(fine).settings}")
    halving = successive_halving(partial(score, data=sets), random_settings(SPACE, 3 * settings.count, 1), **how)
    print(f"successive halving, {len(halving)} trials: {halving[-1].score:.1%} with {halving[-1].settings}")
    save(plot_trials(fine), RESULTS / "pictures" / "search-coarse-to-fine.png")
    save(plot_trials(halving), RESULTS / "pictures" / "search-successive-halving.png")


if __name__ == "__main__":
    main()
