"""How the exercises of a5-sequences are checked."""

from functools import partial

import numpy as np

from nnscratch.course import expect, slips
from nnscratch.course.exercises import exercise


@exercise(
    "a5.embedding_forward",
    file="words.py",
    minutes=5,
    points=1,
    hints=(
        "NumPy looks rows up by itself when an array of whole numbers stands in the brackets.",
        "w[x] has x's shape and one more axis. But w[-1] is the last row, so look at x first.",
        "if x.min() < 0 or x.max() >= len(w): raise IndexError(...); return w[x], (x, len(w))",
    ),
)
def embedding_forward(mine, rng):
    """Values, words that occur twice, float32; words that are not in the table."""
    w, x = rng.normal(size=(6, 3)), rng.integers(6, size=(2, 4))
    for table in (w, np.float32(w)):
        out, cache = expect.pair(expect.unchanged(lambda: mine(x, table), x=x, w=table), "embedding_forward")
        expect.equal(out, np.take(table, x, axis=0), "out", given=dict(x=x, w=table))
    for word in (-1, 6):
        words = f"the word {word} is not in a table of 6"
        expect.raises(IndexError, lambda: mine(np.array([[0, word]]), w), words)


@exercise(
    "a5.embedding_backward",
    file="words.py",
    minutes=10,
    points=1,
    hints=(
        "Which entries of dout belong to row 3 of the table? All those where the word was 3.",
        "Begin with zeros of shape (V, D). A word may occur twice, and then both its gradients count.",
        "np.add.at(dw, x, dout)",
    ),
)
def embedding_backward(mine, rng):
    """The doctor, with words that occur twice; a table much larger than the text; float32."""
    forward = expect.function(mine, "embedding_forward")
    x = np.array([[0, 2, 2], [4, 0, 2]])
    expect.gradients(lambda w: forward(x, w), mine, (rng.normal(size=(5, 3)),))
    dout = rng.normal(size=(2, 3, 2)).astype(np.float32)
    one_hot = (x[..., None] == np.arange(9)).astype(np.float32)
    dw = expect.unchanged(lambda: mine(dout, (x, 9)), dout=dout, x=x)
    expect.equal(dw, np.einsum("ntv,ntd->vd", one_hot, dout), "dw", given=dict(dout=dout, x=x, V=9))


@exercise(
    "a5.temporal_affine_forward",
    file="words.py",
    minutes=5,
    points=1,
    hints=(
        "The same matrix at every step: is a loop over steps needed?",
        "@ takes the last axis of x as the one to multiply over, whatever comes before it.",
        "return x @ w + b, (x, w)",
    ),
)
def temporal_affine_forward(mine, rng):
    """Values, float32, manners."""
    x, w, b = rng.normal(size=(2, 3, 4)), rng.normal(size=(4, 5)), rng.normal(size=5)
    for dtype in (np.float64, np.float32):
        given = dict(x=x.astype(dtype), w=w.astype(dtype), b=b.astype(dtype))
        out, _ = expect.pair(expect.unchanged(lambda: mine(**given), **given), "temporal_affine_forward")
        expected = np.einsum("ntd,dm->ntm", given["x"], given["w"]) + given["b"]
        expect.equal(out, expected, "out", given=given)


@exercise(
    "a5.temporal_affine_backward",
    file="words.py",
    minutes=10,
    points=1,
    hints=(
        "See all steps of all sequences as rows of one affine layer.",
        "With rows (N * T, D) and drows (N * T, M), dw and db are as in an affine layer; dx keeps its three axes.",
        "dx = dout @ w.T; dw = rows.T @ drows; db = drows.sum(axis=0)",
    ),
)
def temporal_affine_backward(mine, rng):
    """The doctor; float32."""
    forward = expect.function(mine, "temporal_affine_forward")
    inputs = rng.normal(size=(2, 3, 4)), rng.normal(size=(4, 5)), rng.normal(size=5)
    expect.gradients(forward, mine, inputs)
    _check_dtypes(forward, mine, dict(zip(("x", "w", "b"), inputs)))


