"""Wrong answers about linear classifiers, as learners write them, and what the check must say."""

from tests.course.wrong import Wrong

WRONG = [
    Wrong(
        "a1.svm_naive",
        "the right class has a margin too",
        """
def svm_naive(w, b, x, y, strength):
    N, C = len(x), len(b)
    loss, dw, db = 0.0, np.zeros_like(w), np.zeros_like(b)
    for n in range(N):
        scores = x[n] @ w + b
        for c in range(C):
            margin = scores[c] - scores[y[n]] + 1
            if margin > 0:
                loss += margin / N
                dw[:, c] += x[n] / N
                dw[:, y[n]] -= x[n] / N
                db[c] += 1 / N
                db[y[n]] -= 1 / N
    return loss + 0.5 * strength * (w * w).sum(), dw + strength * w, db
""",
        says=("the right class counts too",),
    ),
    Wrong(
        "a1.svm_naive",
        "the gradients are not divided by the number of examples",
        """
def svm_naive(w, b, x, y, strength):
    N, C = len(x), len(b)
    loss, dw, db = 0.0, np.zeros_like(w), np.zeros_like(b)
    for n in range(N):
        scores = x[n] @ w + b
        for c in range(C):
            margin = scores[c] - scores[y[n]] + 1
            if c != y[n] and margin > 0:
                loss += margin
                dw[:, c] += x[n]
                dw[:, y[n]] -= x[n]
                db[c] += 1
                db[y[n]] -= 1
    return loss / N + 0.5 * strength * (w * w).sum(), dw + strength * w, db
""",
        says=("constant-factor",),
    ),
    Wrong(
        "a1.svm_naive",
        "the penalty has no gradient",
        """
def svm_naive(w, b, x, y, strength):
    loss, dw, db = svm_vectorized(w, b, x, y, strength)
    return loss, dw - strength * w, db
""",
        says=("the penalty has no gradient",),
    ),
    Wrong(
        "a1.svm_naive",
        "the column of the right class has no gradient",
        """
def svm_naive(w, b, x, y, strength):
    N, C = len(x), len(b)
    loss, dw, db = 0.0, np.zeros_like(w), np.zeros_like(b)
    for n in range(N):
        scores = x[n] @ w + b
        for c in range(C):
            margin = scores[c] - scores[y[n]] + 1
            if c != y[n] and margin > 0:
                loss += margin / N
                dw[:, c] += x[n] / N
                db[c] += 1 / N
    return loss + 0.5 * strength * (w * w).sum(), dw + strength * w, db
""",
        says=("in w", "in b"),
    ),
    Wrong(
        "a1.svm_naive",
        "the biases get no gradient",
        """
def svm_naive(w, b, x, y, strength):
    loss, dw, _ = svm_vectorized(w, b, x, y, strength)
    return loss, dw, np.zeros_like(b)
""",
        says=("in b",),
    ),
    Wrong(
        "a1.svm_naive",
        "the gradient of w is transposed",
        """
def svm_naive(w, b, x, y, strength):
    loss, dw, db = svm_vectorized(w, b, x, y, strength)
    return loss, dw.T, db
""",
        says=("it looks transposed",),
    ),
    Wrong(
        "a1.svm_vectorized",
        "the penalty has no factor 0.5",
        """
def svm_vectorized(w, b, x, y, strength):
    loss, dw, db = svm_naive(w, b, x, y, strength)
    return loss + 0.5 * strength * (w * w).sum(), dw, db
""",
        says=("the factor 0.5 of the penalty is missing",),
    ),
    Wrong(
        "a1.svm_vectorized",
        "the right class is taken away once, not once for each margin",
        """
def svm_vectorized(w, b, x, y, strength):
    N, rows = len(x), np.arange(len(x))
    scores = x @ w + b
    margins = np.maximum(scores - scores[rows, y][:, None] + 1, 0)
    margins[rows, y] = 0
    dscores = (margins > 0).astype(float)
    dscores[rows, y] = -1
    dscores /= N
    loss = margins.sum() / N + 0.5 * strength * (w * w).sum()
    return loss, x.T @ dscores + strength * w, dscores.sum(axis=0)
""",
        says=("in w", "in b"),
    ),
    Wrong(
        "a1.svm_vectorized",
        "the margins of the right classes are not set to 0",
        """
def svm_vectorized(w, b, x, y, strength):
    N, rows = len(x), np.arange(len(x))
    scores = x @ w + b
    margins = np.maximum(scores - scores[rows, y][:, None] + 1, 0)
    dscores = (margins > 0) / N
    dscores[rows, y] -= dscores.sum(axis=1)
    loss = margins.sum() / N + 0.5 * strength * (w * w).sum()
    return loss, x.T @ dscores + strength * w, dscores.sum(axis=0)
""",
        says=("the right class counts too",),
    ),
    Wrong(
        "a1.svm_vectorized",
        "the sum instead of the mean",
        """
def svm_vectorized(w, b, x, y, strength):
    loss, dw, db = svm_naive(w, b, x, y, 0.0)
    return loss * len(x) + 0.5 * strength * (w * w).sum(), dw * len(x) + strength * w, db * len(x)
""",
        says=("it is the sum over the examples",),
    ),
    Wrong(
        "a1.svm_vectorized",
        "right, with loops",
        """
def svm_vectorized(w, b, x, y, strength):
    return svm_naive(w, b, x, y, strength)
""",
        says=("times as fast as the loops",),
    ),
    Wrong(
        "a1.softmax_naive",
        "large scores overflow",
        """
def softmax_naive(w, b, x, y, strength):
    N, C = len(x), len(b)
    loss, dw, db = 0.0, np.zeros_like(w), np.zeros_like(b)
    for n in range(N):
        powers = np.exp(x[n] @ w + b)
        p = powers / powers.sum()
        loss -= np.log(p[y[n]]) / N
        p[y[n]] -= 1
        dw += np.outer(x[n], p) / N
        db += p / N
    return loss + 0.5 * strength * (w * w).sum(), dw + strength * w, db
""",
        says=("large scores is nan",),
    ),
    Wrong(
        "a1.softmax_naive",
        "the logarithm of a probability that is 0",
        """
def softmax_naive(w, b, x, y, strength):
    N, C = len(x), len(b)
    loss, dw, db = 0.0, np.zeros_like(w), np.zeros_like(b)
    for n in range(N):
        scores = x[n] @ w + b
        powers = np.exp(scores - scores.max())
        p = powers / powers.sum()
        loss -= np.log(p[y[n]]) / N
        p[y[n]] -= 1
        dw += np.outer(x[n], p) / N
        db += p / N
    return loss + 0.5 * strength * (w * w).sum(), dw + strength * w, db
""",
        says=("large scores is inf",),
    ),
    Wrong(
        "a1.softmax_naive",
        "the 1 is not taken from the right class",
        """
def softmax_naive(w, b, x, y, strength):
    N, C = len(x), len(b)
    loss, dw, db = 0.0, np.zeros_like(w), np.zeros_like(b)
    for n in range(N):
        scores = x[n] @ w + b
        scores -= scores.max()
        powers = np.exp(scores)
        loss += (np.log(powers.sum()) - scores[y[n]]) / N
        dw += np.outer(x[n], powers / powers.sum()) / N
        db += powers / powers.sum() / N
    return loss + 0.5 * strength * (w * w).sum(), dw + strength * w, db
""",
        says=("in w", "in b"),
    ),
    Wrong(
        "a1.softmax_naive",
        "the sign of the loss",
        """
def softmax_naive(w, b, x, y, strength):
    loss, dw, db = softmax_vectorized(w, b, x, y, 0.0)
    return -loss + 0.5 * strength * (w * w).sum(), -dw + strength * w, -db
""",
        says=("the sign is wrong",),
    ),
    Wrong(
        "a1.softmax_vectorized",
        "the probabilities are divided along the wrong axis",
        """
def softmax_vectorized(w, b, x, y, strength):
    N, rows = len(x), np.arange(len(x))
    scores = x @ w + b
    scores -= scores.max(axis=1, keepdims=True)
    p = np.exp(scores) / np.exp(scores).sum(axis=0)
    loss = -np.log(p[rows, y]).mean() + 0.5 * strength * (w * w).sum()
    p[rows, y] -= 1
    return loss, x.T @ p / N + strength * w, p.sum(axis=0) / N
""",
        says=("the loss for w = 0",),
    ),
    Wrong(
        "a1.softmax_vectorized",
        "the largest of all scores is taken away, not of each example's",
        """
def softmax_vectorized(w, b, x, y, strength):
    N, rows = len(x), np.arange(len(x))
    scores = x @ w + b
    scores -= scores.max()
    powers = np.exp(scores)
    sums = powers.sum(axis=1, keepdims=True)
    loss = (np.log(sums[:, 0]) - scores[rows, y]).mean() + 0.5 * strength * (w * w).sum()
    p = powers / sums
    p[rows, y] -= 1
    return loss, x.T @ p / N + strength * w, p.sum(axis=0) / N
""",
        says=("the loss with large scores",),
    ),
    Wrong(
        "a1.softmax_vectorized",
        "the gradients are not divided by the number of examples",
        """
def softmax_vectorized(w, b, x, y, strength):
    loss, dw, db = softmax_naive(w, b, x, y, 0.0)
    return loss + 0.5 * strength * (w * w).sum(), dw * len(x) + strength * w, db * len(x)
""",
        says=("constant-factor",),
    ),
    Wrong(
        "a1.train_linear",
        "it climbs",
        """
def train_linear(loss, w, b, x, y, rate, strength, epochs, batch_size, rng):
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            value, dw, db = loss(w, b, x[batch], y[batch], strength)
            w, b = w + rate * dw, b + rate * db
            losses.append(value)
    return w, b, losses
""",
        says=("it climbs",),
    ),
    Wrong(
        "a1.train_linear",
        "nothing is shuffled",
        """
def train_linear(loss, w, b, x, y, rate, strength, epochs, batch_size, rng):
    losses = []
    for _ in range(epochs):
        for start in range(0, len(x), batch_size):
            batch = slice(start, start + batch_size)
            value, dw, db = loss(w, b, x[batch], y[batch], strength)
            w, b = w - rate * dw, b - rate * db
            losses.append(value)
    return w, b, losses
""",
        says=("the examples are not shuffled",),
    ),
    Wrong(
        "a1.train_linear",
        "the last batch is left out",
        """
def train_linear(loss, w, b, x, y, rate, strength, epochs, batch_size, rng):
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for i in range(len(x) // batch_size):
            batch = order[i * batch_size : (i + 1) * batch_size]
            value, dw, db = loss(w, b, x[batch], y[batch], strength)
            w, b = w - rate * dw, b - rate * db
            losses.append(value)
    return w, b, losses
""",
        says=("the last, smaller batch is left out",),
    ),
    Wrong(
        "a1.train_linear",
        "the weights handed in are changed",
        """
def train_linear(loss, w, b, x, y, rate, strength, epochs, batch_size, rng):
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            value, dw, db = loss(w, b, x[batch], y[batch], strength)
            w -= rate * dw
            b -= rate * db
            losses.append(value)
    return w, b, losses
""",
        says=("w was changed in place",),
    ),
    Wrong(
        "a1.train_linear",
        "batches drawn with replacement",
        """
def train_linear(loss, w, b, x, y, rate, strength, epochs, batch_size, rng):
    losses = []
    for _ in range(epochs * -(-len(x) // batch_size)):
        batch = rng.choice(len(x), batch_size)
        value, dw, db = loss(w, b, x[batch], y[batch], strength)
        w, b = w - rate * dw, b - rate * db
        losses.append(value)
    return w, b, losses
""",
        says=("losses[",),
    ),
]
