"""How the exercises on schedules, early stopping and dropout are checked."""

import math

import numpy as np

from nnscratch.course import expect, slips
from nnscratch.course.exercises import exercise
from nnscratch.training.schedules import ReduceOnPlateau


@exercise(
    "a4.warmup_cosine",
    file="schedules.py",
    minutes=15,
    hints=(
        "Two cases: one while step < warmup, one after.",
        "t counts from the end of the warm-up: 0 at its end, nearly 1 at the last step.",
        "rate * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2",
    ),
)
def warmup_cosine(mine, rng):
    """Every step of three plans."""
    for steps, warmup, rate in ((10, 4, 0.3), (7, 0, 2.0), (6, 1, 1.0)):
        for step in range(steps):
            t = (step - warmup) / (steps - warmup)
            right = rate * (step + 1) / warmup if step < warmup else rate * math.sin(math.pi * (1 - t) / 2) ** 2
            causes = {
                "it counts from step, not from step + 1: the first step would be lost": rate
                * step
                / max(warmup, 1),
                "there is no warm-up": rate * math.sin(math.pi * (1 - step / steps) / 2) ** 2,
                "the fall should start at the end of the warm-up": rate
                * (1 + math.cos(math.pi * step / steps))
                / 2,
                "it falls from 2 * rate: halve it": 2 * right if step >= warmup else -1,
                "it rises instead of falling": rate * (1 - math.cos(math.pi * t)) / 2,
            }
            slips.equal(
                mine(step, steps, warmup, rate),
                right,
                f"the rate at step {step} of {steps}, {warmup} of them warm-up,",
                remedies=causes,
            )


@exercise(
    "a4.plateau_rate",
    file="schedules.py",
    minutes=15,
    points=2,
    hints=(
        "Go through the losses one by one, with the best so far and a count of epochs since it.",
        "A new best sets the count to 0; anything else adds 1. When the count is larger than patience, multiply "
        "and reset it.",
        "if loss < best: best, waited = loss, 0, else: waited += 1; if waited > patience: rate, waited = rate * "
        "factor, 0",
    ),
)
def plateau_rate(mine, rng):
    """Every beginning of three histories; a mistake is named where it explains all that is returned."""
    expect.equal(mine([], 0.8, 0.5, 1), 0.8, "the rate without any losses")
    histories = [([3.0, 2.0, 2.5, 2.4, 2.3, 2.2, 1.9, 2.0, 2.1], 1), ([1.0, 1.0, 1.0, 1.0, 0.5], 0)]
    histories.append(([float(loss) for loss in rng.integers(0, 6, 20) / 2], 2))
    plans = [(losses[: end + 1], patience) for losses, patience in histories for end in range(len(losses))]
    found, right = [], []
    for losses, patience in plans:
        found.append(expect.unchanged(lambda: mine(losses, 0.8, 0.5, patience), losses=losses))
        schedule = ReduceOnPlateau(factor=0.5, patience=patience)
        for loss in losses:
            schedule.observe(loss)
        right.append(0.8 * schedule(len(losses), 99))
    causes = {
        "it waits one epoch too few: the count must be LARGER than patience": dict(early=1),
        "it waits one epoch too many": dict(early=-1),
        "after a reduction the count starts at 0 again": dict(reset=False),
        "an equal loss is no new best": dict(equal=True),
        "each loss is to be compared with the best so far, not with the one before": dict(last=True),
    }
    rates = {words: [_plateau(*plan, **how) for plan in plans] for words, how in causes.items()}
    cause = [words for words, wrong in rates.items() if np.allclose(wrong, np.array(found, float))]
    for (losses, patience), rate, expected in zip(plans, found, right):
        words = f"the rate after the losses {losses} with patience {patience} and factor 0.5"
        slips.none_of(rate, expected, words, {cause[0]: rate} if cause else {})
        expect.equal(rate, expected, words)


def _plateau(losses, patience, early=0, reset=True, equal=False, last=False):
    """The rule, with one thing done wrong."""
    rate, best, waited = 0.8, math.inf, 0
    for loss in losses:
        waited = 0 if loss < best or (equal and loss == best) else waited + 1
        best = loss if last else min(loss, best)
        if waited > patience - early:
            rate, waited = rate * 0.5, 0 if reset else waited
    return rate


