"""The error has a place: the border of an image, one row too far, or the steps of a stride."""

import numpy as np

from nnscratch.gradcheck.evidence import Evidence, evidence_of  # noqa: F401
from nnscratch.gradcheck.findings import Finding


def shifted(seen: Evidence) -> Finding | None:
    """The gradient fits after a shift by one or two places along its last axes.

    >>> x = np.arange(8.0).reshape(1, 8)
    >>> seen = evidence_of(lambda x: (x**2, x), lambda dout, x: np.roll(2 * dout * x, 1, axis=1), x)
    >>> shifted(seen).evidence
    'dx0 is right but stands 1 too far along axis 1'
    """
    if not seen.whole or seen.x.ndim < 2:
        return None
    axes = tuple(range(1 if seen.x.ndim < 4 else 2, seen.x.ndim))
    for steps in (1, -1, 2, -2):
        for along in (axes, *((axis,) for axis in axes)):
            if min(seen.x.shape[axis] for axis in along) < 2 * abs(steps) + 2:
                continue
            inner = tuple(
                slice(abs(steps), -abs(steps)) if axis in along else slice(None) for axis in range(seen.x.ndim)
            )
            moved = np.roll(seen.numeric, steps, along)[inner]
            left = np.abs(moved - seen.analytic[inner])
            still = np.abs(seen.numeric - seen.analytic)[inner]
            if np.max(still) > 1e-3 * seen.size and np.max(left) <= 0.01 * np.max(still):
                evidence = (
                    f"d{seen.name} is right but stands {abs(steps)} too far "
                    f"along axis {', '.join(map(str, along))}"
                )
                return Finding(
                    "border", seen.name, evidence, "cut off exactly the padding that forward added: [pad:-pad]"
                )
    return None


def shifted_outputs(seen: Evidence) -> Finding | None:
    """What is wrong would be right for the neighbouring output: dout is cut or read one or two places off.

    >>> x = np.arange(1.0, 13.0).reshape(2, 6)
    >>> def backward(dout, x):
    ...     return np.cumsum(np.roll(dout, -1, axis=1)[:, ::-1], axis=1)[:, ::-1]
    >>> shifted_outputs(evidence_of(lambda x: (np.cumsum(x, axis=1), x), backward, x)).kind
    'border'
    """
    if seen.table is None or seen.out.ndim < 2:
        return None
    analytic, numeric = (t.reshape(*seen.out.shape, -1) for t in seen.table)
    size = np.max(np.abs(numeric))
    for axis in range(1, seen.out.ndim):
        for steps in (1, -1):
            inner = (slice(None),) * axis + (slice(1, -1),)
            moved = np.roll(numeric, steps, axis)[inner]
            if not moved.size or np.max(np.abs(moved - numeric[inner])) <= 1e-3 * size:
                continue
            if np.max(np.abs(moved - analytic[inner])) <= 1e-5 * size:
                evidence = f"d{seen.name} would be right for a dout that stands one place off along axis {axis}"
                advice = "look at the ends of your slices of dout, and where each step of a loop reads it"
                return Finding("border", seen.name, evidence, advice)
    return None


def at_the_border(seen: Evidence) -> Finding | None:
    """Only the first or last rows along an axis are wrong.

    >>> def backward(dout, cache):
    ...     return np.concatenate([0 * dout[:, :1], 2 * dout[:, 1:]], axis=1)
    >>> at_the_border(evidence_of(lambda x: (2 * x, None), backward, np.ones((2, 5)))).kind
    'border'
    """
    if seen.x.ndim < 2 or not seen.bad.any() or seen.bad[seen.known].all():
        return None
    if np.all(np.abs(seen.numeric[seen.bad]) <= 1e-9 * seen.size):
        return None
    if seen.pairs is not None and seen.pairs.lost.any() and seen.pairs.leaked.any() and not seen.regular:
        return None
    if seen.whole and seen.bad.sum() == 1 and seen.x.size > 4 and seen.bad.reshape(-1)[[0, -1]].any():
        evidence = f"d{seen.name} is wrong only in its {'first' if seen.bad.flat[0] else 'last'} element"
        return Finding("border", seen.name, evidence, "look at the ends of your loops and slices")
    first = 1 if seen.x.ndim < 4 else 2
    axes = [axis for axis in range(first, seen.x.ndim) if seen.x.shape[axis] > 2]
    if seen.x.ndim == 4 and seen.x.shape[1] > 3:
        axes.append(1)
    for chosen in [*((axis,) for axis in axes), tuple(a for a in axes if a >= 2) if len(axes) > 1 else ()]:
        if not chosen:
            continue
        border = np.zeros(seen.x.shape, dtype=bool)
        for axis in chosen:
            np.moveaxis(border, axis, 0)[[0, -1]] = True
        if border.all() or (seen.bad & ~border).any() or (not seen.whole and seen.bad.sum() < 4):
            continue
        ends = [np.moveaxis(seen.bad, chosen[0], 0)[end] for end in (0, -1)]
        if seen.x.ndim < 3 and (not seen.whole or max(end.mean() for end in ends) < 0.9):
            continue
        evidence = (
            f"d{seen.name} is wrong only in the first or last places along axis {', '.join(map(str, chosen))}"
        )
        advice = "look at the ends of your loops and slices, and at the padding"
        return Finding("border", seen.name, evidence, advice)
    return None


