"""What a check expects of recurrent cells, by step and by sequence, against the formula of one step."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from nnscratch.course import expect, slips


def step_values(
    mine: Callable,
    rng: np.random.Generator,
    step: Callable,
    mistakes: Mapping[str, Callable],
    gates: int = 1,
    parts: int = 1,
) -> None:
    """Expect `mine(x, state, wx, wh, b)` to return (the new state, cache) as `step` has it, in both precisions.

    step, and each of `mistakes` by its words: the same arguments, returns a new state. The weights have `gates`
    times H columns, the state `parts` times H.

    >>> def half(x, state, wx, wh, b): return state / 2
    >>> step_values(lambda *given: (given[1], None), np.random.default_rng(0), half, {"the half were lost":
    ...     lambda x, state, wx, wh, b: state})
    Traceback (most recent call last):
    nnscratch.course.expect.Unmet: the new state[0, 0] is ...: it looks as if the half were lost (for x of ...
    """
    for dtype in (np.float64, np.float32):
        for N, D, H in ((3, 4, 2), (2, 2, 3)):
            given = _given(rng, "x state wx wh b", (N, D), (N, parts * H), D, H, gates, dtype)
            out, _ = expect.pair(expect.unchanged(lambda: mine(*given.values()), **given), _name(mine))  # noqa: B023
            made = {words: partial(make, *given.values()) for words, make in mistakes.items()}
            shown = {"x": given["x"], "state": given["state"]}
            slips.equal(out, step(*given.values()).astype(dtype), "the new state", given=shown, slips=made)


def step_gradients(mine: Callable, rng: np.random.Generator, forward: str, gates: int = 1, parts: int = 1) -> None:
    """Expect the doctor to find nothing in `mine`, the backward half of the step named `forward`; float32 stays.

    >>> step_gradients.__name__
    'step_gradients'
    """
    _gradients(mine, forward, _given(rng, "x state wx wh b", (3, 2), (3, parts * 4), 2, 4, gates))


def sequence_values(
    mine: Callable, rng: np.random.Generator, step: Callable, gates: int = 1, parts: int = 1
) -> None:
    """Expect `mine(x, start, wx, wh, b)` to return (out, cache), out holding the h of every step, made by `step`.

    >>> def keep(x, state, wx, wh, b): return state
    >>> sequence_values(lambda x, start, *weights: (np.stack([start] * x.shape[1], axis=1), None),
    ...     np.random.default_rng(0), keep)
    """
    for T, dtype in ((5, np.float64), (1, np.float64), (3, np.float32)):
        given = _given(rng, "x start wx wh b", (2, T, 3), (2, parts * 2), 3, 2, gates, dtype)
        out, _ = expect.pair(expect.unchanged(lambda: mine(*given.values()), **given), _name(mine))  # noqa: B023
        x, start, *weights = given.values()
        states = _unrolled(step, x, start, *weights).astype(dtype)
        right, apart = states[..., :2], [step(x[:, t], start, *weights)[:, :2] for t in range(T)]
        zero = _unrolled(step, x, 0 * start, *weights)[..., :2]
        mistakes: dict[str, Callable[[], Any]] = {
            "the c were handed out, not the h": partial(np.asarray, states[..., 2:]),
            "every step began with the start": partial(np.stack, apart, axis=1),
            "the start were zero": partial(np.asarray, zero),
            "the steps were in the opposite order": partial(np.asarray, right[:, ::-1]),
        }
        slips.equal(out, right, "out", given={"x": x, "start": start}, slips=mistakes)


def sequence_gradients(
    mine: Callable, rng: np.random.Generator, forward: str, gates: int = 1, parts: int = 1
) -> None:
    """Expect the doctor to find nothing in `mine`, the backward half of the sequence named `forward`.

    >>> sequence_gradients.__name__
    'sequence_gradients'
    """
    _gradients(mine, forward, _given(rng, "x start wx wh b", (2, 4, 3), (2, parts * 2), 3, 2, gates))


def _gradients(mine, forward, given):
    forward = expect.function(mine, forward)
    expect.gradients(forward, mine, tuple(given.values()))
    slips.float32_kept(forward, mine, **given)


def _given(rng, names, x, state, D, H, gates, dtype=np.float64):
    shapes = x, state, (D, gates * H), (H, gates * H), (gates * H,)
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in zip(names.split(), shapes)}


def _unrolled(step, x, state, *weights):
    states = []
    for t in range(x.shape[1]):
        state = step(x[:, t], state, *weights)
        states.append(state)
    return np.stack(states, axis=1)


def _name(function):
    return getattr(function, "__name__", "the function")
