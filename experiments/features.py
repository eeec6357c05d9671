"""Hand-made features (HOG and hues) against pixels, each under a linear classifier and under a two-layer net.

Run `python -m experiments.features --data PATH`.
"""

import numpy as np

from experiments.record import Stopwatch, options, write_row
from nnscratch.classic import LinearClassifier, StandardizeFeatures, extract
from nnscratch.data import Standardize, load
from nnscratch.models import mlp
from nnscratch.shapes import as_rows
from nnscratch.training import Nesterov, OneCycle, Solver


def linear(name, data, x, x_test, settings):
    """Train a softmax classifier on features x (N, D) and write its row."""
    with Stopwatch() as watch:
        model = LinearClassifier("softmax", 1e-2, 1e-3, settings.epochs).fit(x, data.y_train)
    accuracy = float((model.predict(x_test) == data.y_test).mean())
    parameters = model.w.size + model.b.size
    row = {"parameters": parameters, "multiply_adds": model.w.size, "accuracy": accuracy, "watch": watch}
    write_row("features", name, **row, data=data.name)


def two_layer(name, data, x, x_test, settings):
    """Train a two-layer net on features x (N, D) and write its row."""
    model = mlp(hidden=(settings.hidden,), classes=data.num_classes, image=x.shape[1:], drop=settings.drop)
    rule = Nesterov(rate=settings.rate, weight_decay=5e-4)
    sets = {"x_train": x, "y_train": data.y_train}
    with Stopwatch() as watch:
        Solver(model, sets, rule, OneCycle(), epochs=settings.epochs, seed=0).train()
    accuracy = float((model.predict(x_test) == data.y_test).mean())
    weights = sum(array.size for array in model.params.values() if array.ndim == 2)
    parameters = sum(array.size for array in model.params.values())
    row = {"parameters": parameters, "multiply_adds": weights, "accuracy": accuracy, "watch": watch}
    write_row("features", name, **row, data=data.name)


def main():
    """Run all four and write their rows."""
    settings = options(__doc__, epochs=15, hidden=500, rate=0.02, drop=0.2).parse_args()
    data = load(settings.data)
    scale = Standardize().fit(data.x_train)
    pixels = [as_rows(scale(x)).astype(np.float32) for x in (data.x_train, data.x_test)]
    two_layer("two-layer net on pixels", data, *pixels, settings)
    del pixels
    with Stopwatch() as watch:
        features = [extract(x) for x in (data.x_train, data.x_test)]
    count = sum(map(len, features))
    print(f"{features[0].shape[1]} features of {count:,} images: {watch.seconds:.1f} s")
    scale_features = StandardizeFeatures().fit(features[0])
    features = [scale_features(x) for x in features]
    linear("softmax on HOG and hues", data, *features, settings)
    two_layer("two-layer net on HOG and hues", data, *features, settings)


if __name__ == "__main__":
    main()
