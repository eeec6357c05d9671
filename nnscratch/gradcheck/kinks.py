"""Judge gradients at kinks one output at a time, because sums over outputs hide what is right."""

import numpy as np

from nnscratch.gradcheck.ladder import KINK, RIGHT, UNRESOLVED, WRONG, Rung
from nnscratch.gradcheck.manners import Visit
from nnscratch.gradcheck.ruler import Ruler
from nnscratch.gradcheck.table import analytic_rows, judge_pairs

MOST_ROWS = 256
NEIGHBOURS, ROUNDS = 24, 5  # a piece that a few neighbours miss must not make a right gradient wrong
MOST_PIECES = 8
ENOUGH = 4  # wrong outputs
STEP = 2.0**-20


def judge_by_output(
    visit: Visit, ruler: Ruler, elements: np.ndarray, measured: list, tolerance: float, floor: float
) -> tuple[np.ndarray, np.ndarray]:
    """Judge doubtful elements output by output; return a word for each, and which are wrong at a kink only.

    measured: for every step (h, outputs with the element moved up, moved down), rows for `elements`.

    >>> from nnscratch.gradcheck.subject import Subject
    >>> subject = Subject("relu", lambda given: (np.maximum(given["x"], 0), given["x"] > 0),
    ...                   lambda dout, mask: {"x": dout * mask}, {"x": np.zeros(1)}, ["x"])
    >>> ruler = Ruler(subject)
    >>> measured = [(np.array([h]), *(side[None] for side in ruler.move(0, h))) for h in (1e-3, 1e-5)]
    >>> visit = Visit(subject, np.random.default_rng(0))
    >>> int(judge_by_output(visit, ruler, np.array([0]), measured, 1e-6, 1.0)[0][0]) == KINK
    True
    """
    outputs = _outputs_to_judge(visit, ruler, measured)
    rows = analytic_rows(visit, ruler, outputs)
    rungs = [Rung(*(part[:, outputs] for part in ruler.rung(plus, minus, h))) for h, plus, minus in measured]
    words, _, outside = judge_pairs(rows[:, elements].T, rungs, tolerance, floor)
    kinked = np.equal(words, KINK)
    columns = np.flatnonzero(kinked.any(axis=0))
    if len(columns):
        doubtful = np.array(outside.any(axis=0))
        doubtful[columns] |= _tied_wrongly(
            visit, ruler, elements[kinked.any(axis=1)], rows[columns], outputs[columns]
        )
        for o in np.flatnonzero(doubtful):
            if np.equal(words, WRONG).any(axis=0).sum() >= ENOUGH:
                break
            if _is_no_mixture(visit, ruler, elements[kinked[:, o]], rows[o], outputs[o]):
                words[kinked[:, o], o] = WRONG
    worst = np.full(len(elements), RIGHT)
    for word in (UNRESOLVED, KINK, WRONG):
        worst[np.equal(words, word).any(axis=1)] = word
    elsewhere = (np.equal(words, WRONG) & ~kinked).any(axis=1)
    return worst, np.equal(worst, WRONG) & ~elsewhere


def _outputs_to_judge(visit, ruler, measured):
    """All outputs, or of many those that moved."""
    if ruler.out.size <= MOST_ROWS:
        return np.arange(ruler.out.size)
    moved = np.zeros(ruler.out.size, dtype=bool)
    for _, plus, minus in measured:
        moved |= (plus != minus).any(axis=0)
    found = np.flatnonzero(moved)
    return found if len(found) <= MOST_ROWS else np.sort(visit.rng.choice(found, MOST_ROWS, replace=False))


def _tied_wrongly(visit, ruler, elements, rows, outputs):
    """Which rows do not fit along joint directions through the elements at a kink, as for a tie counted twice."""
    wrong = np.zeros(len(outputs), dtype=bool)
    for k in range(6):
        direction = np.zeros(ruler.size)
        signs = visit.rng.choice([-1.0, 1.0], len(elements)) if k else np.ones(len(elements))
        direction[elements] = signs * ruler.unit[elements]
        if k > 2:
            direction[elements] *= visit.rng.uniform(0.2, 1, len(elements))
        plus, minus = ruler.move_along(direction, STEP)
        rung = ruler.rung(plus, minus, np.float64(STEP))
        left, right, noise = rung.left[outputs], rung.right[outputs], rung.noise[outputs]
        along = rows @ direction
        slack = 1e-4 * (np.abs(rows) @ np.abs(direction) + np.maximum(np.abs(left), np.abs(right))) + 4 * noise
        inside = (along >= np.minimum(left, right) - slack) & (along <= np.maximum(left, right) + slack)
        wrong |= np.isfinite(left) & np.isfinite(right) & ~inside
    return wrong


def _is_no_mixture(visit, ruler, elements, row, output):
    """Whether only few smooth pieces meet at these elements, and the row is no mixture of their gradients."""
    dout = np.zeros(visit.out.shape)
    dout.reshape(-1)[output] = 1.0
    pieces: list[np.ndarray] = []
    for drawn in range(1, NEIGHBOURS * ROUNDS + 1):
        step = STEP * ruler.unit * visit.rng.standard_normal(ruler.size)
        inputs = {name: a + step[ruler.span(name)].reshape(a.shape) for name, a in ruler.arrays.items()}
        near = np.zeros(ruler.size)
        for name, gradient in visit.at(inputs).analytic(dout).items():
            near[ruler.span(name)] = gradient.reshape(-1)
        piece = near[elements]
        if not np.isfinite(piece).all():
            return False
        size = np.max(np.abs(piece))
        if all(np.max(np.abs(piece - other)) > 1e-3 * max(size, np.max(np.abs(other))) for other in pieces):
            pieces.append(piece)
        if len(pieces) > MOST_PIECES:
            return False
        if drawn % NEIGHBOURS == 0 and _distance_to_hull(row[elements], np.array(pieces)) <= 2e-3:
            return False
    return True


def _distance_to_hull(point, corners):
    """How far a point is from the nearest mixture of the corners, relative to their size (Frank-Wolfe steps)."""
    size = max(float(np.max(np.abs(corners))), float(np.max(np.abs(point))), 1e-300)
    corners, point = corners / size, point / size
    mixture = corners[np.argmin(((corners - point) ** 2).sum(axis=1))].copy()
    for _ in range(3000):
        towards = corners[np.argmin(corners @ (mixture - point))] - mixture
        length = float(towards @ towards)
        gain = float((point - mixture) @ towards)
        share = min(max(gain / length, 0.0), 1.0) if gain > 1e-9 else 0.0
        if share == 0 or np.max(np.abs(mixture - point)) < 1e-4:
            break
        mixture += share * towards
    return float(np.max(np.abs(mixture - point)))
