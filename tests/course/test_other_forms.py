"""Right answers to a1-classifiers and a4-training in other forms than the solutions' pass."""

import shutil

import pytest

from nnscratch.course.exercises import all_exercises, assignments_folder
from nnscratch.course.inside import perform
from nnscratch.course.starters import with_function

SOLUTIONS = assignments_folder() / "solutions"

FORMS = [
    """
def distances_two_loops(x, train):
    return np.array([[np.linalg.norm(a - b) for b in train] for a in x])
""",
    """
def distances_one_loop(x, train):
    return np.stack([np.linalg.norm(train - row, axis=1) for row in x])
""",
    """
def distances_no_loops(x, train):
    squares = -2 * np.einsum("md,nd->mn", x, train)
    squares += np.sum(x**2, axis=1, keepdims=True)
    squares += np.sum(train**2, axis=1)
    squares[squares < 0] = 0
    return squares**0.5
""",
    """
def vote(distances, y, k):
    M, N = distances.shape
    if k < 1 or k > N:
        raise ValueError("k")
    labels = []
    for row in distances:
        order = sorted(range(N), key=lambda n: (row[n], n))[:k]
        counts = {}
        for n in order:
            counts[y[n]] = counts.get(y[n], 0) + 1
        labels.append(max(counts, key=counts.get))
    return np.array(labels)
""",
    """
def cross_validate(x, y, ks, folds):
    x_folds, y_folds = np.array_split(x, folds), np.array_split(y, folds)
    out = {}
    for k in ks:
        out[k] = np.zeros(folds)
        for i in range(folds):
            x_train = np.concatenate([part for j, part in enumerate(x_folds) if j != i])
            y_train = np.concatenate([part for j, part in enumerate(y_folds) if j != i])
            found = vote(distances_two_loops(x_folds[i], x_train), y_train, k)
            out[k][i] = np.sum(found == y_folds[i]) / len(y_folds[i])
    return out
""",
    """
def nearest_fast(x, train, k):
    return np.argsort(distances_no_loops(x, train), axis=1)[:, :k]
""",
    """
def svm_naive(w, b, x, y, strength):
    N, C = len(x), w.shape[1]
    loss, dw, db = 0, np.zeros(w.shape), np.zeros(b.shape)
    for i in range(N):
        scores = x[i].dot(w) + b
        for j in range(C):
            if j == y[i]:
                continue
            margin = max(0, scores[j] - scores[y[i]] + 1)
            if margin > 0:
                loss += margin
                dw.T[j] += x[i]
                dw.T[y[i]] -= x[i]
                db[j] += 1
                db[y[i]] -= 1
    loss = loss / N + 0.5 * strength * np.sum(w**2)
    return loss, dw / N + strength * w, db / N
""",
    """
def svm_vectorized(w, b, x, y, strength):
    scores = x.dot(w) + b
    right = np.take_along_axis(scores, y[:, None], axis=1)
    margins = np.where(np.arange(len(b)) == y[:, None], 0, np.maximum(0, scores - right + 1))
    mask = np.where(margins > 0, 1.0, 0.0)
    np.put_along_axis(mask, y[:, None], -mask.sum(axis=1, keepdims=True), axis=1)
    mask /= len(x)
    loss = np.mean(margins.sum(axis=1)) + strength / 2 * np.linalg.norm(w) ** 2
    return loss, x.T.dot(mask) + strength * w, mask.sum(axis=0)
""",
    """
def softmax_vectorized(w, b, x, y, strength):
    scores = x @ w + b
    top = scores.max(axis=1, keepdims=True)
    log_p = scores - top - np.log(np.sum(np.exp(scores - top), axis=1, keepdims=True))
    target = np.eye(len(b))[y]
    dscores = (np.exp(log_p) - target) / len(x)
    loss = -np.sum(log_p * target) / len(x) + 0.5 * strength * np.sum(w * w)
    return loss, x.T @ dscores + strength * w, dscores.sum(0)
""",
    """
def train_linear(loss, w, b, x, y, rate, strength, epochs, batch_size, rng):
    w, b = w.copy(), b.copy()
    history = []
    for epoch in range(epochs):
        order = rng.permutation(len(x))
        while len(order):
            batch, order = order[:batch_size], order[batch_size:]
            value, dw, db = loss(w, b, x[batch], y[batch], strength)
            w -= rate * dw
            b -= rate * db
            history.append(float(value))
    return w, b, history
""",
    """
def two_layer_scores(params, x):
    z = x.dot(params["w1"]) + params["b1"]
    hidden = z * (z > 0)
    return hidden.dot(params["w2"]) + params["b2"], hidden
""",
    """
def two_layer_train(params, x, y, rate, decay, strength, epochs, batch_size, rng):
    params = {name: array.copy() for name, array in params.items()}
    history = []
    for epoch in range(epochs):
        for batch in np.split((order := rng.permutation(len(x))), range(batch_size, len(order), batch_size)):
            loss, grads = two_layer_loss(params, x[batch], y[batch], strength)
            for name, grad in grads.items():
                params[name] -= rate * decay**epoch * grad
            history.append(loss)
    return params, history
""",
    """
def two_layer_predict(params, x):
    return np.array([int(np.argmax(row)) for row in two_layer_scores(params, x)[0]])
""",
    """
def hue_histogram(x, bins):
    r, g, b = np.moveaxis(x, 1, 0)
    hue = np.arctan2(3**0.5 * (g - b), 2 * r - g - b) / 2 / np.pi
    hue[hue < 0] += 1
    weight = np.ptp(x, axis=1)
    return np.array(
        [np.histogram(hue[n], bins, (0, 1), weights=weight[n])[0] / hue[n].size for n in range(len(x))]
    )
""",
    """
def edges(grey):
    N, H, W = grey.shape
    padded = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="reflect", reflect_type="odd")
    down = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2
    across = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2
    angle = np.arctan2(down, across) * 180 / np.pi
    angle = np.where(angle < 0, angle + 180, angle)
    angle[angle >= 180] = 0
    return np.sqrt(down**2 + across**2), angle
""",
    """
def hog(grey, cell, bins):
    length, angle = edges(grey)
    features = []
    for n in range(len(grey)):
        for r in range(grey.shape[1] // cell):
            for c in range(grey.shape[2] // cell):
                part = n, slice(r * cell, r * cell + cell), slice(c * cell, c * cell + cell)
                h, _ = np.histogram(angle[part], bins, (0, 180), weights=length[part])
                features.append(h / (np.linalg.norm(h) + 1e-6))
    return np.reshape(features, (len(grey), -1))
""",
    """
def fans(shape):
    if len(shape) not in (2, 4):
        raise ValueError(shape)
    window = int(np.prod(shape[2:]))
    one, two = shape[0] * window, shape[1] * window
    return (one, two) if len(shape) == 2 else (two, one)
""",
    """
def xavier(shape, rng):
    return rng.normal(0.0, (2 / sum(fans(shape))) ** 0.5, shape)
""",
    """
def he(shape, rng):
    limit = (6 / fans(shape)[0]) ** 0.5
    return (2 * rng.random(shape) - 1) * limit
""",
    """
def subtract_mean_image(train, test):
    train, test = train.astype(np.float32), test.astype(np.float32)
    mean = train.mean(axis=0)
    return train - mean, test - mean
""",
    """
def standardize(train, test):
    C = train.shape[1]
    flat = train.transpose(1, 0, 2, 3).reshape(C, -1)
    mean, std = flat.mean(axis=1).reshape(1, C, 1, 1), flat.std(axis=1).reshape(1, C, 1, 1)
    std[std < 1e-6] = 1
    return (train - mean) / std, (test - mean) / std
""",
    """
def pca_whiten(train, test, components, epsilon):
    mean = train.mean(axis=0)
    _, s, directions = np.linalg.svd(train - mean, full_matrices=False)
    scale = -directions[:components].T / np.sqrt(s[:components] ** 2 / len(train) + epsilon)
    return (train - mean) @ scale, (test - mean) @ scale
""",
    """
def mirror(x, rng):
    return np.where((rng.random(len(x)) < 0.5)[:, None, None, None], np.flip(x, 3), x)
""",
    """
def random_crops(x, pad, rng):
    N, C, H, W = x.shape
    padded = np.zeros((N, C, H + 2 * pad, W + 2 * pad), x.dtype)
    padded[:, :, pad : pad + H, pad : pad + W] = x
    top, left = rng.integers(0, 2 * pad + 1, N), rng.integers(0, 2 * pad + 1, N)
    rows, columns = top[:, None] + np.arange(H), left[:, None] + np.arange(W)
    return padded[np.arange(N)[:, None, None], :, rows[:, :, None], columns[:, None]].transpose(0, 3, 1, 2)
""",
    """
def pca_colour(x, variances, directions, std, rng):
    out = x.copy()
    for image, alpha in zip(out, rng.normal(0, std, (len(x), 3))):
        image += (directions @ (alpha * variances**0.5)).reshape(3, 1, 1).astype(x.dtype)
    return out
""",
    """
def plateau_rate(losses, rate, factor, patience):
    best = waited = None
    for loss in losses:
        if best is None or loss < best:
            best, waited = loss, 0
            continue
        waited += 1
        if waited == patience + 1:
            rate *= factor
            waited = 0
    return rate
""",
    """
def early_stopping(losses, patience):
    best, waited = 0, 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best]:
            best, waited = epoch, 0
        else:
            waited += 1
            if waited > patience:
                return best, epoch
    return best, len(losses) - 1
""",
    """
def scores_with_dropout(params, x, drop, train, rng):
    z = x @ params["w1"] + params["b1"]
    z = np.where(z > 0, z, 0)
    if train and drop > 0:
        keep = rng.random(z.shape) >= drop
        z = np.where(keep, z / (1 - drop), 0)
    return z @ params["w2"] + params["b2"]
""",
    """
def log_uniform(low, high, count, rng):
    if low <= 0 or high <= low:
        raise ValueError("range")
    return 10 ** rng.uniform(np.log10(low), np.log10(high), count)
""",
    """
def random_search(score, ranges, count, rng):
    columns = [log_uniform(*ranges[name], count, rng) for name in ranges]
    trials = []
    for row in np.transpose(columns):
        setting = dict(zip(ranges, row))
        trials.append((score(setting), setting))
    trials.sort(key=lambda trial: -trial[0])
    return trials
""",
    """
def coarse_to_fine(score, ranges, count, keep, rounds, rng):
    every = random_search(score, ranges, count, rng)
    last = every
    for _ in range(rounds - 1):
        top = {name: [setting[name] for _, setting in last[:keep]] for name in ranges}
        last = random_search(score, {name: (min(v), max(v)) for name, v in top.items()}, count, rng)
        every = every + last
    every.sort(key=lambda trial: trial[0], reverse=True)
    return every
""",
    """
def replace_head(params, head, classes, rng):
    import copy

    new = copy.deepcopy(params)
    w, b = new[f"{head}.w"], new[f"{head}.b"]
    new[f"{head}.w"] = (0.01 * rng.normal(size=(w.shape[0], classes))).astype(w.dtype)
    new[f"{head}.b"] = np.zeros_like(b, shape=classes)
    return new
""",
    """
def fine_tune_step(params, grads, velocities, rates, momentum):
    params = {name: array.copy() for name, array in params.items()}
    velocities = {name: array.copy() for name, array in velocities.items()}
    for name in params:
        layer, _ = name.rsplit(".", 1)
        if layer in rates and rates[layer] != 0:
            velocities[name] *= momentum
            velocities[name] -= rates[layer] * grads[name]
            params[name] += velocities[name]
    return params, velocities
""",
]


@pytest.mark.parametrize("source", FORMS, ids=lambda source: source[5 : source.index("(")])
def test_a_right_answer_in_another_form_passes(source, tmp_path):
    function = source[5 : source.index("(")]
    row = next(r for r in all_exercises().values() if r.function == function and r.name.startswith(("a1.", "a4.")))
    shutil.copytree(SOLUTIONS / row.assignment, tmp_path / row.assignment)
    path = tmp_path / row.path
    path.write_text(with_function(path.read_text(), function, source))
    for seed in (0, 1):
        outcome = perform(row.name, tmp_path, seed)
        assert outcome["kind"] == "passed", outcome