def border_outputs(seen: Evidence) -> Finding | None:
    """What flows back from the first or last places of the output is wrong or left out.

    >>> def backward(dout, x):
    ...     return (dout[:, :, :-1] * x[:, :, :-1]).sum()
    >>> x = np.arange(24.0).reshape(2, 3, 4)
    >>> border_outputs(evidence_of(lambda w: (w * x, x), backward, np.array(2.0))).kind
    'border'
    """
    if seen.pairs is None or seen.out.ndim < 3 or seen.pairs.leaked.any():
        return None
    faulty = (seen.pairs.lost | seen.pairs.wrong).any(axis=1).reshape(seen.out.shape)
    silent = ~(seen.pairs.right | seen.pairs.wrong).any(axis=1).reshape(seen.out.shape)
    if not faulty.any():
        return None
    first = 1 if seen.out.ndim < 4 else 2
    axes = [axis for axis in range(first, seen.out.ndim) if seen.out.shape[axis] > 2]
    for chosen in [*((axis,) for axis in axes), tuple(axes)]:
        border = np.zeros(seen.out.shape, dtype=bool)
        for axis in chosen:
            np.moveaxis(border, axis, 0)[[0, -1]] = True
        at_the_ends = chosen and not border.all() and not (faulty & ~border).any()
        summed = len(chosen) == 1 and seen.x.shape[chosen[0] :][:1] != seen.out.shape[chosen[0] :][:1]
        in_time = seen.out.ndim != 3 or chosen == (1,)
        if at_the_ends or (summed and in_time and seen.regular and _run_at_an_end(faulty, silent, *chosen)):
            where = ", ".join(map(str, chosen))
            evidence = (
                f"what d{seen.name} gets from the first or last places of the "
                f"output along axis {where} is wrong or left out"
            )
            advice = (
                "let loops run over all places (range(n), not range(n - 1)), and treat the padding as forward does"
            )
            return Finding("border", seen.name, evidence, advice)
    return None


def _run_at_an_end(faulty, silent, axis):
    """Whether what is wrong are some first or last places along an axis, left out whole, but not all save one."""
    others = tuple(a for a in range(faulty.ndim) if a != axis)
    lost = faulty.any(axis=others)
    count = int(lost.sum())
    run = lost[:count].all() or lost[len(lost) - count :].all()
    return bool(run and count < len(lost) - 1 and not (faulty & ~silent).any())


