"""Random search for hyper-parameters, on a log scale, first coarse and then fine."""

import numpy as np

from nnscratch.course import NotWritten


def log_uniform(low, high, count, rng):
    """Numbers whose logarithms are uniform: as many between 0.001 and 0.01 as between 0.01 and 0.1.

    low, high: the range, 0 < low < high; count: how many; rng: a numpy.random.Generator, of which exactly
    `count` numbers are drawn, with one call of rng.uniform. Returns an array (count,), from low to high.
    Raises ValueError unless 0 < low < high: 0 has no logarithm.

    >>> values = log_uniform(1e-4, 1.0, 4000, np.random.default_rng(0))
    >>> float((values < 1e-2).mean().round(1))
    0.5
    """
    # solution
    if not 0 < low < high:
        raise ValueError(f"the range from {low} to {high} has no logarithms: give 0 < low < high")
    return np.exp(rng.uniform(np.log(low), np.log(high), size=count))
    # end of solution


def random_search(score, ranges, count, rng):
    """Try settings drawn at random, each number of them from its own range on a log scale.

    score: function of a dict {name: value} that returns a number, such as the accuracy on the VALIDATION set:
    the larger, the better; ranges: dict {name: (low, high)}; count: how many settings to try; rng: a
    numpy.random.Generator.
    Returns a list of (score, setting), best first; each setting is a dict {name: value}. Each is tried once; of
    equal scores, the one tried first comes first.

    For each name, in the order of `ranges`, draw its `count` values with log_uniform; setting i takes value i
    of every name. So no two settings share a value, which is why chance finds more than a grid does. Source:
    Bergstra & Bengio 2012, "Random search for hyper-parameter optimization", sec. 2.

    >>> ranges, rng = {"rate": (1e-3, 1.0)}, np.random.default_rng(0)
    >>> trials = random_search(lambda setting: -abs(setting["rate"] - 0.1), ranges, 50, rng)
    >>> len(trials), round(float(trials[0][1]["rate"]), 1)
    (50, 0.1)
    """
    # solution
    values = {name: log_uniform(low, high, count, rng) for name, (low, high) in ranges.items()}
    settings = [{name: values[name][i] for name in ranges} for i in range(count)]
    trials = [(score(setting), setting) for setting in settings]
    return sorted(trials, key=lambda trial: trial[0], reverse=True)
    # end of solution


def coarse_to_fine(score, ranges, count, keep, rounds, rng):
    """Search at random, narrow each range to where the best settings lay, and search again.

    score, ranges, count, rng: as in random_search, which makes the trials of each round; keep: how many of the
    best settings decide on the next ranges, at least 2; rounds: how many rounds, at least 1.
    Returns the list of (score, setting) of all rounds together, best first; of equal scores, those tried first.

    After a round, the new range of a name goes from the smallest to the largest value that it has among the
    `keep` best settings of that round. The first round takes `ranges` themselves; the dict is left as it is.

    >>> rng, ranges = np.random.default_rng(0), {"rate": (1e-5, 10.0)}
    >>> def score(setting):
    ...     return -abs(np.log10(setting["rate"]) + 1)
    >>> trials = coarse_to_fine(score, ranges, count=20, keep=5, rounds=4, rng=rng)
    >>> len(trials), round(float(trials[0][1]["rate"]), 2)
    (80, 0.1)
    """
    # solution
    trials = []
    for _ in range(rounds):
        found = random_search(score, ranges, count, rng)
        best = [setting for _, setting in found[:keep]]
        ranges = {name: (min(s[name] for s in best), max(s[name] for s in best)) for name in ranges}
        trials += found
    return sorted(trials, key=lambda trial: trial[0], reverse=True)
    # end of solution
