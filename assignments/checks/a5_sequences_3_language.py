"""How the language model of a5-sequences is checked."""

from functools import partial

import numpy as np

from nnscratch.course import expect, slips
from nnscratch.course.exercises import exercise


@exercise(
    "a5.clip_by_norm",
    file="language.py",
    minutes=10,
    points=1,
    hints=(
        "One norm for all arrays together, not one for each.",
        "The squares of all entries of all arrays, added up, and the root of it. Scale only if it is above the "
        "limit.",
        "norm = sqrt(sum((g**2).sum() for g in grads.values())); factor = limit / norm if norm > limit else 1.0",
    ),
)
def clip_by_norm(mine, rng):
    """Above and below the limit; zero gradients; float32; manners; the error."""
    grads = {"w": rng.normal(size=(3, 4)), "b": rng.normal(size=4).astype(np.float32)}
    norm = float(np.linalg.norm(np.concatenate([g.ravel() for g in grads.values()])))
    for limit in (0.5 * norm, 2 * norm):
        call = expect.unchanged(lambda: mine(grads, limit), **grads)
        clipped, found = expect.pair(call, "clip_by_norm")
        mistakes = {
            "it were the norm after clipping": lambda: min(norm, limit),
            "the norms of the arrays were added up": lambda: sum(np.linalg.norm(g) for g in grads.values()),
            "the root were missing": lambda: norm**2,
        }
        slips.equal(found, norm, "norm", 1e-6, dict(limit=round(limit, 4)), mistakes)
        expect.true(isinstance(clipped, dict), f"clip_by_norm should return a dict, not {type(clipped).__name__}")
        expect.true(set(clipped) == set(grads), f"the keys should be those of grads, w and b, not {list(clipped)}")
        for name, g in grads.items():
            scaled = (g * min(1.0, limit / norm)).astype(g.dtype)
            own = np.linalg.norm(g)
            mistakes = {
                "a norm below the limit were scaled up to it": lambda: g * (limit / norm),
                "it were clipped value by value": lambda: np.clip(g, -limit, limit),
                "each array were scaled to the limit": lambda: g * (limit / own),
                "norm / limit were the factor, not limit / norm": lambda: g * (norm / limit),
                "it were not scaled": lambda: g,
                "each array had a norm of its own": lambda: g * min(1.0, limit / own),
            }
            given = dict(limit=round(limit, 4), norm=round(norm, 4))
            slips.equal(clipped[name], scaled, f"clipped['{name}']", 1e-6, given, mistakes)
    clipped, found = mine({"w": np.zeros(3)}, 1.0)
    expect.equal(clipped["w"], np.zeros(3), "clipped['w'] of a zero gradient")
    for limit in (0, -1.0):
        expect.raises(ValueError, lambda: mine(grads, limit), f"limit {limit}")


@exercise(
    "a5.sample",
    file="language.py",
    minutes=15,
    points=2,
    hints=(
        "Temperature 0 is a case of its own. Else: scores, divided, softmax, then a place drawn with these "
        "probabilities.",
        "Put the probabilities end to end on a line from 0 to 1: np.cumsum. On whose stretch does u lie?",
        "sums = np.cumsum(p); return int(np.searchsorted(sums, rng.random(), side='right')), at most V - 1",
    ),
)
def sample(mine, rng):
    """The very draws that the specification leads to; cold, hot and huge scores; the error."""
    for temperature in (0.3, 1.0, 2.5):
        scores, seed = 2 * rng.normal(size=5), int(rng.integers(1000))
        theirs, ours = np.random.default_rng(seed), np.random.default_rng(seed)
        for _ in range(40):
            u, given = ours.random(), dict(scores=scores, temperature=temperature)
            weights = [np.exp(s / temperature) for s in scores]
            right = next(k for k in range(5) if sum(weights[: k + 1]) > u * sum(weights))
            found = expect.unchanged(lambda: mine(scores, temperature, theirs), scores=scores)
            expect.equal(found, right, f"the character for u = {u:.4f}", given=given)
    scores = np.array([1.0, 3.0, 3.0, 2.0])
    expect.equal(mine(scores, 0, rng), 1, "the character", given=dict(scores=scores, temperature=0))
    state = rng.bit_generator.state
    mine(scores, 0, rng)
    expect.true(rng.bit_generator.state == state, "at temperature 0 nothing is to be drawn from rng")
    scores = np.array([5e3, 0.0, -5e3])
    expect.equal(mine(scores, 0.5, rng), 0, "the character", given=dict(scores=scores, temperature=0.5))
    expect.raises(ValueError, lambda: mine(scores, -1.0, rng), "a temperature below 0")


