"""Checks are neither blind nor narrow: a value that is off is told, and a right one in another form passes."""

import shutil

import pytest

from nnscratch.course.exercises import all_exercises, assignments_folder
from nnscratch.course.inside import perform
from nnscratch.course.starters import with_function

SOLUTIONS = assignments_folder() / "solutions"
ROWS = [row for row in all_exercises().values() if row.name.startswith(("a3.", "a5."))]
OFF = """

_right_{name} = {name}


def _off(value):
    if isinstance(value, tuple):
        return tuple(_off(part) if k == 0 else part for k, part in enumerate(value))
    if isinstance(value, dict):
        return {{key: _off(part) for key, part in value.items()}}
    if isinstance(value, bool) or not hasattr(value, "dtype"):
        return value + 1
    if value.dtype == bool:
        return ~value
    return value * value.dtype.type(2) + value.dtype.type(1)


def {name}(*args, **options):
    return _off(_right_{name}(*args, **options))
"""

OTHER_FORMS = {
    "a3.output_size": """
def output_size(size, kernel, stride=1, pad=0):
    if stride < 1 or size + 2 * pad < kernel:
        raise ValueError("it does not fit")
    return int(np.floor((size + 2 * pad - kernel) / stride)) + 1
""",
    "a3.conv_naive_forward": """
def conv_naive_forward(x, w, b, stride=1, pad=0):
    N, C, H, W = x.shape
    F, C, KH, KW = w.shape
    OH, OW = (H + 2 * pad - KH) // stride + 1, (W + 2 * pad - KW) // stride + 1
    padded = np.zeros((N, C, H + 2 * pad, W + 2 * pad), x.dtype)
    padded[:, :, pad : pad + H, pad : pad + W] = x
    out = np.empty((N, F, OH, OW), x.dtype)
    for i in range(OH):
        for j in range(OW):
            rows = padded[:, :, i * stride : i * stride + KH, j * stride : j * stride + KW].reshape(N, -1)
            out[:, :, i, j] = rows @ w.reshape(F, -1).T + b
    return out, dict(x=x, w=w, b=b, stride=stride, pad=pad)
""",
    "a3.im2col": """
def im2col(x, KH, KW, stride=1, pad=0):
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    columns = []
    for i in range(0, x.shape[2] - KH + 1, stride):
        for j in range(0, x.shape[3] - KW + 1, stride):
            columns.append(x[:, :, i : i + KH, j : j + KW].reshape(len(x), -1))
    return np.stack(columns, axis=2)
""",
    "a3.conv_fast_forward": """
def conv_fast_forward(x, w, b, stride=1, pad=0):
    return conv_forward(x, w, b, stride, pad)[0]
""",
    "a3.max_pool_forward": """
def max_pool_forward(x, kernel=2, stride=2):
    N, C, H, W = x.shape
    OH, OW = output_size(H, kernel, stride), output_size(W, kernel, stride)
    out, switches = np.empty((N, C, OH, OW), x.dtype), np.empty((N, C, OH, OW), np.int32)
    for i in range(OH):
        for j in range(OW):
            top, left = i * stride, j * stride
            seen = x[:, :, top : top + kernel, left : left + kernel].reshape(N, C, -1)
            best = seen.argmax(axis=2)
            out[:, :, i, j] = seen.max(axis=2)
            switches[:, :, i, j] = (top + best // kernel) * W + left + best % kernel
    return out, (x.shape, switches)
""",
    "a3.lrn_forward": """
def lrn_forward(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    damping = np.empty_like(x)
    for c in range(x.shape[1]):
        near = x[:, max(0, c - size // 2) : c + size // 2 + 1]
        damping[:, c] = k + alpha * (near**2).sum(axis=1)
    out = x / np.power(damping, beta)
    return out, (x, out, damping, size, alpha, beta)
""",
    "a5.temporal_softmax_loss": """
def temporal_softmax_loss(x, y, mask=None):
    N, T, V = x.shape
    rows, words = x.reshape(N * T, V), y.reshape(-1)
    counts = np.ones(N * T, bool) if mask is None else mask.reshape(-1) > 0
    p = np.exp(rows - rows.max(axis=1)[:, None])
    p /= p.sum(axis=1)[:, None]
    places = np.flatnonzero(counts)
    loss = -np.log(p[places, words[places]]).mean()
    p[np.arange(N * T), words] -= 1
    p[~counts] = 0
    return loss, p.reshape(N, T, V) / len(places)
""",
    "a5.lstm_step_forward": """
def lstm_step_forward(x, state, wx, wh, b):
    h, c = np.hsplit(state, 2)
    i, f, o, g = np.hsplit(x @ wx + h @ wh + b, 4)
    i, f, o, g = 1 / (1 + np.exp(-i)), 1 / (1 + np.exp(-f)), 1 / (1 + np.exp(-o)), np.tanh(g)
    c = f * c + i * g
    return np.hstack([o * np.tanh(c), c]), None
""",
    "a5.sample": """
def sample(scores, temperature, rng):
    if temperature < 0:
        raise ValueError("too cold")
    if temperature == 0:
        return np.argmax(scores)
    p = np.exp(scores / temperature - np.max(scores / temperature))
    p = p / p.sum()
    u, total = rng.random(), 0.0
    for k in range(len(p)):
        total += p[k]
        if total > u:
            return k
    return len(p) - 1
""",
    "a5.attention_forward": """
def attention_forward(q, k, v, mask=None):
    scores = np.einsum("...td,...sd->...ts", q, k) * q.shape[-1] ** -0.5
    if mask is not None:
        scores = scores + np.where(mask, 0, -1e30)
    weights = np.exp(scores - scores.max(axis=-1)[..., None])
    weights /= weights.sum(axis=-1)[..., None]
    return np.einsum("...ts,...sm->...tm", weights, v), (weights, q, k, v)
""",
    "a5.multi_head_attention_forward": """
def multi_head_attention_forward(x, w, b, wo, bo, heads, mask=None):
    N, T, D = x.shape
    if D % heads != 0:
        raise ValueError("no")
    a, M = x @ w + b, D // heads
    heard, looked = [], []
    for head in range(heads):
        q, k, v = (a[..., part * D + head * M : part * D + (head + 1) * M] for part in range(3))
        out, cache = attention_forward(q, k, v, mask)
        heard.append(out)
        looked.append(cache[0])
    return np.concatenate(heard, axis=-1) @ wo + bo, np.stack(looked, axis=1)
""",
}


def outcome_of(row, folder, change):
    home = folder / row.assignment
    shutil.copytree(SOLUTIONS / row.assignment, home)
    path = folder / row.path
    path.write_text(change(path.read_text()))
    return perform(row.name, folder)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_value_that_is_off_is_told_in_words(row, tmp_path):
    outcome = outcome_of(row, tmp_path, lambda source: source + OFF.format(name=row.function))
    assert outcome["kind"] == "wrong", outcome


@pytest.mark.parametrize("name", OTHER_FORMS)
def test_a_right_answer_in_another_form_passes(name, tmp_path):
    row = all_exercises()[name]
    outcome = outcome_of(row, tmp_path, lambda source: with_function(source, row.function, OTHER_FORMS[name]))
    assert outcome["kind"] == "passed", outcome
