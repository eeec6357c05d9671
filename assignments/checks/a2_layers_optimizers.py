"""How the exercises of a2-layers are checked: update rules, clipping, and a test that works at any scale."""

import numpy as np

from nnscratch.course import expect, slips
from nnscratch.course.exercises import exercise


def some_steps(mine, rng, slots, expected, wrong, numbered=False, **settings):
    """Take steps 3 and 4 of a descent, then step 1 of another, and expect what all the history gives.

    expected(w, past gradients) gives the new w and the new slots. wrong(w, dw, t, *slots) gives, for typical slips
    in words, what they make of the new w and the new slots. (In step 1 many slips lead to the same.)
    """
    names, zeros = ["w", *slots], [np.zeros((2, 3))] * len(slots)
    for steps in ((3, 4), (1,)):
        w, past = rng.normal(size=(2, 3)), [rng.normal(size=(2, 3)) + 0.5 for _ in range(steps[0] - 1)]
        state = list(expected(w, past)[1:]) if past else zeros
        for t in steps:
            dw = rng.normal(size=(2, 3)) + 0.5
            past.append(dw)
            given = [w, dw, *state, *((t,) if numbered else ())]
            arrays = dict(w=w, dw=dw, **dict(zip(slots, state)))
            result = expect.unchanged(lambda given=given: mine(*given, **settings), **arrays)
            wanted = f"it should return ({', '.join('new ' + name for name in names)})"
            fits = isinstance(result, tuple) and len(result) == len(names)
            expect.true(fits, f"{wanted}, not {expect.described(result)}")
            right, misses = expected(w, past), wrong(w, dw, t, *state)
            for k in reversed(range(len(names))):
                named = {words: values[k] for words, values in misses.items()}
                told = {"step": t, **settings}
                slips.equal(result[k], right[k], f"new {names[k]}", given=told, remedies=named)
            w, *state = right
    single = [np.ones(3, np.float32)] * (2 + len(slots))
    for name, found in zip(names, mine(*single, *((1,) if numbered else ()), **settings)):
        expect.true(found.dtype == np.float32, f"given float32, new {name} is {found.dtype}")


def faded(past, share, power=1):
    """The sum of past gradients, to a power, each faded by `share` for every step since."""
    return sum(share**age * dw**power for age, dw in enumerate(reversed(past)))


@exercise(
    "a2.catch_at_any_scale",
    file="catch.py",
    minutes=15,
    points=2,
    hints=(
        "Is an error of 1e-6 large? It depends on what it is an error of. np.allclose adds a fixed amount (atol).",
        "Divide the largest difference by the largest |dx| plus the largest |measured|; no element-wise "
        "division, or a 0 / 0 will be in the way. Written with <= and a product, zero gradients and NaN need no "
        "case of their own.",
        "size = np.abs(dx).max() + np.abs(measured).max(); return bool(np.abs(dx - measured).max() <= 1e-6 * "
        "size)",
    ),
)
def catch_at_any_scale(mine, rng):
    """Layers with large, ordinary, tiny and zero gradients, right and wrong, and a NaN."""
    rng = rng.spawn(1)[0]  # so that a dout drawn with default_rng(0) is not x
    x = rng.normal(size=(3, 4)) + 0.1

    def scaled(size):
        return (lambda x: (size * x**2, x)), (lambda dout, x: 2 * size * dout * x)

    for size, words in ((1e6, "around 1e6"), (1.0, "around 1"), (1e-10, "around 1e-10")):
        forward, right = scaled(size)
        wrongs = {
            f"gradients {words}, twice too large": lambda dout, x, size=size: 4 * size * dout * x,
            f"gradients {words}, 1% too small": lambda dout, x, size=size: 1.98 * size * dout * x,
            f"gradients {words}, of the wrong sign": lambda dout, x, size=size: -2 * size * dout * x,
            f"gradients {words}, where backward returns zeros": lambda dout, x: 0 * x,
            f"gradients {words}, with one NaN": lambda dout, x, right=right: np.where(
                x == x.max(), np.nan, right(dout, x)
            ),
        }
        named = {words: (forward, b, x) for words, b in wrongs.items()}
        expect.catches(mine, (forward, right, x), named, f"gradients {words}")
    relu, away = (lambda x: (np.maximum(x, 0), x)), -np.abs(x) - 0.1
    right = (relu, lambda dout, x: dout * (x > 0), away)
    wrongs = {"zero gradients, where backward returns dout": (relu, lambda d, x: 1 * d, away)}
    expect.catches(mine, right, wrongs, "a ReLU that is 0 everywhere, and so is its gradient")
    expect.catches(mine, (*right[:2], x), {}, "a ReLU whose gradient is 0 in some places")