def moved_along_one_axis(seen: Evidence) -> Finding | None:
    """The derivatives are all there, but stand at other places along one axis of an image or a sequence.

    >>> x = np.arange(18.0).reshape(2, 9)
    >>> forward = lambda x: (np.sin(x[:, 1::3]), np.cos(x[:, 1::3]))
    >>> def backward(dout, cosines):
    ...     dx = np.zeros((2, 9))
    ...     dx[:, [1, 3, 5]] = dout * cosines
    ...     return dx
    >>> moved_along_one_axis(evidence_of(forward, backward, x)).kind
    'stride'
    """
    if seen.table is None or not seen.pairs.lost.any() or not seen.pairs.leaked.any() or not seen.regular:
        return None
    for along, moved, flipped in _redistributions(seen):
        if flipped:
            return None
        middle = tuple(n // 2 if axis in along else slice(None) for axis, n in enumerate(seen.x.shape))
        words = ", ".join(map(str, along))
        evidence = f"all that d{seen.name} should hold is there, but some of it at other places along axis {words}"
        if moved == "x" and not np.any(seen.bad[middle]):
            advice = "fold what lies in the padding back on the places that it was copied from"
            return Finding("border", seen.name, evidence, advice)
        evidence += "" if moved == "x" else " of the output"
        advice = "find for output i the same places as forward does: look at stride, dilation, shifts and rounding"
        return Finding("stride", seen.name, evidence, advice)
    return None


def _redistributions(seen):
    """Axes of the input, or of the output, along which the sums of both tables agree; whether one is flipped."""
    shape = *seen.out.shape, *seen.x.shape
    analytic, numeric = seen.pairs.analytic.reshape(shape), seen.pairs.numeric.reshape(shape)
    close = 1e-5 * np.max(np.abs(numeric))
    for moved, first, lengths in (("x", seen.out.ndim, seen.x.shape), ("out", 0, seen.out.shape)):
        images = [(2, 3)] if len(lengths) == 4 else []
        for along in [*((axis,) for axis in range(1, len(lengths)) if lengths[axis] > 2), *images]:
            axes = tuple(first + axis for axis in along)
            if np.max(np.abs(analytic.sum(axis=axes) - numeric.sum(axis=axes))) <= close:
                error = analytic - numeric  # turned round it is its own opposite where a part is flipped
                yield along, moved, np.max(np.abs(np.flip(error, axes) + error)) <= close


def other_stride(seen: Evidence) -> Finding | None:
    """From one output to the next, backward moves on by another number of places than forward.

    >>> def backward(dout, x):
    ...     dx = np.zeros_like(x)
    ...     dx[:, : dout.shape[1]] = dout
    ...     return dx
    >>> other_stride(evidence_of(lambda x: (x[:, ::2], x), backward, np.ones((1, 8)))).evidence
    'along axis 1 forward moves on by 2 from one output to the next, backward by 1'
    """
    if seen.pairs is None or seen.table is None or seen.out.ndim < 2:
        return None
    if not (seen.pairs.leaked.any() or seen.pairs.wrong.any()):
        return None
    ndim = seen.out.ndim
    for axis in range(1, ndim):
        if seen.x.ndim == ndim and seen.out.shape[axis] > 2:
            steps = [_step(np.abs(t).reshape(*seen.out.shape, *seen.x.shape), axis, ndim) for t in seen.table]
            if None not in steps and steps[1] > 0.3 and abs(steps[0] - steps[1]) > 0.3 * max(steps):
                evidence = (
                    f"along axis {axis} forward moves on by {steps[1]:.3g} from one output to the next, "
                    f"backward by {steps[0]:.3g}"
                )
                return Finding("stride", seen.name, evidence, "start window i at i * stride in backward too")
    return _every_second(seen) or _other_patches(seen)


def _step(table, axis, ndim):
    """How far the place in x moves at most from one output to the next along an axis, or None."""
    where = axis + ndim
    weights = table.sum(axis=tuple(k for k in range(2 * ndim) if k not in (axis, where)))
    linked = weights > 1e-9 * weights.max(initial=0.0)
    outputs = np.flatnonzero(linked.any(axis=1))
    if len(outputs) < 3 or linked[outputs].mean() > 0.6:
        return None
    centre = np.array([np.flatnonzero(linked[o]).mean() for o in outputs])
    lag = 2 if len(outputs) > 3 else 1
    return float(np.max((centre[lag:] - centre[:-lag]) / (outputs[lag:] - outputs[:-lag])))


def _every_second(seen):
    """What backward takes at place 2 i is what belongs to place i, along the output or along the input."""
    for kind, shape, which in (("output", seen.out.shape, 0), (seen.name, seen.x.shape, 1)):
        axes = [axis for axis in range(1, len(shape)) if shape[axis] > 2]
        images = [tuple(a for a in axes if a >= 2)] if len(shape) > 3 else []
        for along in images + [(axis,) for axis in axes]:
            if not along:
                continue
            tables = [t if which == 0 else t.T for t in seen.table]
            analytic, numeric = (t.reshape(*shape, -1) for t in tables)
            for step in (2, 3):
                sparse, dense = [slice(None)] * len(shape), [slice(None)] * len(shape)
                for axis in along:
                    count = -(-shape[axis] // step)
                    sparse[axis], dense[axis] = slice(None, None, step), slice(0, count)
                for a, b in (
                    (analytic[tuple(sparse)], numeric[tuple(dense)]),
                    (analytic[tuple(dense)], numeric[tuple(sparse)]),
                ):
                    size = np.max(np.abs(b))
                    if a.shape[along[0]] < 2 or any(_alike(t, sparse, dense, size) for t in (analytic, numeric)):
                        continue
                    if np.max(np.abs(a - b)) <= 1e-5 * size:
                        evidence = (
                            f"backward takes at place i of the {kind} what belongs "
                            f"to place {step} i, or the reverse"
                        )
                        return Finding(
                            "stride", seen.name, evidence, "use stride and dilation in backward as in forward"
                        )
    return None


def _other_patches(seen):
    """For a kernel: the patch that the next output sees is the first one, moved on by the stride."""
    if seen.x.ndim != 4 or seen.out.ndim != 4:
        return None
    analytic, numeric = (t.reshape(*seen.out.shape, *seen.x.shape) for t in seen.table)
    for axis in (2, 3):
        if seen.out.shape[axis] < 2 or seen.x.shape[axis] < 3:
            continue
        steps = [_moved(np.take(t, 0, axis), np.take(t, 1, axis), axis + 3) for t in (numeric, analytic)]
        if None not in steps and steps[0] != steps[1]:
            evidence = f"along axis {axis} forward moves its window on by {steps[0]}, backward by {steps[1]}"
            return Finding("stride", seen.name, evidence, "start window i at i * stride in backward too")
    return None


def _moved(first, second, axis):
    """By how many places the second patch stands further than the first, or None."""
    first, second = np.moveaxis(first, axis, 0), np.moveaxis(second, axis, 0)
    for step in range(1, len(first)):
        if np.max(np.abs(second[:-step] - first[step:])) <= 1e-5 * np.max(np.abs(first)):
            return step
    return None


def _alike(table, sparse, dense, size):
    """Whether a table does not change along the axes in question, so that it fits any stride."""
    return np.max(np.abs(table[tuple(sparse)] - table[tuple(dense)])) <= 0.1 * size
