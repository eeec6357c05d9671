"""Wrong answers about schedules, searching and transfer, as learners write them, and what the check must say."""

from tests.course.wrong import Wrong

PLATEAU = """
def plateau_rate(losses, rate, factor, patience):
    best, waited = math.inf, 0
    for loss in losses:
        if loss < best:
            best, waited = loss, 0
        else:
            waited += 1
        if waited > patience:
            rate, waited = rate * factor, 0
    return rate
"""

STOP = """
def early_stopping(losses, patience):
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best > patience:
            return best, epoch
    return best, len(losses) - 1
"""

SEARCH = """
def random_search(score, ranges, count, rng):
    values = {name: log_uniform(low, high, count, rng) for name, (low, high) in ranges.items()}
    settings = [{name: values[name][i] for name in ranges} for i in range(count)]
    trials = [(score(setting), setting) for setting in settings]
    return sorted(trials, key=lambda trial: trial[0], reverse=True)
"""

FINE = """
def coarse_to_fine(score, ranges, count, keep, rounds, rng):
    trials = []
    for _ in range(rounds):
        found = random_search(score, ranges, count, rng)
        best = [setting for _, setting in found[:keep]]
        ranges = {name: (min(s[name] for s in best), max(s[name] for s in best)) for name in ranges}
        trials += found
    return sorted(trials, key=lambda trial: trial[0], reverse=True)
"""

NARROWED = "        ranges = {name: (min(s[name] for s in best), max(s[name] for s in best)) for name in ranges}\n"

HEAD = """
def replace_head(params, head, classes, rng):
    new = {name: array.copy() for name, array in params.items()}
    w, b = params[head + ".w"], params[head + ".b"]
    new[head + ".w"] = rng.normal(0, 0.01, size=(len(w), classes)).astype(w.dtype)
    new[head + ".b"] = np.zeros(classes, b.dtype)
    return new
"""

STEP = """
def fine_tune_step(params, grads, velocities, rates, momentum):
    new_params, new_velocities = {}, {}
    for name, value in params.items():
        rate = rates.get(name.rpartition(".")[0], 0.0)
        if rate == 0:
            new_params[name], new_velocities[name] = value.copy(), velocities[name].copy()
            continue
        new_velocities[name] = momentum * velocities[name] - rate * grads[name]
        new_params[name] = value + new_velocities[name]
    return new_params, new_velocities
"""


def changed(source, old, new):
    """The right answer with one line done wrong."""
    assert old in source
    return source.replace(old, new)


