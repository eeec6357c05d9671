"""What differs from year to year in CS231n's assignments, and which year is spoken now."""

import os
from typing import NamedTuple

YEARS = range(2016, 2027)
VARIABLE = "NNSCRATCH_CS231N_YEAR"
_chosen: list[int] = []


class DialectError(ValueError):
    """A year whose assignments are not known; the message lists those that are."""


class Dialect(NamedTuple):
    """The habits of one year."""

    year: int
    p_is_dropped: bool  # dropout_param["p"] is the share that is dropped, not the one that is kept
    net: str  # which options FullyConnectedNet takes: "use_batchnorm", "dropout" or "dropout_keep_ratio"
    penalty: float  # linear classifiers and neural_net add penalty * reg * sum(W * W)
    neural_net: bool  # the module classifiers.neural_net is there


def dialect_of(year: int) -> Dialect:
    """Return the habits of a year. Raises DialectError.

    >>> dialect_of(2017).p_is_dropped, dialect_of(2019).net, dialect_of(2026).net
    (True, 'dropout', 'dropout_keep_ratio')
    """
    if year not in YEARS:
        raise DialectError(
            f"there is no dialect of {year}: give a year from {YEARS[0]} to {YEARS[-1]}, with "
            f"install(year=...) or {VARIABLE}"
        )
    net = "use_batchnorm" if year <= 2017 else "dropout" if year <= 2020 else "dropout_keep_ratio"
    return Dialect(year, year <= 2017, net, 0.5 if year == 2016 else 1.0, year <= 2020)


def chosen_year() -> int:
    """Return the year that `install` was given, else NNSCRATCH_CS231N_YEAR, else the latest. Raises DialectError.

    >>> chosen_year() in YEARS
    True
    """
    if _chosen:
        return _chosen[-1]
    text = os.environ.get(VARIABLE, "").strip() or str(YEARS[-1])
    if not text.isdigit():
        raise DialectError(f"{VARIABLE} is {text!r}: give a year from {YEARS[0]} to {YEARS[-1]}")
    return dialect_of(int(text)).year


def speak(year: int | None) -> Dialect:
    """Choose a year for this process, None for the environment's; return its habits. Raises DialectError.

    >>> speak(2017).year, dialect().p_is_dropped, speak(None).year == chosen_year()
    (2017, True, True)
    """
    found = dialect_of(year) if year is not None else None
    _chosen[:] = [] if year is None else [year]
    return found or dialect()


def forget() -> None:
    """Take the choice of a year back.

    >>> forget()
    """
    _chosen.clear()


def dialect() -> Dialect:
    """Return the habits that hold now.

    >>> dialect().year == chosen_year()
    True
    """
    return dialect_of(chosen_year())
