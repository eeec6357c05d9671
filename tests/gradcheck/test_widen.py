"""Single precision in a small part of a gradient is found; narrow numbers that change nothing are not blamed."""

import numpy as np
import pytest

from nnscratch.gradcheck import check_pair

X = np.random.default_rng(0).normal(size=(5, 4))
TABLE = np.sin(np.arange(4)).astype(np.float32)


def swish(x):
    gate = 1 / (1 + np.exp(-x))
    return x * gate, (x, gate)


def slope(x, gate, small):
    return gate + x * small * (1 - small)


NARROW = {
    "astype": lambda d, c: d * slope(*c, c[1].astype(np.float32)),
    "called": lambda d, c: d * slope(*c, np.float32(c[1])),
    "copied": lambda d, c: d * slope(*c, np.asarray(c[1], dtype=np.float32)),
    "half": lambda d, c: d * slope(*c, c[1].astype("f2")),
    "anew": lambda d, c: d * slope(*c, 1 / (1 + np.exp(-c[0].astype(np.float32)))),
    "and back": lambda d, c: d * slope(*c, c[1].astype(np.float32).astype(np.float64)),
    "summed": lambda d, c: d * slope(*c, c[1]) + (d.sum(dtype=np.float32) - d.sum(dtype=np.float32).round(5)),
}


@pytest.mark.parametrize("how", [how for how in NARROW if how != "summed"])
def test_a_part_in_fewer_digits_is_found(how):
    report = check_pair(swish, NARROW[how], (X,))
    assert [finding.kind for finding in report.findings] == ["wrong-dtype"]


RIGHT = {
    "a mask of single numbers": (
        lambda x: (np.maximum(x, 0), x),
        lambda d, x: d * (x > 0).astype(np.float32),
    ),
    "a table that forward used as well": (lambda x: (x * TABLE, None), lambda d, _: d * TABLE),
    "a count in single numbers": (lambda x: (x.mean(axis=0), x), lambda d, x: 0 * x + d / np.float32(len(x))),
    "a size looked up in half precision": (
        lambda x: (x * 2, x),
        lambda d, x: d * 2 if x.astype(np.float16).max() < 1e4 else d * 2,
    ),
}


@pytest.mark.parametrize("how", RIGHT)
def test_narrow_numbers_that_lose_nothing_are_right(how):
    assert check_pair(*RIGHT[how], (X,)).ok