@exercise(
    "a2.sgd_step",
    file="optimizers.py",
    minutes=5,
    hints=(
        "Downhill is against the gradient. What does the penalty add to the gradient?",
        "The whole gradient is dw + decay * w. `w -= ...` would change the w that was given.",
        "return w - rate * (dw + decay * w)",
    ),
)
def sgd_step(mine, rng):
    """Values with and without decay; nothing that is given changes; float32."""
    for decay in (0.0, 0.3):
        w, dw = rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
        found = expect.unchanged(lambda w=w, dw=dw, decay=decay: mine(w, dw, rate=0.1, decay=decay), w=w, dw=dw)
        misses = {
            "w goes up, along its gradient": w + 0.1 * (dw + decay * w),
            "the decay lacks the rate": w - 0.1 * dw - decay * w,
            "the decay has the wrong sign": w - 0.1 * (dw - decay * w),
            "the decay is left out": w - 0.1 * dw,
            "the penalty is half the sum of squares, so its gradient has no 2": w - 0.1 * (dw + 2 * decay * w),
        }
        given = dict(rate=0.1, decay=decay)
        slips.equal(found, (1 - 0.1 * decay) * w - 0.1 * dw, "new w", remedies=misses, given=given)
    found = mine(w.astype(np.float32), dw.astype(np.float32), rate=0.1, decay=0.3)
    expect.true(found.dtype == np.float32, f"given float32, new w is {found.dtype}")


@exercise(
    "a2.momentum_step",
    file="optimizers.py",
    minutes=10,
    hints=(
        "First the velocity, then w: which velocity does w follow, the old or the new?",
        "The velocity has the rate and the minus in it already, so w only adds it.",
        "velocity = momentum * velocity - rate * dw; return w + velocity, velocity",
    ),
)
def momentum_step(mine, rng):
    """Some steps against the sum of all past gradients."""

    def expected(w, past):
        velocity = -0.1 * faded(past, 0.8)
        return w + velocity, velocity

    def wrong(w, dw, t, velocity):
        new = 0.8 * velocity - 0.1 * dw
        return {
            "w follows the old velocity, not the new": (w + velocity, new),
            "the velocity has its minus already: w adds it": (w - new, new),
            "the velocity goes up, along the gradient": (w - 0.1 * dw, 0.8 * velocity + 0.1 * dw),
            "w takes the gradient once more, beside the velocity": (w + new - 0.1 * dw, new),
            "the gradient gets no share 1 - momentum here": (w, 0.8 * velocity - 0.2 * 0.1 * dw),
            "the rate is left out of the velocity": (w, 0.8 * velocity - dw),
            "the rate multiplies the old velocity as well": (w, 0.1 * (0.8 * velocity - dw)),
        }

    some_steps(mine, rng, ["velocity"], expected, wrong, rate=0.1, momentum=0.8)


