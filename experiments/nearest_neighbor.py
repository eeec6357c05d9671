"""k nearest neighbours on raw pixels: k chosen by cross-validation, accuracy on the whole test set.

Run `python -m experiments.nearest_neighbor --data PATH`. At k = 10 and L2 this takes a few
minutes; `--distance l1` takes an hour or more, so try `--validate-on 0 --test 500` first.
"""

from experiments.record import RESULTS, Stopwatch, options, write_row
from nnscratch.classic import KNearestNeighbors, cross_validate
from nnscratch.data import load
from nnscratch.plotting import plot_cross_validation, save
from nnscratch.training.splits import spread


def main():
    """Cross-validate on some training images, then classify the test set with --k neighbours."""
    settings = options(__doc__, k=10, distance="l2", test=0, folds=5, validate_on=5000).parse_args()
    data = load(settings.data, validation=0)
    if settings.validate_on:
        x, y = spread(data.x_train, data.y_train, settings.validate_on)
        found = cross_validate(x, y, [1, 3, 5, 8, 10, 12, 15, 20, 50, 100], settings.folds, settings.distance)
        for k, accuracies in found.items():
            print(f"k = {k:3}: {sum(accuracies) / len(accuracies):.1%}")
        save(plot_cross_validation(found), RESULTS / "pictures" / f"cross-validation-{settings.distance}.png")
    x, y = spread(data.x_test, data.y_test, settings.test or len(data.x_test))
    with Stopwatch() as watch:
        model = KNearestNeighbors(settings.k, settings.distance).fit(data.x_train, data.y_train)
        accuracy = (model.predict(x) == y).mean()
    write_row(
        "nearest_neighbor",
        f"{settings.k} nearest neighbours, {settings.distance.upper()}",
        parameters=0,
        multiply_adds=data.x_train.size,
        accuracy=float(accuracy),
        watch=watch,
        data=data.name,
        test_images=len(y),
    )


if __name__ == "__main__":
    main()