@exercise(
    "a5.temporal_softmax_loss",
    file="words.py",
    minutes=30,
    points=3,
    hints=(
        "It is the softmax loss of a classifier, with (N, T) examples; the mask chooses which of them count.",
        "shifted = x minus its largest entry along the last axis; log_p = shifted - log(sum of exp(shifted)). "
        "The mean is "
        "over the steps with mask 1, so divide by mask.sum().",
        "loss = -(log_p of the right words * mask).sum() / count; dx = (exp(log_p) - one_hot) * (mask / "
        "count)[..., None]",
    ),
)
def temporal_softmax_loss(mine, rng):
    """Values and the doctor, with and without a mask; huge scores; float32."""
    x, y = 2 * rng.normal(size=(2, 3, 4)), rng.integers(4, size=(2, 3))
    for mask in (None, np.array([[1, 1, 0], [1, 0, 0]]), np.ones((2, 3), bool)):
        given = dict(x=x, y=y, mask=mask)
        loss, dx = expect.pair(expect.unchanged(lambda: mine(**given), x=x, y=y), "temporal_softmax_loss")
        counts = np.ones((2, 3)) if mask is None else mask
        nats = [
            np.log(sum(np.exp(x[n, t] - x[n, t, y[n, t]]))) for n in range(2) for t in range(3) if counts[n, t]
        ]
        total, right = float(np.sum(nats)), float(np.mean(nats))
        mistakes = {
            "the mean were over the batch alone, not over the steps that count": lambda: total / 2,
            "it were the sum, not the mean": lambda: total,
            "the sign were wrong": lambda: -right,
            "masked steps counted in the mean: divide by mask.sum()": lambda: total / 6,
        }
        slips.equal(loss, right, "loss", given=dict(x=x) if mask is None else dict(x=x, mask=mask), slips=mistakes)
        expect.loss_gradient(mine, x, y, mask=mask)
    loss, dx = mine(1e4 * x, y)
    expect.true(
        np.isfinite(loss) and np.isfinite(dx).all(), "with scores of 1e4, loss or dx is not finite: exp overflows"
    )
    dx = mine(np.float32(x), y)[1]
    expect.true(dx.dtype == np.float32, f"with x in float32, dx should be float32, it is {dx.dtype}")


@exercise(
    "a5.rnn_step_forward",
    file="rnn.py",
    minutes=5,
    points=1,
    hints=(
        "Two matrix products, a sum and a tanh.",
        "What will backward need? tanh' is 1 - out**2, and the matrix products need their factors.",
        "out = np.tanh(x @ wx + state @ wh + b); return out, (x, state, wx, wh, out)",
    ),
)
def rnn_step_forward(mine, rng):
    """Values, float32, manners."""
    mistakes = {
        "the bias were forgotten": lambda x, state, wx, wh, b: _rnn_reference(x, state, wx, wh, 0 * b),
        "the tanh were forgotten": lambda x, state, wx, wh, b: x @ wx + state @ wh + b,
        "the state before were forgotten": lambda x, state, wx, wh, b: _rnn_reference(x, 0 * state, wx, wh, b),
        "the input were forgotten": lambda x, state, wx, wh, b: _rnn_reference(0 * x, state, wx, wh, b),
        "wh were transposed": lambda x, state, wx, wh, b: _rnn_reference(x, state, wx, wh.T, b),
    }
    _check_step(mine, rng, _rnn_reference, mistakes, gates=1, parts=1)


@exercise(
    "a5.rnn_step_backward",
    file="rnn.py",
    minutes=15,
    points=2,
    hints=(
        "First through the tanh: the gradient da of what stands inside its brackets.",
        "da has shape (N, H). Let shapes lead you: which product with da has the shape of x, of state, of wx, "
        "of wh?",
        "da = dout * (1 - out**2); da @ wx.T, da @ wh.T, x.T @ da, state.T @ da, da.sum(axis=0)",
    ),
)
def rnn_step_backward(mine, rng):
    """The doctor; float32."""
    _check_step_backward(mine, rng, "rnn_step_forward", gates=1, parts=1)