WRONG = [
    Wrong(
        "a4.warmup_cosine",
        "the first step has a rate of 0",
        """
def warmup_cosine(step, steps, warmup, rate):
    if step < warmup:
        return rate * step / warmup
    return rate * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2
""",
        says=("the first step would be lost",),
    ),
    Wrong(
        "a4.warmup_cosine",
        "the wave starts with the training, not after the warm-up",
        """
def warmup_cosine(step, steps, warmup, rate):
    if step < warmup:
        return rate * (step + 1) / warmup
    return rate * (1 + math.cos(math.pi * step / steps)) / 2
""",
        says=("the fall should start at the end of the warm-up", "there is no warm-up"),
    ),
    Wrong(
        "a4.warmup_cosine",
        "not halved",
        """
def warmup_cosine(step, steps, warmup, rate):
    if step < warmup:
        return rate * (step + 1) / warmup
    return rate * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))
""",
        says=("it falls from 2 * rate",),
    ),
    Wrong(
        "a4.warmup_cosine",
        "divided by a warm-up of 0",
        """
def warmup_cosine(step, steps, warmup, rate):
    rising = rate * (step + 1) / warmup
    t = (step - warmup) / (steps - warmup)
    return rising if step < warmup else rate * (1 + math.cos(math.pi * t)) / 2
""",
        says=("ZeroDivisionError",),
    ),
    Wrong(
        "a4.plateau_rate",
        "one epoch too early",
        changed(PLATEAU, "waited > patience", "waited >= patience"),
        says=("must be LARGER than patience",),
    ),
    Wrong(
        "a4.plateau_rate",
        "the count is not reset after a reduction",
        changed(PLATEAU, "rate, waited = rate * factor, 0", "rate = rate * factor"),
        says=("the count starts at 0 again",),
    ),
    Wrong(
        "a4.plateau_rate",
        "compared with the loss before",
        changed(PLATEAU, "            waited += 1\n", "            best, waited = loss, waited + 1\n"),
        says=("with the best so far",),
    ),
    Wrong(
        "a4.plateau_rate",
        "an equal loss counts as better",
        changed(PLATEAU, "loss < best", "loss <= best"),
        says=("an equal loss is no new best",),
    ),
    Wrong(
        "a4.early_stopping",
        "one epoch too early",
        changed(STOP, "epoch - best > patience", "epoch - best >= patience"),
        says=("one epoch too early",),
    ),
    Wrong(
        "a4.early_stopping",
        "the best of all losses, also of those after the stop",
        changed(STOP, "return best, epoch", "return int(np.argmin(losses)), epoch"),
        says=("the best comes after the stop",),
    ),
    Wrong(
        "a4.early_stopping",
        "the last of equal losses",
        """
def early_stopping(losses, patience):
    best, waited = 0, 0
    for epoch, loss in enumerate(losses):
        waited = 0 if loss < losses[best] or epoch == 0 else waited + 1
        if loss <= losses[best]:
            best = epoch
        if waited > patience:
            return best, epoch
    return best, len(losses) - 1
""",
        says=("the earlier epoch is the best",),
    ),
    Wrong(
        "a4.early_stopping",
        "the loss instead of its epoch",
        changed(STOP, "return best, epoch", "return losses[best], epoch"),
        says=("numbers of epochs",),
    ),
    Wrong(
        "a4.log_uniform",
        "uniform numbers",
        """
def log_uniform(low, high, count, rng):
    if not 0 < low < high:
        raise ValueError("no such range")
    return rng.uniform(low, high, size=count)
""",
        says=("they are uniform themselves",),
    ),
    Wrong(
        "a4.log_uniform",
        "the logarithms themselves",
        """
def log_uniform(low, high, count, rng):
    if not 0 < low < high:
        raise ValueError("no such range")
    return rng.uniform(np.log10(low), np.log10(high), size=count)
""",
        says=("these are the logarithms",),
    ),
    Wrong(
        "a4.log_uniform",
        "logarithms to the base 10, powers of e",
        """
def log_uniform(low, high, count, rng):
    if not 0 < low < high:
        raise ValueError("no such range")
    return np.exp(rng.uniform(np.log10(low), np.log10(high), size=count))
""",
        says=("into each decade",),
    ),
    Wrong(
        "a4.log_uniform",
        "a range from 0",
        """
def log_uniform(low, high, count, rng):
    return np.exp(rng.uniform(np.log(max(low, 1e-12)), np.log(high), size=count))
""",
        says=("from 0.0 to 1.0",),
    ),
    Wrong(
        "a4.random_search",
        "a grid",
        changed(SEARCH, "values[name][i] for name", "values[name][i if name != 'rate' else i // 2] for name"),
        says=("unlike on a grid",),
    ),
    Wrong(
        "a4.random_search",
        "the worst first",
        changed(SEARCH, ", reverse=True", ""),
        says=("the worst comes first",),
    ),
    Wrong(
        "a4.random_search",
        "sorted by scores and settings",
        changed(SEARCH, "key=lambda trial: trial[0], ", ""),
        says=("TypeError",),
    ),
    Wrong(
        "a4.random_search",
        "setting by setting instead of name by name",
        """
def random_search(score, ranges, count, rng):
    trials = []
    for _ in range(count):
        setting = {name: log_uniform(low, high, 1, rng)[0] for name, (low, high) in ranges.items()}
        trials.append((score(setting), setting))
    return sorted(trials, key=lambda trial: trial[0], reverse=True)
""",
        says=("the values of one name after the other",),
    ),
    Wrong(
        "a4.random_search",
        "every setting is tried twice",
        changed(SEARCH, "    return sorted", "    settings.sort(key=score)\n    return sorted"),
        says=("score was called",),
    ),
    Wrong(
        "a4.coarse_to_fine",
        "the ranges stay as they are",
        changed(
            FINE,
            NARROWED,
            "",
        ),
        says=("in round 2",),
    ),
    Wrong(
        "a4.coarse_to_fine",
        "the ranges of all trials, not of the best",
        changed(FINE, "found[:keep]", "found"),
        says=("in round 2",),
    ),
    Wrong(
        "a4.coarse_to_fine",
        "only the last round is returned",
        changed(FINE, "trials += found", "trials = found"),
        says=("it should have 36",),
    ),
    Wrong(
        "a4.coarse_to_fine",
        "the dict handed in is narrowed",
        changed(
            FINE,
            NARROWED,
            "        for name in ranges:\n"
            "            ranges[name] = (min(s[name] for s in best), max(s[name] for s in best))\n",
        ),
        says=("the dict ranges that was handed in was changed",),
    ),
    Wrong(
        "a4.replace_head",
        "the other layers are not copied",
        changed(HEAD, "{name: array.copy() for name, array in params.items()}", "dict(params)"),
        says=("the old net's own array",),
    ),
    Wrong(
        "a4.replace_head",
        "the old net loses its head",
        changed(HEAD, "{name: array.copy() for name, array in params.items()}", "params"),
        says=("the dict that was handed in was changed", "was changed in place"),
    ),
    Wrong(
        "a4.replace_head",
        "the old biases stay",
        changed(HEAD, "np.zeros(classes, b.dtype)", "b[:classes].copy()"),
        says=("fc.b[",),
    ),
    Wrong(
        "a4.replace_head",
        "float64 in a net of float32",
        changed(HEAD, ".astype(w.dtype)", ""),
        says=("fc.w has dtype float64",),
    ),
    Wrong(
        "a4.replace_head",
        "classes before features",
        changed(HEAD, "size=(len(w), classes)", "size=(classes, len(w))"),
        says=("it looks transposed",),
    ),
    Wrong(
        "a4.fine_tune_step",
        "momentum still moves what is frozen",
        """
def fine_tune_step(params, grads, velocities, rates, momentum):
    new_params, new_velocities = {}, {}
    for name, value in params.items():
        rate = rates.get(name.rpartition(".")[0], 0.0)
        new_velocities[name] = momentum * velocities[name] - rate * grads[name]
        new_params[name] = value + new_velocities[name]
    return new_params, new_velocities
""",
        says=("its old velocity still moves it",),
    ),
    Wrong(
        "a4.fine_tune_step",
        "the velocity of what is frozen is forgotten",
        changed(STEP, "velocities[name].copy()", "np.zeros_like(value)"),
        says=("it is set to 0: leave it",),
    ),
    Wrong(
        "a4.fine_tune_step",
        "the layer is what stands before the first dot",
        changed(STEP, 'name.rpartition(".")[0]', 'name.split(".")[0]'),
        says=("what stands before the LAST dot",),
    ),
    Wrong(
        "a4.fine_tune_step",
        "a layer without a rate is an error",
        changed(STEP, 'rates.get(name.rpartition(".")[0], 0.0)', 'rates[name.rpartition(".")[0]]'),
        says=("KeyError",),
    ),
    Wrong(
        "a4.fine_tune_step",
        "the parameters move by the gradient alone",
        changed(STEP, "value + new_velocities[name]", "value - rate * grads[name]"),
        says=("it moved by the gradient alone",),
    ),
    Wrong(
        "a4.fine_tune_step",
        "in place",
        changed(
            STEP,
            "new_params[name] = value + new_velocities[name]",
            "value += new_velocities[name]\n        new_params[name] = value",
        ),
        says=("was changed in place",),
    ),
]