@exercise(
    "a5.char_model_loss",
    file="language.py",
    minutes=30,
    points=4,
    hints=(
        "Four layers forward, then the same four backward in the opposite order; each hands its cache to its "
        "own half.",
        "vectors, states, scores, loss; then dscores, dstates, dvectors. The last state is states[:, -1].",
        "dstates, grads['wo'], grads['bo'] = temporal_affine_backward(dscores, to_scores); dvectors, _, "
        "grads['wx'], grads['wh'], grads['b'] = rnn_backward(dstates, to_states); grads['embed'] = "
        "embedding_backward(dvectors, to_table)",
    ),
)
def char_model_loss(mine, rng):
    """Loss, last state and every gradient; then it learns a word by heart."""
    V, D, H = 5, 3, 4
    shapes = dict(embed=(V, D), wx=(D, H), wh=(H, H), b=(H,), wo=(H, V), bo=(V,))
    params = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    x, y, start = rng.integers(V, size=(2, 6)), rng.integers(V, size=(2, 6)), rng.normal(size=(2, H))
    result = expect.unchanged(lambda: mine(params, x, y, start), x=x, y=y, start=start, **params)
    words = f"it should return loss, grads and last, it returns {expect.described(result)}"
    expect.true(isinstance(result, tuple) and len(result) == 3, words)
    loss, grads, last = result
    right_loss, right_last = _char_model(params, x, y, start)
    expect.equal(loss, right_loss, "loss", given=dict(x=x, y=y))
    expect.equal(last, right_last, "last", given=dict(x=x, start=start))
    expect.true(isinstance(grads, dict), f"grads should be a dict, not {type(grads).__name__}")
    for name in reversed(params):
        expect.true(name in grads, f"grads has no {name}: every parameter needs its gradient")
        expect.equal(
            grads[name], _differences(params, name, x, y, start), f"the gradient of {name}", tolerance=1e-6
        )
    word = np.array([[0, 1, 2, 0, 3, 4, 4, 1, 0, 2]])
    params = {name: 0.5 * np.random.default_rng(2).normal(size=shape) for name, shape in shapes.items()}
    for _ in range(200):
        loss, grads, _ = mine(params, word[:, :-1], word[:, 1:], np.zeros((1, H)))
        params = {name: value - 0.5 * grads[name] for name, value in params.items()}
    expect.true(loss < 0.5, f"after 200 steps on one word the loss is {loss:.2f}, it should be below 0.5")


def _char_model(params, x, y, start):
    """Loss and last state, character by character."""
    state, total = start, 0.0
    for t in range(x.shape[1]):
        state = np.tanh(params["embed"][x[:, t]] @ params["wx"] + state @ params["wh"] + params["b"])
        p = np.exp(state @ params["wo"] + params["bo"])
        total -= np.log(p[np.arange(len(x)), y[:, t]] / p.sum(axis=1)).sum()
    return float(total / x.size), state


def _differences(params, name, x, y, start, step=1e-5):
    grad = np.zeros_like(params[name])
    for place in np.ndindex(*grad.shape):
        losses = []
        for sign in (1, -1):
            moved = params[name].copy()
            moved[place] += sign * step
            losses.append(_char_model({**params, name: moved}, x, y, start)[0])
        grad[place] = (losses[0] - losses[1]) / (2 * step)
    return grad
