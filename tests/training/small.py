"""A small learning problem that all tests of training share."""

import numpy as np

from nnscratch.models import mlp


def small_data(N=96, classes=3, seed=0, dtype=np.float32):
    """Images (N, 1, 4, 4) of blurred spots, one place per class: a linear model can learn them."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, size=N + 30)
    x = rng.normal(scale=0.7, size=(N + 30, 1, 4, 4))
    x[np.arange(N + 30), 0, y, y] += 2
    x = x.astype(dtype)
    return {"x_train": x[:N], "y_train": y[:N], "x_val": x[N:], "y_val": y[N:]}


def small_model(**options):
    return mlp(**{"hidden": (16,), "classes": 3, "image": (1, 4, 4), **options})


def bits(model):
    """All arrays of a model as bytes, by name."""
    return {
        f"{part}.{name}": a.tobytes() for part in ("params", "state") for name, a in getattr(model, part).items()
    }
