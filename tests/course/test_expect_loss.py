"""What checks say about losses, gradients and training."""

import re

import numpy as np
import pytest

from nnscratch.course.expect import Unmet
from nnscratch.course.expect_loss import (
    MISTAKES,
    descend,
    descended,
    gradients_of_loss,
    loss_causes,
    parts,
)
from nnscratch.course.slips import equal, none_of


def bowl(params, batch):
    """A loss whose gradient depends on the examples of the batch."""
    error = params["w"] - batch.mean()
    return float((error**2).sum()), {"w": 2 * error}


HOW = {"count": 7, "rate": 0.1, "epochs": 3, "batch_size": 3, "decay": 0.5}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_training_is_named(mistake):
    start = {"w": np.ones(2)}
    wrong = descend(bowl, start, rng=np.random.default_rng(3), mistake=mistake, **HOW)
    with pytest.raises(Unmet) as unmet:
        descended(wrong, bowl, start, 3, **HOW)
    assert mistake in str(unmet.value)


def test_right_training_is_let_through():
    start = {"w": np.ones(2)}
    descended(descend(bowl, start, rng=np.random.default_rng(3), **HOW), bowl, start, 3, **HOW)


def test_the_loss_of_every_step_is_looked_at():
    start = {"w": np.ones(2)}
    params, losses = descend(bowl, start, rng=np.random.default_rng(3), **HOW)
    with pytest.raises(Unmet, match="losses holds 8 numbers, it should hold 9"):
        descended((params, losses[:-1]), bowl, start, 3, **HOW)
    with pytest.raises(Unmet, match=r"losses\[8\]"):
        descended((params, [*losses[:-1], 9.0]), bowl, start, 3, **HOW)
    with pytest.raises(Unmet, match="a list of numbers"):
        descended((params, None), bowl, start, 3, **HOW)


@pytest.mark.parametrize("words", loss_causes(3.0, 0.5, 4, 0.25))
def test_a_wrong_loss_is_named(words):
    with pytest.raises(Unmet, match=re.escape(words)):
        equal(loss_causes(3.0, 0.5, 4, 0.25)[words], 3.5, "the loss", remedies=loss_causes(3.0, 0.5, 4, 0.25))


def test_a_mistake_that_makes_no_difference_is_not_named():
    none_of(3.0, 3.0, "the loss", loss_causes(3.0, 0.0, 1))
    equal(3.0, 3.0, "the loss", remedies=loss_causes(3.0, 0.0, 1))


@pytest.mark.parametrize("found", (None, "x", [1.0], {}))
def test_what_is_no_number_is_said_to_be_none(found):
    with pytest.raises(Unmet, match="the loss should be a number"):
        equal(found, 3.0, "the loss", remedies={"it is doubled": 6.0})


def test_numbers_that_differ_are_shown_with_the_digits_that_tell_them_apart():
    with pytest.raises(Unmet, match="the loss is 1.50000008, it should be 1.5"):
        equal(1.50000008, 1.5, "the loss")


@pytest.mark.parametrize("found", (None, 1.0, (1.0,), [1.0, 2.0]))
def test_the_parts_that_are_missing_are_said(found):
    with pytest.raises(Unmet, match=r"\(loss, grads\)|returns None"):
        parts(found, ("loss", "grads"))


def test_the_doctor_names_the_parameter():
    params = {"w": np.arange(1.0, 4.0), "b": np.ones(2)}

    def loss(w, b):
        return (w**2).sum() + (b**3).sum(), {"w": 2 * w, "b": 2 * b**2}

    with pytest.raises(Unmet, match="in b"):
        gradients_of_loss(loss, loss, params)
