"""Gradient checks: is the backward pass that you wrote the derivative of the forward pass?"""

from nnscratch.gradcheck.assertion import GradientError, assert_gradients
from nnscratch.gradcheck.check import check_layer, check_loss, check_model, check_pair
from nnscratch.gradcheck.find import Problem, check_file, exit_code
from nnscratch.gradcheck.findings import KINDS, Finding
from nnscratch.gradcheck.numeric import NumericError, numerical_gradient
from nnscratch.gradcheck.report import Entry, Report
from nnscratch.gradcheck.terminal import print_report

__all__ = [
    "KINDS",
    "Entry",
    "Finding",
    "GradientError",
    "NumericError",
    "Problem",
    "Report",
    "assert_gradients",
    "check_file",
    "check_layer",
    "check_loss",
    "check_model",
    "check_pair",
    "exit_code",
    "numerical_gradient",
    "print_report",
]
