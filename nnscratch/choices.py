"""Look a name up among the valid ones, and suggest the nearest when it is misspelt."""

import difflib


def choose(value, options, what):
    """Return `options[value]`; an unknown value raises ValueError with the nearest valid one.

    >>> choose("adam", {"adam": 1, "sgd": 2}, "optimizer")
    1
    >>> choose("adma", {"adam": 1, "sgd": 2}, "optimizer")
    Traceback (most recent call last):
    ValueError: unknown optimizer 'adma': did you mean 'adam'? Choose from adam, sgd
    """
    if value in options:
        return options[value]
    near = difflib.get_close_matches(str(value), [str(option) for option in options], n=1)
    guess = f" did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(str(option) for option in options)
    raise ValueError(f"unknown {what} {value!r}:{guess} Choose from {listed}")
