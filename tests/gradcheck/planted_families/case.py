"""One planted case: a forward/backward pair, how its inputs are drawn and, if it is wrong, the kind of mistake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

KINDS = (
    "constant-factor", "sign", "transposed", "missing-term", "missing-mask", "wrong-mask", "not-accumulated",
    "border", "stride", "wrong-cache-variable", "mutates", "wrong-shape", "wrong-dtype", "non-finite",
    "nondeterministic", "zero-gradient",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Planted:
    """A pair to check.

    `forward(*inputs, **options)` returns (out, cache); `backward(dout, cache)` returns one gradient, or a tuple
    of them, one for each floating-point input or for each of `wrt`. `inputs(rng)` draws the inputs. `kind` names
    the mistake (None: the pair is correct), `also` the other names that would be as good. `right` is the correct
    pair that a wrong one was made from: only the test of the suite's honesty may look at it.
    """

    name: str
    family: str
    forward: Callable
    backward: Callable
    inputs: Callable
    kind: str | None = None
    also: tuple[str, ...] = ()
    wrt: tuple[int, ...] | None = None
    options: dict = field(default_factory=dict)
    right: Planted | None = None


def planting(garden):
    """Return the decorator `bug(kind, right, ...)`: it adds a wrong backward of a correct pair to a list.

    The case is named after the function; further keywords (`forward`, `inputs`, `options` ...) change the pair.
    """

    def bug(kind, right, also=(), **changes):
        def plant(backward):
            name = backward.__name__.replace("_", " ")
            case = replace(right, name=name, backward=backward, kind=kind, also=also, right=right, **changes)
            garden.append(case)
            return backward

        return plant

    return bug


def normal(*shapes, scale=1.0, shift=0.0):
    """Draw one normal array for each shape."""
    return lambda rng: tuple(shift + scale * rng.normal(size=shape) for shape in shapes)


def away_from_zero(*shapes):
    """Draw arrays whose numbers lie between 0.5 and 2 in size, of either sign."""
    return lambda rng: tuple(rng.uniform(0.5, 2, shape) * rng.choice([-1.0, 1.0], shape) for shape in shapes)


def forgetting(memory, inputs):
    """Empty a module's memory before new inputs are drawn, so that every run of a case starts alike."""

    def draw(rng):
        memory.clear()
        return inputs(rng)

    return draw


def loss_pair(loss):
    """Make a pair of a function `loss(x, y, ...) -> (loss, dx)`."""
    return loss, lambda dout, dx: dout * dx


def told_apart(cases, *others):
    """Name the cases anew whose names the others have taken: their authors did not know of each other."""
    taken = {case.name for each in others for case in each}
    named = []
    for case in cases:
        name = case.name
        while name in taken:
            name += ", again"
        taken.add(name)
        named.append(replace(case, name=name))
    return named
