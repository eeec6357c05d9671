"""The checks of a2-layers: a value that is off is told, a right answer in another form passes, a half waits."""

import pytest

from nnscratch.course.exercises import all_exercises
from nnscratch.course.starters import with_function
from tests.course.test_slips import OFF, outcome_of

ROWS = [row for row in all_exercises().values() if row.name.startswith("a2.")]

OTHER_FORMS = {
    "a2.affine_forward": """
def affine_forward(x, w, b):
    rows = x.reshape(x.shape[0], w.shape[0])
    return np.einsum("nd,dm->nm", rows, w) + b[None, :], {"x": x, "w": w, "b": b}
""",
    "a2.affine_backward": """
def affine_backward(dout, cache):
    x, w = cache
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros_like(w[0])
    for n in range(len(x)):
        dx[n] = (w @ dout[n]).reshape(x[n].shape)
        dw += np.outer(x[n], dout[n])
        db += dout[n]
    return [dx, dw, db]
""",
    "a2.numerical_gradient": """
def numerical_gradient(f, x, dout=None, h=1e-5):
    gradient = np.empty(x.shape)
    for k in range(x.size):
        i = np.unravel_index(k, x.shape)
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        change = np.asarray(f(up)) - np.asarray(f(down))
        gradient[i] = change.sum() / 2 / h if dout is None else (change * dout).sum() / 2 / h
    return gradient
""",
    "a2.relu_forward": """
def relu_forward(x):
    return x * (x > 0), [x]
""",
    "a2.relu_backward": """
def relu_backward(dout, cache):
    dx = dout.copy()
    dx[cache <= 0] = 0
    return dx
""",
    "a2.leaky_relu_backward": """
def leaky_relu_backward(dout, cache):
    x, slope = cache
    dx = np.array(dout, copy=True)
    dx[x <= 0] *= slope
    return dx
""",
    "a2.sigmoid_forward": """
def sigmoid_forward(x):
    out = np.empty_like(x)
    right = x >= 0
    out[right] = 1 / (1 + np.exp(-x[right]))
    out[~right] = np.exp(x[~right]) / (1 + np.exp(x[~right]))
    return out, out
""",
    "a2.elu_forward": """
def elu_forward(x, alpha=1.0):
    out = x.copy()
    out[x <= 0] = alpha * (np.exp(x[x <= 0]) - 1)
    return out, (x, out, alpha)
""",
    "a2.elu_backward": """
def elu_backward(dout, cache):
    x, out, alpha = cache
    return np.where(x > 0, dout, dout * alpha * np.exp(np.minimum(x, 0)))
""",
    "a2.maxout_backward": """
def maxout_backward(dout, cache):
    x, w, winner = cache
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros((len(w), w.shape[2]))
    for j in range(len(w)):
        mine = dout * (winner == j)
        dx += mine @ w[j].T
        dw[j] = x.T @ mine
        db[j] = mine.sum(axis=0)
    return dx, dw, db
""",
    "a2.svm_loss": """
def svm_loss(x, y, margin=1.0):
    N, C = x.shape
    loss, dx = 0.0, np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            excess = x[n, c] - x[n, y[n]] + margin
            if c != y[n] and excess > 0:
                loss += excess / N
                dx[n, c] += 1 / N
                dx[n, y[n]] -= 1 / N
    return loss, dx
""",
    "a2.softmax_loss": """
def softmax_loss(x, y):
    N, C = x.shape
    best = x.max(axis=1)[:, None]
    size = best + np.log(np.exp(x - best).sum(axis=1))[:, None]
    target = np.eye(C, dtype=x.dtype)[y]
    return ((size - x) * target).sum() / N, (np.exp(x - size) - target) / N
""",
    "a2.dropout_forward": """
def dropout_forward(x, drop=0.5, key=(0,), train=True, channels=False):
    if drop < 0 or drop >= 1:
        raise ValueError("drop")
    mask = np.ones_like(x)
    if train:
        rng = np.random.default_rng(key)
        kept = rng.binomial(1, 1 - drop, x.shape[:2] if channels else x.shape).astype(x.dtype)
        mask *= (kept / (1 - drop)).reshape(kept.shape + (1,) * (x.ndim - kept.ndim))
    return x * mask, mask
""",
    "a2.batch_norm_forward": """
def batch_norm_forward(x, gamma, beta, mean=None, var=None, eps=1e-5):
    if mean is None:
        mean = np.sum(x, axis=0) / x.shape[0]
        var = np.sum((x - mean) ** 2, axis=0) / x.shape[0]
    std = (var + eps) ** 0.5
    scale = gamma / std
    return x * scale + (beta - mean * scale), ((x - mean) / std, gamma, std, mean, var)
""",
    "a2.batch_norm_backward": """
def batch_norm_backward(dout, cache):
    x_hat, gamma, std, mean, var = cache
    N = len(dout)
    dgamma, dbeta = np.einsum("nd,nd->d", dout, x_hat), dout.sum(0)
    return gamma / (N * std) * (N * dout - dbeta - x_hat * dgamma), dgamma, dbeta
""",
    "a2.batch_norm_dx": """
def batch_norm_dx(dout, x_hat, gamma, std):
    N = dout.shape[0]
    return (N * dout - dout.sum(0) - x_hat * (x_hat * dout).sum(0)) * gamma / (N * std)
""",
    "a2.update_running": """
def update_running(mean, var, batch_mean, batch_var, N, momentum=0.9):
    if N > 1:
        batch_var = batch_var * N / (N - 1)
    return mean + (1 - momentum) * (batch_mean - mean), var + (1 - momentum) * (batch_var - var)
""",
    "a2.layer_norm_forward": """
def layer_norm_forward(x, gamma, beta, eps=1e-5):
    across = x.T
    std = np.sqrt(across.var(axis=0) + eps)
    x_hat = ((across - across.mean(axis=0)) / std).T
    return x_hat * gamma + beta, (x_hat, gamma, std[:, None])
""",
    "a2.group_norm_forward": """
def group_norm_forward(x, gamma, beta, groups=1, eps=1e-5):
    N, C, H, W = x.shape
    if C % groups != 0:
        raise ValueError("groups")
    parts = x.reshape(N, groups, C // groups, H, W)
    mean, var = parts.mean((2, 3, 4), keepdims=True), parts.var((2, 3, 4), keepdims=True)
    x_hat = ((parts - mean) / np.sqrt(var + eps)).reshape(N, C, H, W)
    out = x_hat * gamma.reshape(1, C, 1, 1) + beta.reshape(1, C, 1, 1)
    return out, (x_hat, gamma, np.sqrt(var + eps).reshape(N * groups, 1))
""",
    "a2.nesterov_step": """
def nesterov_step(w, dw, velocity, rate=1e-2, momentum=0.9):
    new = momentum * velocity - rate * dw
    return w + new + momentum * (new - velocity), new
""",
    "a2.adam_step": """
def adam_step(w, dw, m, v, t, rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
    m = m + (1 - beta1) * (dw - m)
    v = v + (1 - beta2) * (dw * dw - v)
    root = (1 - beta2**t) ** 0.5
    return w - rate * root / (1 - beta1**t) * m / (v**0.5 + epsilon * root), m, v
""",
    "a2.clip_gradients": """
def clip_gradients(grads, limit):
    if limit <= 0:
        raise ValueError("limit")
    norm = np.linalg.norm([np.linalg.norm(dw) for dw in grads.values()])
    if norm <= limit:
        return dict(grads), norm
    return {name: dw * float(limit / norm) for name, dw in grads.items()}, norm
""",
    "a2.init_net": """
def init_net(sizes, rng, norm=None):
    if norm is not None and norm not in ("batch", "layer"):
        raise ValueError("norm")
    params, L = {}, len(sizes) - 1
    for i in range(L):
        params["b%d" % (i + 1)] = np.zeros(sizes[i + 1])
        params["w%d" % (i + 1)] = (2 / sizes[i]) ** 0.5 * rng.standard_normal(sizes[i : i + 2])
        if norm is not None and i + 1 < L:
            params["gamma%d" % (i + 1)] = np.ones(sizes[i + 1])
            params["beta%d" % (i + 1)] = np.zeros(sizes[i + 1])
    return params
""",
    "a2.catch_wrong_gradient": """
def catch_wrong_gradient(forward, backward, x):
    out, cache = forward(x)
    dout = np.random.randn(*out.shape)
    dx, measured = backward(dout, cache), numerical_gradient(lambda x: forward(x)[0], x, dout)
    error = np.max(np.abs(dx - measured) / np.maximum(1e-8, np.abs(dx) + np.abs(measured)))
    return error < 1e-6
""",
    "a2.catch_hidden_by_ones": """
def catch_hidden_by_ones(forward, backward, x):
    for seed in range(3):
        out, cache = forward(x)
        dout = np.random.default_rng(seed).uniform(-1, 1, out.shape)
        measured = numerical_gradient(lambda x: (forward(x)[0] * dout).sum(), x)
        np.testing.assert_allclose(backward(dout, cache), measured, rtol=1e-5, atol=1e-8)
""",
    "a2.catch_at_any_scale": """
def catch_at_any_scale(forward, backward, x):
    out, cache = forward(x)
    dout = np.random.default_rng(3).normal(size=out.shape)
    dx, measured = backward(dout, cache), numerical_gradient(lambda x: forward(x)[0], x, dout)
    size = np.linalg.norm(dx) + np.linalg.norm(measured)
    return size == 0 or np.linalg.norm(dx - measured) / size < 1e-6
""",
    "a2.catch_bad_manners": """
def catch_bad_manners(forward, backward, x):
    rng = np.random.default_rng(4)
    one, two = x.copy(), x + rng.normal(size=x.shape)
    first, second = forward(one), forward(two)
    dout = rng.normal(size=x.shape)
    before = dout.copy()
    late = np.array(backward(dout, first[1]))
    assert (one == x).all() and (dout == before).all()
    assert (backward(dout, first[1]) == late).all()
    out, cache = forward(x.copy())
    assert (backward(dout, cache) == late).all()
""",
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_value_that_is_off_is_told_in_words(row, tmp_path):
    outcome = outcome_of(row, tmp_path, lambda source: source + OFF.format(name=row.function))
    assert outcome["kind"] == "wrong", outcome


@pytest.mark.parametrize("name", OTHER_FORMS)
def test_a_right_answer_in_another_form_passes(name, tmp_path):
    row = all_exercises()[name]
    outcome = outcome_of(row, tmp_path, lambda source: with_function(source, row.function, OTHER_FORMS[name]))
    assert outcome["kind"] == "passed", outcome


@pytest.mark.parametrize(
    "name, missing",
    [("a2.affine_backward", "affine_forward"), ("a2.adamw_step", "adam_step"), ("a2.net_forward", "relu_forward")],
)
def test_an_exercise_that_needs_another_says_which(name, missing, tmp_path):
    row = all_exercises()[name]
    home = next(row for row in all_exercises().values() if row.function == missing)
    empty = f'def {missing}(*args, **options):\n    raise NotWritten("{missing}")'
    if home.path == row.path:
        outcome = outcome_of(row, tmp_path, lambda source: with_function(source, missing, empty))
    else:
        imported = f"from {home.file.removesuffix('.py')} import"
        outcome = outcome_of(row, tmp_path, lambda source: f"{source}\n\n{empty}\n" if imported in source else "")
    assert outcome["kind"] == "needs" and missing in outcome["message"], outcome


def test_five_tests_catch_bugs_and_the_later_ones_catch_what_the_first_lets_pass():
    names = [row.name for row in ROWS if row.function.startswith("catch_")]
    assert len(names) == 5
    assert names[0] == "a2.catch_wrong_gradient" and names[-1] == "a2.catch_bad_manners"


ONES = """
def {name}(forward, backward, x):
    out, cache = forward(x)
    dx, measured = backward(np.ones_like(out), cache), numerical_gradient(lambda x: forward(x)[0], x)
    return np.allclose(dx, measured, rtol=1e-6, atol=1e-6)
"""


def test_a_dout_of_ones_is_enough_at_first_and_not_later(tmp_path):
    rows = all_exercises()
    kinds = {}
    for name in ("catch_wrong_gradient", "catch_hidden_by_ones", "catch_bad_manners"):
        row = rows[f"a2.{name}"]
        folder = tmp_path / name
        source = ONES.format(name=name)
        kinds[name] = outcome_of(row, folder, lambda text, r=row, s=source: with_function(text, r.function, s))[
            "kind"
        ]
    assert kinds == {
        "catch_wrong_gradient": "passed",
        "catch_hidden_by_ones": "wrong",
        "catch_bad_manners": "wrong",
    }
