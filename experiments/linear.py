"""Linear classifiers on raw pixels: SVM and softmax by SGD, their templates, and the three steps that lead there.

Run `python -m experiments.linear --data PATH`.
The pictures of the templates and of the three searches go into experiments/results/pictures.
"""

import numpy as np

from experiments.record import RESULTS, Stopwatch, options, write_row
from nnscratch.classic import (
    LinearClassifier,
    follow_gradient,
    linear_loss,
    random_local_search,
    random_search,
)
from nnscratch.data import MeanImage, load
from nnscratch.layers import svm_loss
from nnscratch.plotting import plot_descents, plot_templates, save
from nnscratch.shapes import as_rows
from nnscratch.training.splits import spread

RATES = {"svm": 1e-3, "softmax": 3e-3}


def three_searches(x, y, classes, tries=300):
    """Losses of an SVM on x (N, D), found by guessing, by guessing nearby and by following the gradient."""
    b, shape = np.zeros(classes, np.float32), (x.shape[1], classes)
    loss = lambda w: linear_loss(w, b, x, y, criterion=svm_loss)[0]  # noqa: E731
    draw = lambda rng: (1e-3 * rng.normal(size=shape)).astype(np.float32)  # noqa: E731
    start = draw(np.random.default_rng(0))
    return {
        "random search": random_search(loss, draw, tries).losses,
        "random local search": random_local_search(loss, start, tries, radius=1e-3).losses,
        "gradient": follow_gradient(
            lambda w: linear_loss(w, b, x, y, criterion=svm_loss)[:2], start, tries, rate=1e-3
        ).losses,
    }


def main():
    """Train both classifiers, write their rows, and draw templates and searches."""
    settings = options(__doc__, epochs=15, strength=1e-2).parse_args()
    data = load(settings.data)
    centre = MeanImage().fit(data.x_train)
    x_train, x_test = (as_rows(centre(x)) for x in (data.x_train, data.x_test))
    for criterion, rate in RATES.items():
        with Stopwatch() as watch:
            model = LinearClassifier(criterion, rate, settings.strength, settings.epochs)
            model.fit(x_train, data.y_train)
        write_row(
            "linear",
            f"linear classifier, {criterion}",
            parameters=model.w.size + model.b.size,
            multiply_adds=model.w.size,
            accuracy=float((model.predict(x_test) == data.y_test).mean()),
            watch=watch,
            data=data.name,
        )
        pictures = RESULTS / "pictures"
        save(plot_templates(model.templates(data.image), data.classes), pictures / f"templates-{criterion}.png")
    x, y = spread(x_train, data.y_train, 500)
    save(plot_descents(three_searches(x, y, data.num_classes)), pictures / "three-searches.png")


if __name__ == "__main__":
    main()
