"""How the exercises of a2-layers are checked: update rules, clipping, and a test that works at any scale."""

import numpy as np

from nnscratch.course import expect
from nnscratch.course.exercises import exercise


def three_steps(mine, rng, slots, expected, numbered=False, **settings):
    """Take three steps; expected(w, past gradients) gives the new w and the new slots, from all the history."""
    w, kept, past = rng.normal(size=(2, 3)), {slot: np.zeros((2, 3)) for slot in slots}, []
    for t in (1, 2, 3):
        dw = rng.normal(size=(2, 3)) + 0.5
        past.append(dw)
        count = (t,) if numbered else ()
        call = lambda w=w, dw=dw, kept=kept, count=count: mine(w, dw, *kept.values(), *count, **settings)  # noqa: E731
        result = expect.unchanged(call, w=w, dw=dw, **kept)
        fits = isinstance(result, tuple) and len(result) == 1 + len(slots)
        names = ["w", *slots]
        expect.true(
            fits, f"it should return ({', '.join('new ' + n for n in names)}), not {expect.described(result)}"
        )
        right = expected(w, past)
        for name, found, value in zip(reversed(names), reversed(result), reversed(right)):
            expect.equal(found, value, f"new {name} after step {t}", given=settings)
        w, kept = right[0], dict(zip(slots, right[1:]))
    single = [np.ones(3, np.float32)] * (2 + len(slots))
    for name, found in zip(names, mine(*single, *count, **settings)):
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
        expect.catches(mine, (forward, right, x), {words: (forward, b, x) for words, b in wrongs.items()})
    relu, away = (lambda x: (np.maximum(x, 0), x)), -np.abs(x) - 0.1
    right = (relu, lambda dout, x: dout * (x > 0), away)
    expect.catches(mine, right, {"zero gradients, where backward returns dout": (relu, lambda d, x: 1 * d, away)})
    expect.catches(mine, (*right[:2], x), {})


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
        expect.equal(found, (1 - 0.1 * decay) * w - 0.1 * dw, "new w", given=dict(rate=0.1, decay=decay))
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
    """Three steps against the sum of all past gradients."""

    def expected(w, past):
        velocity = -0.1 * faded(past, 0.8)
        return w + velocity, velocity

    three_steps(mine, rng, ["velocity"], expected, rate=0.1, momentum=0.8)


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
    """Three steps against the sum of all past gradients."""

    def expected(w, past):
        old, velocity = -0.1 * faded(past[:-1], 0.8), -0.1 * faded(past, 0.8)
        return w - 0.8 * old + 1.8 * velocity, velocity

    three_steps(mine, rng, ["velocity"], expected, rate=0.1, momentum=0.8)


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
    """Three steps against the sum of all past squares, with an epsilon that shows."""

    def expected(w, past):
        squares = faded(past, 1.0, power=2)
        return w - 0.1 * past[-1] / (squares**0.5 + 0.01), squares

    three_steps(mine, rng, ["squares"], expected, rate=0.1, epsilon=0.01)


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
    """Three steps against the faded sum of all past squares, with an epsilon that shows."""

    def expected(w, past):
        squares = 0.3 * faded(past, 0.7, power=2)
        return w - 0.1 * past[-1] / (squares**0.5 + 0.01), squares

    three_steps(mine, rng, ["squares"], expected, rate=0.1, decay=0.7, epsilon=0.01)


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
    """Three steps against the faded sums of all past gradients and squares, with an epsilon that shows."""
    settings = dict(rate=0.1, beta1=0.8, beta2=0.7, epsilon=0.01)
    three_steps(mine, rng, ["m", "v"], _adam, numbered=True, **settings)


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
    """Three steps against Adam's, less the decay."""

    def expected(w, past):
        stepped, m, v = _adam(w, past)
        return stepped - 0.1 * 0.3 * w, m, v

    settings = dict(rate=0.1, beta1=0.8, beta2=0.7, epsilon=0.01, decay=0.3)
    three_steps(mine, rng, ["m", "v"], expected, numbered=True, **settings)


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
        expect.equal(norm, length, "the norm")
        fits = isinstance(clipped, dict) and sorted(clipped) == sorted(grads)
        expect.true(fits, f"it should return a dict with the keys {', '.join(grads)}, and the norm")
        for name, dw in grads.items():
            expect.equal(clipped[name], dw * factor, f"clipped[{name!r}]", given=dict(limit=limit, norm=length))
    zero, norm = mine({"w": np.zeros(3)}, 1.0)
    expect.equal(zero["w"], np.zeros(3), "clipped['w'], from a gradient of zeros,")
    single = mine({"w": np.ones(3, np.float32)}, 0.5)[0]["w"]
    expect.true(single.dtype == np.float32, f"given float32, it returns {single.dtype}: float(norm) keeps it")
    for limit in (0.0, -1.0):
        expect.raises(ValueError, lambda limit=limit: mine(grads, limit), f"limit is {limit}")