@exercise(
    "a2.nesterov_step",
    file="optimizers.py",
    minutes=15,
    points=2,
    hints=(
        "Both velocities are needed at the end, the old and the new: give them two names.",
        "The new velocity is that of momentum_step. The old look ahead, momentum * velocity, is taken back; then "
        "come the new velocity and the new look ahead.",
        "ahead = momentum * velocity; velocity = ahead - rate * dw; return w - ahead + (1 + momentum) * "
        "velocity, velocity",
    ),
)
def nesterov_step(mine, rng):
    """Some steps against the sum of all past gradients."""

    def expected(w, past):
        old, velocity = -0.1 * faded(past[:-1], 0.8), -0.1 * faded(past, 0.8)
        return w - 0.8 * old + 1.8 * velocity, velocity

    def wrong(w, dw, t, velocity):
        new = 0.8 * velocity - 0.1 * dw
        return {
            "that is plain momentum; keep the old velocity until the end": (w + new, new),
            "the old look ahead is not taken back": (w + 1.8 * new, new),
            "the old look ahead is added": (w + 0.8 * velocity + 1.8 * new, new),
            "the new look ahead is left out": (w - 0.8 * velocity + new, new),
            "the old velocity is taken back whole, not times momentum": (w - velocity + 1.8 * new, new),
            "the gradient gets no share 1 - momentum here": (w, 0.8 * velocity - 0.2 * 0.1 * dw),
        }

    some_steps(mine, rng, ["velocity"], expected, wrong, rate=0.1, momentum=0.8)


@exercise(
    "a2.adagrad_step",
    file="optimizers.py",
    minutes=10,
    hints=(
        "The sum of squares gets this step's square first, and is used then.",
        "epsilon is added to the root: it is there for weights that have never had a gradient.",
        "squares = squares + dw**2; return w - rate * dw / (np.sqrt(squares) + epsilon), squares",
    ),
)
def adagrad_step(mine, rng):
    """Some steps against the sum of all past squares, with an epsilon that shows."""

    def expected(w, past):
        squares = faded(past, 1.0, power=2)
        return w - 0.1 * past[-1] / (squares**0.5 + 0.01), squares

    def wrong(w, dw, t, squares):
        new = squares + dw**2
        return {
            "the new squares are to be used, not the old": (w - 0.1 * dw / (squares**0.5 + 0.01), new),
            "the root is forgotten": (w - 0.1 * dw / (new + 0.01), new),
            "epsilon belongs outside the root": (w - 0.1 * dw / (new + 0.01) ** 0.5, new),
            "w goes up, along its gradient": (w + 0.1 * dw / (new**0.5 + 0.01), new),
            "each element has a sum of its own: no .sum()": (w, squares + (dw**2).sum()),
            "the gradients are summed, not their squares": (w, squares + dw),
            "the squares are to be added up, not replaced": (w, dw**2),
        }

    some_steps(mine, rng, ["squares"], expected, wrong, rate=0.1, epsilon=0.01)


@exercise(
    "a2.rmsprop_step",
    file="optimizers.py",
    minutes=10,
    hints=(
        "It is AdaGrad, but the sum of squares has become a running mean.",
        "The old mean gets the share decay, the new square the share 1 - decay.",
        "squares = decay * squares + (1 - decay) * dw**2; then as in adagrad_step",
    ),
)
def rmsprop_step(mine, rng):
    """Some steps against the faded sum of all past squares, with an epsilon that shows."""

    def expected(w, past):
        squares = 0.3 * faded(past, 0.7, power=2)
        return w - 0.1 * past[-1] / (squares**0.5 + 0.01), squares

    def wrong(w, dw, t, squares):
        new = 0.7 * squares + 0.3 * dw**2
        return {
            "the old squares get the share decay, the new one 1 - decay": (w, 0.3 * squares + 0.7 * dw**2),
            "the new square lacks its share 1 - decay": (w, 0.7 * squares + dw**2),
            "that is AdaGrad's sum": (w, squares + dw**2),
            "the new squares are to be used, not the old": (w - 0.1 * dw / (squares**0.5 + 0.01), new),
            "the root is forgotten": (w - 0.1 * dw / (new + 0.01), new),
            "epsilon belongs outside the root": (w - 0.1 * dw / (new + 0.01) ** 0.5, new),
            "w goes up, along its gradient": (w + 0.1 * dw / (new**0.5 + 0.01), new),
        }

    some_steps(mine, rng, ["squares"], expected, wrong, rate=0.1, decay=0.7, epsilon=0.01)