@exercise(
    "a5.rnn_forward",
    file="rnn.py",
    minutes=10,
    points=1,
    hints=(
        "A loop over the T steps; what does each step need from the one before?",
        "state = start; then in each step state, cache = rnn_step_forward(x[:, t], state, ...). Keep both in "
        "lists.",
        "return np.stack(outs, axis=1), caches",
    ),
)
def rnn_forward(mine, rng):
    """Values of sequences of several lengths; float32; manners."""
    _check_sequence(mine, rng, _rnn_reference, gates=1, parts=1)


@exercise(
    "a5.rnn_backward",
    file="rnn.py",
    minutes=25,
    points=3,
    hints=(
        "Go from the last step to the first. What comes to the state of step t, besides dout[:, t]?",
        "The dstate that step t + 1 handed back. Add it to dout[:, t], go through rnn_step_backward, add up "
        "the gradients of "
        "wx, wh and b.",
        "dx, dstate, *grads = rnn_step_backward(dout[:, t] + dstate, cache[t]) for t in reversed(range(T)), "
        "with dstate = 0 "
        "before the first; the last dstate is dstart.",
    ),
)
def rnn_backward(mine, rng):
    """The doctor; float32."""
    _check_sequence_backward(mine, rng, "rnn_forward", gates=1, parts=1)


@exercise(
    "a5.truncated_backward",
    file="rnn.py",
    minutes=25,
    points=3,
    hints=(
        "Each piece is an rnn_forward and an rnn_backward of its own. What goes from one piece to the next, "
        "and what does "
        "not go back?",
        "state = out[:, -1] begins the next piece; the dstart of rnn_backward is thrown away. Gradients of "
        "weights add up.",
        "for begin in range(0, T, length): piece = slice(begin, begin + length); out, cache = "
        "rnn_forward(x[:, piece], "
        "state, wx, wh, b); dx, _, *grads = rnn_backward(dout[:, piece], cache); state = out[:, -1]",
    ),
)
def truncated_backward(mine, rng):
    """Against whole sequences that are cut by hand; pieces of one step, and a last one that is shorter."""
    N, T, D, H = 2, 7, 3, 4
    x, dout, start, wx, wh, b = _arrays(rng, (N, T, D), (N, T, H), (N, H), (D, H), (H, H), (H,))
    for length in (1, 3, 7, 10):
        given = dict(x=x, dout=dout, start=start, wx=wx, wh=wh, b=b)
        result = expect.unchanged(lambda: mine(**given, length=length), **given)
        names = ("out", "dx", "dwx", "dwh", "db")
        _expect_tuple(result, names)
        arrays = x, dout, start, wx, wh, b
        expected, whole = _truncated(*arrays, length), _truncated(*arrays, T)
        pieces = [slice(begin, begin + length) for begin in range(0, T, length)]
        apart = [_truncated(x[:, piece], dout[:, piece], *arrays[2:], T) for piece in pieces]
        last = _truncated(
            x[:, pieces[-1]], dout[:, pieces[-1]], _before(expected[0], start, pieces[-1]), wx, wh, b, T
        )
        for k, name in enumerate(names):
            mistakes = {
                "gradients went back from a piece into the one before": lambda: whole[k],
                "every piece began with the start": lambda: (
                    np.concatenate([part[k] for part in apart], axis=1)
                    if k < 2
                    else sum(part[k] for part in apart)
                ),
                "only the last piece's gradients counted": lambda: last[k],
            }
            slips.equal(result[k], expected[k], name, given=dict(x=x, length=length), slips=mistakes)
    expect.raises(ValueError, lambda: mine(**given, length=0), "pieces of 0 steps")