@exercise(
    "a4.early_stopping",
    file="schedules.py",
    minutes=15,
    points=2,
    hints=(
        "Keep the number of the best epoch while you go through the losses; there is no need of a count.",
        "epoch - best is how many epochs have passed since the best: compare it with patience.",
        "if loss < losses[best]: best = epoch; if epoch - best > patience: return best, epoch",
    ),
)
def early_stopping(mine, rng):
    """Histories that stop and others that do not."""
    histories = [
        ([3.0, 2.0, 2.2, 2.1, 1.0], 1),
        ([3.0, 2.0, 2.2, 2.1, 1.0], 2),
        ([1.0], 0),
        ([2.0, 2.0, 2.0, 1.0], 1),
        ([5.0, 4.0, 3.0, 3.5, 3.4], 1),
    ]
    histories += [([float(loss) for loss in rng.integers(0, 9, 12) / 2], patience) for patience in (0, 1, 2, 3)]
    for losses, patience in histories:
        found = expect.unchanged(lambda: mine(losses, patience), losses=losses)
        expect.true(
            isinstance(found, tuple) and len(found) == 2,
            f"it should return (best, last), it is {expect.described(found)}",
        )
        expect.true(
            all(isinstance(number, (int, np.integer)) for number in found),
            f"best and last are numbers of epochs, whole numbers; it returns {found}",
        )
        right = _stop(losses, patience)
        words = f"for the losses {losses} and patience {patience} it should return {right}, it returns {found}"
        cause = ""
        if tuple(found) == _stop(losses, patience - 1):
            cause = ": it stops one epoch too early"
        elif tuple(found) == _stop(losses, patience + 1):
            cause = ": it stops one epoch too late"
        elif found[1] == right[1] and losses[found[0]] < losses[right[0]]:
            cause = ": the best comes after the stop, and is not known when training stops"
        elif found[1] == right[1] and losses[found[0]] == losses[right[0]]:
            cause = ": of equal losses, the earlier epoch is the best"
        elif tuple(found) == right[::-1]:
            cause = ": best comes first, then last"
        expect.true(tuple(found) == right, words + cause)


def _stop(losses, patience):
    for last in range(len(losses)):
        best = min(range(last + 1), key=losses.__getitem__)
        if last - best > patience:
            break
    return best, last


@exercise(
    "a4.dropout_schedule",
    file="schedules.py",
    minutes=5,
    hints=(
        "It is one line, after the check of drop.",
        "Of the exponent: gamma times the share of training that is over, with a minus.",
        "drop * (1 - math.exp(-gamma * epoch / epochs))",
    ),
)
def dropout_schedule(mine, rng):
    """Random times, whole and fractional, and shares that cannot be."""
    for epoch, drop in ((0, 0.5), (1, 0.5), (2.5, 0.3), (8, 0.9), (3, 0.0)):
        power = math.exp(-5.0 * epoch / 8)
        causes = {
            "this is the share that is kept": 1 - drop * (1 - power),
            "it starts at drop and falls: it should rise from 0": drop * power,
            "epoch is to be divided by epochs": drop * (1 - math.exp(-5.0 * epoch)),
            "it rises in a straight line": drop * epoch / 8,
        }
        slips.equal(
            mine(epoch, 8, drop, 5.0),
            drop * (1 - power),
            f"the share at epoch {epoch} of 8 with drop {drop}",
            remedies=causes,
        )
    for drop in (1.0, -0.1):
        expect.raises(ValueError, lambda: mine(1, 8, drop, 5.0), f"drop is {drop}")


@exercise(
    "a4.scores_with_dropout",
    file="schedules.py",
    minutes=20,
    points=2,
    hints=(
        "Two cases after the ReLU: in training the hidden numbers are multiplied by a mask, in use nothing "
        "happens.",
        "The mask is rng.random(hidden.shape) >= drop; divide by 1 - drop in training only.",
        "if train: hidden = hidden * (rng.random(hidden.shape) >= drop) / (1 - drop)",
    ),
)
def scores_with_dropout(mine, rng):
    """Training and use, by one mask, and that use is the mean over many masks."""
    for N, drop in ((4, 0.6), (3, 0.25), (2, 0.0)):
        params = {"w1": rng.normal(size=(3, 6)), "b1": rng.normal(size=6)}
        params |= {"w2": rng.normal(size=(6, 2)), "b2": rng.normal(size=2)}
        x, seed = rng.normal(size=(N, 3)), int(rng.integers(1000))

        def run(train):
            generator = np.random.default_rng(seed)
            return mine(params, x, drop, train, generator), generator

        def scores(mask):
            hidden = np.where(x @ params["w1"] + params["b1"] > 0, x @ params["w1"] + params["b1"], 0) * mask
            return np.einsum("nh,hc->nc", hidden, params["w2"]) + params["b2"]

        used, generator = expect.unchanged(lambda: run(False), x=x, **params)
        causes = {
            "in use nothing is scaled: the division in training has made good for it": scores(1 - drop),
            "in use nothing is divided by 1 - drop": scores(1 / (1 - drop)),
            "in use nothing is dropped": scores(_mask(seed, (N, 6), drop)),
        }
        slips.equal(used, scores(1), f"scores in use with drop {drop}", remedies=causes)
        expect.true(
            generator.random() == np.random.default_rng(seed).random(), "in use no random number should be drawn"
        )
        mask = np.random.default_rng(seed).random((N, 6)) >= drop
        causes = {
            "what is kept is to be divided by 1 - drop": scores(mask),
            "the others are dropped: keep where the draw is at least drop": scores(~mask / (1 - drop)),
            "the others are dropped, and it is divided by drop": scores(~mask / max(drop, 1e-9)),
            "it is divided by drop, the share that is dropped: divide by 1 - drop": scores(mask / max(drop, 1e-9)),
            "it is multiplied by 1 - drop: divide": scores(mask * (1 - drop)),
            "nothing is dropped in training": scores(1),
            "one mask for all examples: each number of each example has its own": scores(
                _mask(seed, (1, 6), drop)
            ),
        }
        found, _ = run(True)
        slips.equal(found, scores(mask / (1 - drop)), f"scores in training with drop {drop}", remedies=causes)


def _mask(seed, shape, drop):
    return (np.random.default_rng(seed).random(shape) >= drop) / (1 - drop)