@exercise(
    "a2.adam_step",
    file="optimizers.py",
    minutes=20,
    points=2,
    hints=(
        "m is a running mean of dw, v of dw**2. They started at zero: how much too small are they after one step?",
        "After t steps they are too small by 1 - beta1**t and 1 - beta2**t. Divide copies: what you return are m "
        "and v without the correction.",
        "m_hat = m / (1 - beta1**t); v_hat = v / (1 - beta2**t); return w - rate * m_hat / (np.sqrt(v_hat) + "
        "epsilon), m, v",
    ),
)
def adam_step(mine, rng):
    """Some steps against the faded sums of all past gradients and squares, with an epsilon that shows."""
    settings = dict(rate=0.1, beta1=0.8, beta2=0.7, epsilon=0.01)
    some_steps(mine, rng, ["m", "v"], _adam, _adam_slips, numbered=True, **settings)


def _adam_slips(w, dw, t, m, v):
    new_m, new_v = 0.8 * m + 0.2 * dw, 0.7 * v + 0.3 * dw**2
    first, second = 1 - 0.8**t, 1 - 0.7**t

    def moved(m, v, by=-0.1):
        return w + by * m / (v**0.5 + 0.01)

    return {
        "return the means without their corrections": (w, new_m / first, new_v / second),
        "beta1 belongs to m, beta2 to v": (w, 0.7 * m + 0.3 * dw, 0.8 * v + 0.2 * dw**2),
        "v is a mean of dw**2, not of the new m**2": (w, new_m, 0.7 * v + 0.3 * new_m**2),
        "v is a mean of squares": (w, new_m, 0.7 * v + 0.3 * dw),
        "the old mean gets the share beta, the new 1 - beta": (w, 0.2 * m + 0.8 * dw, 0.3 * v + 0.7 * dw**2),
        "the new gradient lacks its share 1 - beta": (w, 0.8 * m + dw, 0.7 * v + dw**2),
        "the corrections for the start at zero are left out": (moved(new_m, new_v), new_m, new_v),
        "the corrections hold for step 1: t is to be their power": (moved(new_m / 0.2, new_v / 0.3), new_m, new_v),
        "t counts from 1, so it needs no + 1": (
            moved(new_m / (1 - 0.8 ** (t + 1)), new_v / (1 - 0.7 ** (t + 1))),
            m,
            v,
        ),
        "m is not corrected": (moved(new_m, new_v / second), new_m, new_v),
        "v is not corrected": (moved(new_m / first, new_v), new_m, new_v),
        "w goes up, along its gradient": (moved(new_m / first, new_v / second, 0.1), new_m, new_v),
        "epsilon belongs outside the root": (
            w - 0.1 * new_m / first / (new_v / second + 0.01) ** 0.5,
            new_m,
            new_v,
        ),
        "dw stands where m_hat belongs": (moved(dw, new_v / second), new_m, new_v),
    }


def _adam(w, past):
    m, v, t = 0.2 * faded(past, 0.8), 0.3 * faded(past, 0.7, power=2), len(past)
    return w - 0.1 * (m / (1 - 0.8**t)) / ((v / (1 - 0.7**t)) ** 0.5 + 0.01), m, v


