"""How the exercises on searching hyper-parameters are checked."""

import numpy as np

from nnscratch.course import expect
from nnscratch.course.exercises import exercise


@exercise(
    "a4.log_uniform",
    file="search.py",
    minutes=10,
    hints=(
        "Draw the logarithms uniformly, between which two numbers?",
        "rng.uniform(np.log(low), np.log(high), size=count) are the logarithms. What undoes a logarithm?",
        "np.exp(rng.uniform(np.log(low), np.log(high), size=count))",
    ),
)
def log_uniform(mine, rng):
    """How many numbers fall into each decade, how many are drawn, ranges without logarithms."""
    seed = int(rng.integers(1000))
    found = mine(1e-4, 1.0, 4000, np.random.default_rng(seed))
    expect.shape(found, (4000,), "the result")
    low, high = float(np.min(found)), float(np.max(found))
    expect.true(
        low >= 1e-4 - 1e-12 and high <= 1.0 + 1e-12,
        f"numbers from 0.0001 to 1 are asked for, these go from {low:.4g} to {high:.4g}"
        + (": these are the logarithms" if high <= 0 else ""),
    )
    shares = np.histogram(np.log10(found), bins=[-4, -3, -2, -1, 1e-9])[0] / 4000
    words = ", ".join(f"{share:.0%}" for share in shares)
    expect.true(
        np.all(abs(shares - 0.25) < 0.05),
        f"a quarter of the numbers should fall into each decade from 0.0001 to 1, here it is {words}"
        + (": they are uniform themselves, not their logarithms" if shares[-1] > 0.8 else ""),
    )
    used, fresh = np.random.default_rng(seed), np.random.default_rng(seed)
    expect.equal(mine(3.0, 50.0, 6, used), 3 * (50 / 3) ** fresh.random(6), "the result for 3.0 to 50.0", 1e-9)
    expect.true(used.random() == fresh.random(), "exactly `count` numbers should be drawn")
    for low, high in ((0.0, 1.0), (-1.0, 1.0), (2.0, 1.0)):
        expect.raises(ValueError, lambda: mine(low, high, 3, np.random.default_rng(0)), f"from {low} to {high}")


RANGES = {"rate": (1e-4, 1.0), "strength": (1e-6, 1e-2)}


def _recorder(score):
    """The score, and a list of the settings for which it was asked."""
    asked = []

    def scored(setting):
        asked.append(dict(setting))
        return score(setting)

    return scored, asked


def _near(setting):
    return -abs(np.log10(setting["rate"]) + 2.2) - 0.1 * abs(np.log10(setting["strength"]) + 4.1)


def _steps(setting):
    """A score with many equal values."""
    return float(np.floor(_near(setting)))


def _trials(trials, count, asked):
    """Expect (score, setting) pairs, as many as asked for, each of them tried, best first."""
    expect.true(isinstance(trials, list), f"it should return a list, it returns {expect.described(trials)}")
    expect.true(len(trials) == count, f"the list has {len(trials)} trials, it should have {count}")
    expect.true(len(asked) == count, f"score was called {len(asked)} times, for {count} trials")
    first = trials[0]
    expect.true(
        isinstance(first, tuple) and len(first) == 2 and isinstance(first[1], dict),
        f"each trial should be (score, setting), with a dict as setting; the first is {first!r:.80}",
    )
    scores = [score for score, _ in trials]
    expect.true(
        scores != sorted(scores) or scores == sorted(scores, reverse=True), "the worst comes first: best first"
    )
    expect.true(scores == sorted(scores, reverse=True), "the trials are not in order: best first")


def _same(trials, right, rule):
    for i, ((score, setting), (right_score, right_setting)) in enumerate(zip(trials, right)):
        close = abs(score - right_score) < 1e-9 and all(
            name in setting and abs(setting[name] / right_setting[name] - 1) < 1e-9 for name in right_setting
        )
        expect.true(
            close and set(setting) == set(right_setting),
            f"trial {i} has the score {score:.4g} and the setting {_short(setting)}, it should have "
            f"{right_score:.4g} and "
            f"{_short(right_setting)}: {rule}",
        )


