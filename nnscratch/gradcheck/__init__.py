"""Gradient checks: is the backward pass that you wrote the derivative of the forward pass?"""

from nnscratch.gradcheck.check import GradientError, check_layer, check_loss, check_model, check_pair
from nnscratch.gradcheck.find import Problem, check_file, exit_code
from nnscratch.gradcheck.numeric import NumericError, numerical_gradient
from nnscratch.gradcheck.report import Entry, Report, print_report

__all__ = [
    "Entry",
    "GradientError",
    "NumericError",
    "Problem",
    "Report",
    "check_file",
    "check_layer",
    "check_loss",
    "check_model",
    "check_pair",
    "exit_code",
    "numerical_gradient",
    "print_report",
]