@exercise(
    "a2.adamw_step",
    file="optimizers.py",
    minutes=10,
    hints=(
        "Your adam_step does nearly all of it. Where must the decay not go in?",
        "Call adam_step with dw alone, and shrink afterwards: by rate * decay * w, of the w from before the step.",
        "stepped, m, v = adam_step(w, dw, m, v, t, rate, beta1, beta2, epsilon); return stepped - rate * decay * "
        "w, m, v",
    ),
)
def adamw_step(mine, rng):
    """Some steps against Adam's, less the decay."""

    def expected(w, past):
        stepped, m, v = _adam(w, past)
        return stepped - 0.1 * 0.3 * w, m, v

    def wrong(w, dw, t, m, v):
        new_m, new_v = 0.8 * m + 0.2 * dw, 0.7 * v + 0.3 * dw**2
        stepped = w - 0.1 * (new_m / (1 - 0.8**t)) / ((new_v / (1 - 0.7**t)) ** 0.5 + 0.01)
        whole = dw + 0.3 * w
        return {
            "the decay has gone into the gradient": (w, 0.8 * m + 0.2 * whole, 0.7 * v + 0.3 * whole**2),
            "the decay lacks the rate": (stepped - 0.3 * w, new_m, new_v),
            "the decay is left out": (stepped, new_m, new_v),
            "the decay takes the w from before the step": (stepped * (1 - 0.1 * 0.3), new_m, new_v),
            "the decay has the wrong sign": (stepped + 0.1 * 0.3 * w, new_m, new_v),
        }

    settings = dict(rate=0.1, beta1=0.8, beta2=0.7, epsilon=0.01, decay=0.3)
    some_steps(mine, rng, ["m", "v"], expected, wrong, numbered=True, **settings)


@exercise(
    "a2.clip_gradients",
    file="optimizers.py",
    minutes=15,
    hints=(
        "Imagine all arrays laid end to end: how long is that one vector?",
        "Sum the squares over all arrays before you take the root. There is one factor for all: limit / norm, or "
        "1.",
        "norm = float(np.sqrt(sum((dw**2).sum() for dw in grads.values()))); factor = min(1.0, limit / norm) if "
        "norm > 0 else 1.0; return {name: dw * factor for name, dw in grads.items()}, norm",
    ),
)
def clip_gradients(mine, rng):
    """Above and below the limit, zero gradients, manners, errors, float32."""
    grads = {"w": rng.normal(size=(3, 4)), "b": rng.normal(size=4), "far": 5 + rng.normal(size=2)}
    length = np.linalg.norm(np.concatenate([dw.ravel() for dw in grads.values()]))
    for limit in (1.0, 100.0):
        factor = min(1, limit / length)
        clipped, norm = expect.pair(expect.unchanged(lambda: mine(grads, limit), **grads), "clip_gradients")
        norms = {name: np.linalg.norm(dw) for name, dw in grads.items()}
        misses = {
            "the norms of the arrays are added: the squares are to be": sum(norms.values()),
            "the root is forgotten": length**2,
            "the largest of the norms is taken, not that of all together": max(norms.values()),
            "it is the norm after the scaling, the one before is asked for": min(length, limit),
        }
        slips.equal(norm, float(length), "the norm", remedies=misses)
        fits = isinstance(clipped, dict) and sorted(clipped) == sorted(grads)
        expect.true(fits, f"it should return a dict with the keys {', '.join(grads)}, and the norm")
        for name, dw in grads.items():
            misses = {
                "each array has a factor of its own: there is one for all": dw * min(1, limit / norms[name]),
                "each number is clipped by itself: the direction is lost": np.clip(dw, -limit, limit),
                "what is shorter than the limit stays as it is": dw * limit / length,
                "the factor is upside down": dw * length / limit,
            }
            given = dict(limit=limit, norm=float(length))
            slips.equal(clipped[name], dw * factor, f"clipped[{name!r}]", remedies=misses, given=given)
    zero, norm = mine({"w": np.zeros(3)}, 1.0)
    expect.equal(zero["w"], np.zeros(3), "clipped['w'], from a gradient of zeros,")
    single = mine({"w": np.ones(3, np.float32)}, 0.5)[0]["w"]
    expect.true(single.dtype == np.float32, f"given float32, it returns {single.dtype}: float(norm) keeps it")
    for limit in (0.0, -1.0):
        expect.raises(ValueError, lambda limit=limit: mine(grads, limit), f"limit is {limit}")
