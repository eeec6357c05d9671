"""cs231n.optim: update rules `(w, dw, config=None) -> (next_w, config)`.

Defaults and state are written into the caller's config, which is the one returned; w itself is left as it was.
"""

import numpy as np

__all__ = ["adam", "rmsprop", "sgd", "sgd_momentum"]


def sgd(w, dw, config=None):
    """w - learning_rate * dw; config: `learning_rate` (1e-2).

    >>> sgd(np.ones(1), np.ones(1), {"learning_rate": 0.25})
    (array([0.75]), {'learning_rate': 0.25})
    """
    config = _with_defaults(config, learning_rate=1e-2)
    return w - config["learning_rate"] * dw, config


def sgd_momentum(w, dw, config=None):
    """w + v with v = momentum * v - learning_rate * dw.

    config: `learning_rate` (1e-2), `momentum` (0.9), `velocity`. Source: Polyak 1964.

    >>> config = {"learning_rate": 0.5}
    >>> w, _ = sgd_momentum(np.ones(1), np.ones(1), config)
    >>> sgd_momentum(w, np.ones(1), config)[0], config["velocity"]
    (array([-0.45]), array([-0.95]))
    """
    config = _with_defaults(config, learning_rate=1e-2, momentum=0.9, velocity=np.zeros_like(w))
    config["velocity"] = config["momentum"] * config["velocity"] - config["learning_rate"] * dw
    return w + config["velocity"], config


def rmsprop(w, dw, config=None):
    """Divide dw by the root of the running mean of its square.

    config: `learning_rate` (1e-2), `decay_rate` (0.99), `epsilon` (1e-8), `cache`.
    Source: Tieleman & Hinton 2012, lecture 6.5.

    >>> config = {"decay_rate": 0.0}
    >>> rmsprop(np.ones(1), np.full(1, 4.0), config)[0].round(4), config["cache"]
    (array([0.99]), array([16.]))
    """
    config = _with_defaults(config, learning_rate=1e-2, decay_rate=0.99, epsilon=1e-8, cache=np.zeros_like(w))
    config["cache"] = config["decay_rate"] * config["cache"] + (1 - config["decay_rate"]) * dw * dw
    return w - config["learning_rate"] * dw / (np.sqrt(config["cache"]) + config["epsilon"]), config


def adam(w, dw, config=None):
    """Running means of dw and of its square, both freed of their bias towards 0.

    config: `learning_rate` (1e-3), `beta1` (0.9), `beta2` (0.999), `epsilon` (1e-8), `m`, `v`, and `t` (0),
    which is counted up first. Source: Kingma & Ba 2015, algorithm 1.

    >>> config = {"learning_rate": 0.5}
    >>> adam(np.ones(1), np.full(1, 4.0), config)[0].round(4), config["t"]
    (array([0.5]), 1)
    """
    config = _with_defaults(
        config,
        learning_rate=1e-3,
        beta1=0.9,
        beta2=0.999,
        epsilon=1e-8,
        m=np.zeros_like(w),
        v=np.zeros_like(w),
        t=0,
    )
    config["t"] += 1
    config["m"] = config["beta1"] * config["m"] + (1 - config["beta1"]) * dw
    config["v"] = config["beta2"] * config["v"] + (1 - config["beta2"]) * dw * dw
    mean = config["m"] / (1 - config["beta1"] ** config["t"])
    square = config["v"] / (1 - config["beta2"] ** config["t"])
    return w - config["learning_rate"] * mean / (np.sqrt(square) + config["epsilon"]), config


def _with_defaults(config, **defaults):
    """The caller's own dict, with what is missing written into it."""
    config = {} if config is None else config
    for name, value in defaults.items():
        config.setdefault(name, value)
    return config