def _short(setting):
    return "{" + ", ".join(f"{name}: {float(value):.3g}" for name, value in setting.items()) + "}"


def _search(score, ranges, count, rng):
    values = {name: low * (high / low) ** rng.random(count) for name, (low, high) in ranges.items()}
    settings = [dict(zip(values, row)) for row in zip(*values.values())]
    return sorted([(score(setting), setting) for setting in settings], key=lambda trial: -trial[0])


@exercise(
    "a4.random_search",
    file="search.py",
    minutes=20,
    points=2,
    hints=(
        "First all values: for each name, `count` of them by log_uniform. Then the settings, each with one "
        "value of every name.",
        "Ask score once for each setting, keep (score, setting), and sort by the score alone: dicts have no "
        "order.",
        "sorted(trials, key=lambda trial: trial[0], reverse=True), with trials = [(score(setting), setting) for "
        "setting in "
        "settings]",
    ),
)
def random_search(mine, rng):
    """The settings drawn, their order, also among equal scores."""
    for target, count in ((_near, 7), (_steps, 30), (_near, 1)):
        seed = int(rng.integers(1000))
        score, asked = _recorder(target)
        trials = mine(score, dict(RANGES), count, np.random.default_rng(seed))
        _trials(trials, count, asked)
        grid = count > 1 and len({setting.get("rate") for setting in asked}) < count
        expect.true(
            not grid, "settings share a value of rate: every setting has values of its own, unlike on a grid"
        )
        right = _search(target, RANGES, count, np.random.default_rng(seed))
        rule = "draw the values of one name after the other, as in ranges; of equal scores, the first tried leads"
        _same(trials, right, rule)


@exercise(
    "a4.coarse_to_fine",
    file="search.py",
    minutes=25,
    points=3,
    hints=(
        "A loop over rounds: search, look at the `keep` best, make new ranges, keep all trials.",
        "The best settings of a round are [setting for _, setting in found[:keep]]; for each name take min and "
        "max over them.",
        "ranges = {name: (min(s[name] for s in best), max(s[name] for s in best)) for name in ranges}: a new "
        "dict; at the end "
        "sort the trials of all rounds",
    ),
)
def coarse_to_fine(mine, rng):
    """One round, then several: the ranges of each, the trials of all."""
    for rounds, keep, target in ((1, 3, _near), (4, 3, _near), (3, 5, _steps)):
        seed, count = int(rng.integers(1000)), 9
        score, asked = _recorder(target)
        given = dict(RANGES)
        trials = mine(score, given, count, keep, rounds, np.random.default_rng(seed))
        expect.true(
            given == RANGES, "the dict ranges that was handed in was changed: make a new one for each round"
        )
        right, draw, ranges = [], np.random.default_rng(seed), dict(RANGES)
        if len(asked) == rounds * count:
            _rounds(asked, count, keep, target)
        _trials(trials, rounds * count, asked)
        for _ in range(rounds):
            found = _search(target, ranges, count, draw)
            for name in ranges:
                best = sorted(setting[name] for _, setting in found[:keep])
                ranges[name] = (best[0], best[-1])
            right += found
        right.sort(key=lambda trial: -trial[0])
        _same(trials, right, "the trials of all rounds, best first; each round draws from the narrowed ranges")


def _rounds(asked, count, keep, target):
    """Expect every round to stay within what the best of the round before span."""
    for start in range(count, len(asked), count):
        before, now = asked[start - count : start], asked[start : start + count]
        best = sorted(before, key=target, reverse=True)[:keep]
        for name in RANGES:
            low, high = (pick(setting[name] for setting in best) for pick in (min, max))
            beyond = [s[name] for s in now if not low * (1 - 1e-9) <= s[name] <= high * (1 + 1e-9)]
            expect.true(
                not beyond,
                f"in round {start // count + 1} {name} is {(beyond or [0])[0]:.3g}, but the {keep} best "
                f"settings of the round "
                f"before lie between {low:.3g} and {high:.3g}",
            )