@exercise(
    "a5.clip_by_norm",
    file="language.py",
    minutes=10,
    points=1,
    hints=(
        "One norm for all arrays together, not one for each.",
        "The squares of all entries of all arrays, added up, and the root of it. Scale only if it is above "
        "the limit.",
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
        "grads['wx'], "
        "grads['wh'], grads['b'] = rnn_backward(dstates, to_states); grads['embed'] = "
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
    loss, grads, last = _expect_tuple(result, ("loss", "grads", "last"))
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


@exercise(
    "a5.lstm_step_forward",
    file="gated.py",
    minutes=20,
    points=2,
    hints=(
        "Cut state into h and c, and a into four parts of H columns. Which of them go through sigmoid, which "
        "through tanh?",
        "H = len(wh); a[:, :H], a[:, H : 2 * H] and so on are i, f, o, g before their sigmoid or tanh.",
        "c_next = f * c + i * g; h_next = o * np.tanh(c_next); np.concatenate([h_next, c_next], axis=1)",
    ),
)
def lstm_step_forward(mine, rng):
    """Values, float32, manners."""

    def parts_of(x, state, wx, wh, b):
        i, f, o, g = np.split(x @ wx + np.split(state, 2, axis=1)[0] @ wh + b, 4, axis=1)
        return _sigmoid(i), _sigmoid(f), _sigmoid(o), np.tanh(g), np.split(state, 2, axis=1)[1]

    def order(names):
        """The step with the gates' columns in another order."""
        places = ["ifog".index(name) for name in names]

        def step(x, state, wx, wh, b):
            H = len(wh)
            columns = np.argsort(places).repeat(H) * H + np.tile(np.arange(H), 4)
            return _lstm_reference(x, state, wx[:, columns], wh[:, columns], b[columns])

        return step

    def plain_c(*given):
        i, f, o, g, c = parts_of(*given)
        return np.hstack([o * (f * c + i * g), f * c + i * g])

    def swapped(*given):
        h, c = np.split(_lstm_reference(*given), 2, axis=1)
        return np.hstack([c, h])

    def no_memory(*given):
        i, f, o, g, c = parts_of(*given)
        return np.hstack([o * np.tanh(i * g), i * g])

    mistakes = {
        "the columns were in the order i, f, g, o": order("ifgo"),
        "the columns were in the order f, i, o, g": order("fiog"),
        "the columns were in the order i, o, f, g": order("iofg"),
        "h_next were made of c_next without its tanh": plain_c,
        "c_next stood before h_next in the state": swapped,
        "the old c were forgotten": no_memory,
        "the bias were forgotten": lambda x, state, wx, wh, b: _lstm_reference(x, state, wx, wh, 0 * b),
    }
    _check_step(mine, rng, _lstm_reference, mistakes, gates=4, parts=2)


@exercise(
    "a5.lstm_step_backward",
    file="gated.py",
    minutes=35,
    points=3,
    hints=(
        "Begin at the end: h_next = o * tanh(c_next). Then collect all that comes to c_next before you go on.",
        "dc = dc_next + dh_next * o * (1 - tanh(c_next)**2). From it di, df, dg and the gradient of the old "
        "c; do from dh_next.",
        "da = np.concatenate([dc * g * i * (1 - i), dc * c * f * (1 - f), dh * tanh_c * o * (1 - o), dc * i * "
        "(1 - g**2)], "
        "axis=1); the rest is as in the vanilla RNN, with dc * f beside da @ wh.T.",
    ),
)
def lstm_step_backward(mine, rng):
    """The doctor; float32."""
    _check_step_backward(mine, rng, "lstm_step_forward", gates=4, parts=2)


@exercise(
    "a5.lstm_forward",
    file="gated.py",
    minutes=10,
    points=1,
    hints=(
        "As rnn_forward; but what of the state is the output?",
        "The whole state (h and c) goes on to the next step, its first H columns are out.",
        "outs.append(state[:, :H]), and np.stack(outs, axis=1)",
    ),
)
def lstm_forward(mine, rng):
    """Values of sequences of several lengths; float32; manners."""
    _check_sequence(mine, rng, _lstm_reference, gates=4, parts=2)


@exercise(
    "a5.lstm_backward",
    file="gated.py",
    minutes=20,
    points=2,
    hints=(
        "As rnn_backward; but dout belongs to h alone. What comes to c from outside?",
        "Begin with dstate = zeros (N, 2H). In each step add dout[:, t] to its first H columns: on a copy.",
        "from_outside = np.concatenate([dout[:, t], zeros], axis=1); dx, dstate, *grads = "
        "lstm_step_backward(dstate + from_outside, cache[t])",
    ),
)
def lstm_backward(mine, rng):
    """The doctor; float32."""
    _check_sequence_backward(mine, rng, "lstm_forward", gates=4, parts=2)


@exercise(
    "a5.gru_step_forward",
    file="gated.py",
    minutes=15,
    points=2,
    hints=(
        "Keep from_x and from_h apart: for n they are not simply added.",
        "r and z are sigmoids of sums of parts 0 and 1. In n the reset gate multiplies from_h's part 2 only.",
        "n = np.tanh(from_x[:, 2 * H :] + r * from_h[:, 2 * H :]); out = (1 - z) * n + z * state",
    ),
)
def gru_step_forward(mine, rng):
    """Values, float32, manners."""

    def parts_of(x, state, wx, wh, b):
        (xr, xz, xn), (hr, hz, hn) = np.split(x @ wx + b, 3, axis=1), np.split(state @ wh, 3, axis=1)
        return _sigmoid(xr + hr), _sigmoid(xz + hz), xn, hn

    def blended(x, state, wx, wh, b):
        r, z, xn, hn = parts_of(x, state, wx, wh, b)
        return z * np.tanh(xn + r * hn) + (1 - z) * state

    def reset_before(x, state, wx, wh, b):
        r, z, xn, hn = parts_of(x, state, wx, wh, b)
        return (1 - z) * np.tanh(xn + (r * state) @ wh[:, 2 * len(wh) :]) + z * state

    def reset_all(x, state, wx, wh, b):
        r, z, xn, hn = parts_of(x, state, wx, wh, b)
        return (1 - z) * np.tanh(r * (xn + hn)) + z * state

    def no_reset(x, state, wx, wh, b):
        r, z, xn, hn = parts_of(x, state, wx, wh, b)
        return (1 - z) * np.tanh(xn + hn) + z * state

    def gates_swapped(x, state, wx, wh, b):
        z, r, xn, hn = parts_of(x, state, wx, wh, b)
        return (1 - z) * np.tanh(xn + r * hn) + z * state

    mistakes = {
        "z and 1 - z were swapped": blended,
        "the reset gate acted on the state before the product with wh, not after it": reset_before,
        "the reset gate acted on what comes from x too": reset_all,
        "the reset gate were left out": no_reset,
        "the columns of r and z were swapped": gates_swapped,
    }
    _check_step(mine, rng, _gru_reference, mistakes, gates=3, parts=1)


@exercise(
    "a5.gru_step_backward",
    file="gated.py",
    minutes=35,
    points=3,
    hints=(
        "Which quantities did next depend on? n, z and state; n on from_x, r and from_h. Go back in this order.",
        "dn goes through its tanh; dz = dout * (state - n) and dr = dn * from_h_n through their sigmoids. "
        "What comes to from_h "
        "for n is dn * r.",
        "dfrom_x = [dr, dz, dn], dfrom_h = [dr, dz, dn * r]; dstate = dout * z + dfrom_h @ wh.T; dwh = "
        "state.T @ dfrom_h",
    ),
)
def gru_step_backward(mine, rng):
    """The doctor; float32."""
    _check_step_backward(mine, rng, "gru_step_forward", gates=3, parts=1)


@exercise(
    "a5.causal_mask",
    file="attention.py",
    minutes=5,
    points=1,
    hints=(
        "Row t says what step t may look at. Which of the columns 0 to T - 1 are those?",
        "True on the diagonal and below it.",
        "np.tri(T, dtype=bool)",
    ),
)
def causal_mask(mine, rng):
    """Values for several lengths."""
    for T in (4, 2, 1):
        right = np.arange(T)[:, None] >= np.arange(T)
        mistakes = {
            "steps looked ahead, not back: it is transposed": lambda: right.T,
            "a step might not look at itself": lambda: right & ~np.eye(T, dtype=bool),
            "True stood for what is hidden": lambda: ~right,
        }
        slips.equal(mine(T), right, "mask", given=dict(T=T), slips=mistakes)


@exercise(
    "a5.attention_forward",
    file="attention.py",
    minutes=20,
    points=2,
    hints=(
        "Three lines: scores, softmax over the keys, a mean of the values. Which axis are the keys?",
        "k.swapaxes(-1, -2) is k^T for every example; np.where(mask, scores, -np.inf) before the softmax.",
        "scores = q @ k.swapaxes(-1, -2) / sqrt(D); e = np.exp(scores - scores.max(axis=-1, keepdims=True)); "
        "weights = e / e.sum(axis=-1, keepdims=True); out = weights @ v",
    ),
)
def attention_forward(mine, rng):
    """Values with and without masks, with several leading axes, with huge scores; float32; manners."""
    for lead, T, S, D, M, mask in _attentions(rng):
        q, k, v = _arrays(rng, (*lead, T, D), (*lead, S, D), (*lead, S, M))
        given = dict(q=q, k=k, v=v)
        call = expect.unchanged(lambda: mine(q, k, v, mask), **given)
        out, cache = expect.pair(call, "attention_forward")
        given |= {} if mask is None else {"mask": mask}
        right, weights = _attention(q, k, v, mask)
        keys_first = {"the softmax were over the queries, not over the keys": lambda: _over_queries(q, k, v)}
        mistakes = {
            "the scores were not divided by sqrt(D)": lambda: _attention(q * D**0.5, k, v, mask)[0],
            "the scores were divided by D, not by sqrt(D)": lambda: _attention(q / D**0.5, k, v, mask)[0],
            "the mask were left out": lambda: _attention(q, k, v, None)[0],
            "the mask were the wrong way round": lambda: _attention(q, k, v, ~mask)[0],
            "masked scores were 0, not minus infinity": lambda: _zero_masked(q, k, v, mask),
        }
        mistakes = {words: make for words, make in mistakes.items() if mask is not None or "mask" not in words}
        slips.equal(out, right, "out", given=given, slips=mistakes | (keys_first if mask is None else {}))
        expect.true(isinstance(cache, tuple) and len(cache) == 4, "the cache should be (weights, q, k, v)")
        expect.equal(cache[0], weights, "weights", given=given)
    out = mine(1e4 * q, k, v)[0]
    expect.true(np.isfinite(out).all(), "with scores of 1e4, out is not finite: exp overflows")
    single = np.float32(q), np.float32(k), np.float32(v)
    expect.equal(mine(*single)[0], _attention(*single, None)[0].astype(np.float32), "out", given=dict(q=single[0]))


@exercise(
    "a5.attention_backward",
    file="attention.py",
    minutes=30,
    points=3,
    hints=(
        "out = weights v is a matrix product with two inputs; weights = softmax(scores); scores = q k^T / "
        "sqrt(D) is a "
        "product again.",
        "dv = weights^T dout, dweights = dout v^T; then the softmax, whose sum is over the keys, and the same "
        "factor "
        "1 / sqrt(D) as in forward.",
        "dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True)) / sqrt(D); dq = "
        "dscores @ k; "
        "dk = dscores.swapaxes(-1, -2) @ q",
    ),
)
def attention_backward(mine, rng):
    """The doctor, with and without masks and with several leading axes; float32."""
    forward = expect.function(mine, "attention_forward")
    for lead, T, S, D, M, mask in _attentions(rng):
        inputs = _arrays(rng, (*lead, T, D), (*lead, S, D), (*lead, S, M))
        expect.gradients(forward, mine, inputs, mask=mask)
    _check_dtypes(forward, mine, dict(zip("qkv", inputs)))


@exercise(
    "a5.multi_head_attention_forward",
    file="attention.py",
    minutes=30,
    points=3,
    hints=(
        "Each head is an attention_forward of its own on D / heads columns. First make it right with a loop "
        "over heads.",
        "part.reshape(N, T, heads, D // heads).swapaxes(1, 2) puts the heads beside the batch; "
        "attention_forward takes it as "
        "it is. Afterwards swap back before you reshape.",
        "q, k, v = the three parts of x @ w + b, reshaped and swapped; heard, (weights, *_) = "
        "attention_forward(q, k, v, "
        "mask); out = heard.swapaxes(1, 2).reshape(N, T, D) @ wo + bo",
    ),
)
def multi_head_attention_forward(mine, rng):
    """Against one head after the other, with and without a causal mask; float32; the error."""
    for heads, mask in ((1, None), (2, None), (3, np.tri(4, dtype=bool))):
        N, T, D = 2, 4, 6
        x, w, b, wo, bo = _arrays(rng, (N, T, D), (D, 3 * D), (3 * D,), (D, D), (D,))
        given = dict(x=x, w=w, b=b, wo=wo, bo=bo)
        result = expect.unchanged(lambda: mine(**given, heads=heads, mask=mask), **given)
        out, weights = expect.pair(result, "multi_head_attention_forward")
        q, k, v = (
            np.einsum("ntd,dm->ntm", x, w[:, i * D : (i + 1) * D]) + b[i * D : (i + 1) * D] for i in range(3)
        )
        heard, looked = np.zeros_like(x), np.zeros((N, heads, T, T))
        for head in range(heads):
            own = slice(head * D // heads, (head + 1) * D // heads)
            heard[..., own], looked[:, head] = _attention(q[..., own], k[..., own], v[..., own], mask)
        given = dict(x=x, heads=heads) | ({} if mask is None else {"mask": mask})
        expect.equal(weights, looked, "weights", given=given)
        apart = heard.reshape(N, T, heads, -1).swapaxes(1, 2).reshape(N, T, D)
        mistakes = {
            "the heads were not mixed by wo and bo": lambda: heard,
            "the axes were not swapped back before the heads were joined": lambda: apart @ wo + bo,
        }
        slips.equal(out, heard @ wo + bo, "out", given=given, slips=mistakes)
    expect.raises(ValueError, lambda: mine(x, w, b, wo, bo, heads=4), "6 features, 4 heads")


def _arrays(rng, *shapes):
    return tuple(rng.normal(size=shape) for shape in shapes)


def _attentions(rng):
    yield (2,), 3, 4, 5, 2, None
    yield (2,), 4, 4, 3, 2, np.tri(4, dtype=bool)
    yield (2, 3), 2, 3, 4, 1, rng.random((2, 1, 2, 3)) + np.array([1, 0, 0]) > 0.5


def _sigmoid(a):
    return 1 / (1 + np.exp(-a))


def _rnn_reference(x, state, wx, wh, b):
    return np.tanh(np.einsum("nd,dh->nh", x, wx) + np.einsum("ng,gh->nh", state, wh) + b)


def _lstm_reference(x, state, wx, wh, b):
    h, c = np.split(state, 2, axis=1)
    i, f, o, g = np.split(np.concatenate([x, h], axis=1) @ np.concatenate([wx, wh]) + b, 4, axis=1)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    return np.hstack([_sigmoid(o) * np.tanh(c), c])


def _gru_reference(x, state, wx, wh, b):
    (xr, xz, xn), (hr, hz, hn) = np.split(x @ wx + b, 3, axis=1), np.split(state @ wh, 3, axis=1)
    z = _sigmoid(xz + hz)
    n = np.tanh(xn + _sigmoid(xr + hr) * hn)
    return n + z * (state - n)


def _check_step(mine, rng, reference, mistakes, gates, parts):
    """Values of one step, in float64 and float32; what is handed in stays."""
    names = ("x", "state", "wx", "wh", "b")
    for dtype in (np.float64, np.float32):
        for N, D, H in ((3, 4, 2), (2, 2, 3)):
            shapes = (N, D), (N, parts * H), (D, gates * H), (H, gates * H), (gates * H,)
            given = {name: a.astype(dtype) for name, a in zip(names, _arrays(rng, *shapes))}
            out, _ = expect.pair(expect.unchanged(lambda: mine(**given), **given), mine.__name__)
            shown = dict(x=given["x"], state=given["state"])
            made = {words: partial(make, *given.values()) for words, make in mistakes.items()}
            slips.equal(out, reference(**given).astype(dtype), "the new state", given=shown, slips=made)


def _check_step_backward(mine, rng, forward, gates, parts):
    forward, (N, D, H) = expect.function(mine, forward), (3, 2, 4)
    inputs = _arrays(rng, (N, D), (N, parts * H), (D, gates * H), (H, gates * H), (gates * H,))
    expect.gradients(forward, mine, inputs)
    _check_dtypes(forward, mine, dict(zip(("x", "state", "wx", "wh", "b"), inputs)))


def _sequence(rng, gates, parts, N=2, T=4, D=3, H=2):
    shapes = (N, T, D), (N, parts * H), (D, gates * H), (H, gates * H), (gates * H,)
    return dict(zip(("x", "start", "wx", "wh", "b"), _arrays(rng, *shapes)))


def _check_sequence(mine, rng, reference, gates, parts):
    for T, dtype in ((5, np.float64), (1, np.float64), (3, np.float32)):
        given = {name: a.astype(dtype) for name, a in _sequence(rng, gates, parts, T=T).items()}
        out, _ = expect.pair(expect.unchanged(lambda: mine(**given), **given), mine.__name__)
        x, start, *weights = given.values()
        right, H = _unrolled(reference, x, start, *weights).astype(dtype), len(weights[1])
        mistakes = {
            "the c were handed out, not the h": lambda: right[..., H:],
            "every step began with the start": lambda: np.stack(
                [reference(x[:, t], start, *weights)[:, :H] for t in range(T)], axis=1
            ),
            "the start were zero": lambda: _unrolled(reference, x, 0 * start, *weights)[..., :H],
            "the steps were in the opposite order": lambda: right[:, ::-1, :H],
        }
        slips.equal(out, right[..., :H], "out", given=dict(x=x, start=start), slips=mistakes)


def _unrolled(reference, x, state, *weights):
    states = []
    for t in range(x.shape[1]):
        state = reference(x[:, t], state, *weights)
        states.append(state)
    return np.stack(states, axis=1)


def _check_sequence_backward(mine, rng, forward, gates, parts):
    forward, given = expect.function(mine, forward), _sequence(rng, gates, parts)
    expect.gradients(forward, mine, tuple(given.values()))
    _check_dtypes(forward, mine, given)


def _truncated(x, dout, start, wx, wh, b, length):
    """Step by step: what the derivative of a step hands back ends where a piece begins."""
    T, H = dout.shape[1:]
    states = [start]
    for t in range(T):
        states.append(_rnn_reference(x[:, t], states[-1], wx, wh, b))
    dx, dwx, dwh, db, back = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), np.zeros(H), 0
    for t in reversed(range(T)):
        back = 0 if t % length == length - 1 else back
        da = (dout[:, t] + back) * (1 - states[t + 1] ** 2)
        dx[:, t], back = da @ wx.T, da @ wh.T
        dwx, dwh, db = dwx + x[:, t].T @ da, dwh + states[t].T @ da, db + da.sum(axis=0)
    return np.stack(states[1:], axis=1), dx, dwx, dwh, db


def _before(out, start, piece):
    """The state before a piece of a sequence."""
    return out[:, piece.start - 1] if piece.start else start


def _char_model(params, x, y, start):
    """Loss and last state, character by character."""
    state, total = start, 0.0
    for t in range(x.shape[1]):
        state = _rnn_reference(params["embed"][x[:, t]], state, params["wx"], params["wh"], params["b"])
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


def _attention(q, k, v, mask):
    """One query after the other."""
    out, weights = np.zeros((*q.shape[:-1], v.shape[-1])), np.zeros((*q.shape[:-1], k.shape[-2]))
    allowed = np.broadcast_to(True if mask is None else mask, weights.shape)
    for place in np.ndindex(*q.shape[:-1]):
        keys, values, may = k[place[:-1]], v[place[:-1]], allowed[place]
        e = np.array([np.exp(q[place] @ key / len(key) ** 0.5) if ok else 0.0 for key, ok in zip(keys, may)])
        weights[place] = e / e.sum()
        out[place] = weights[place] @ values
    return out, weights


def _over_queries(q, k, v):
    e = np.exp(q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5)
    return e / e.sum(axis=-2, keepdims=True) @ v


def _zero_masked(q, k, v, mask):
    e = np.exp(np.where(mask, q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5, 0))
    return e / e.sum(axis=-1, keepdims=True) @ v


def _check_dtypes(forward, backward, given):
    """In float32 all gradients are float32."""
    out, cache = forward(*(np.float32(value) for value in given.values()))
    grads = backward(np.ones_like(out), cache)
    for key, grad in zip(given, grads):
        kind = np.asarray(grad).dtype
        expect.true(kind == np.float32, f"with all inputs in float32, d{key} should be float32, it is {kind}")


def _expect_tuple(result, names):
    right = isinstance(result, tuple) and len(result) == len(names)
    expect.true(
        right, f"it should return {len(names)} things: {', '.join(names)}; it returns {expect.described(result)}"
    )
    return result
