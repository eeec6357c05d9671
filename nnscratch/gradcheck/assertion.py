"""Gradient checks as assertions, for tests."""

from typing import Any

from nnscratch.gradcheck.check import check_layer, check_loss, check_model, check_pair
from nnscratch.gradcheck.report import Report


class GradientError(AssertionError):
    """A gradient is wrong; the message is the report, which is also the attribute `report`."""

    def __init__(self, report: Report) -> None:
        super().__init__(f"\n{report}")
        self.report = report


def assert_gradients(*what: Any, **options: Any) -> Report:
    """Check a pair, a layer, a loss or a model; return the report, or raise GradientError that shows it.

    what: `forward, backward, inputs` as for check_pair; `layer, x` as for check_layer; `loss, x, y` as for
    check_loss (a function) or `model, x, y` as for check_model (an object with `loss`). options:
    those of the same functions.

    >>> import numpy as np
    >>> assert_gradients(lambda x: (3 * x, None), lambda dout, cache: 3 * dout, (np.ones(2),)).ok
    True
    """
    first = what[0]
    if len(what) == 2:
        report = check_layer(*what, **options)
    elif hasattr(first, "loss") and hasattr(first, "params"):
        report = check_model(*what, **options)
    elif len(what) == 3 and callable(what[1]):
        report = check_pair(*what, **options)
    else:
        report = check_loss(*what, **options)
    if not report.ok:
        raise GradientError(report)
    return report
