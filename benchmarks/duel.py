"""Time contestants against each other in one run, by turns in shuffled order: all meet the same machine."""

import random
import sys
import time
from statistics import median

import numpy as np

from benchmarks.neighbours import Neighbours

OURS = "nnscratch"
# On two cores a convolution of ours that takes 3.5 ms took 6.4 ms right behind PyTorch's, whose threads spin on
# for a while; after a rest asleep it took 3.8 to 6.3 ms, as the system then puts both threads on one core.
# Waiting awake for 10 ms and then one call that does not count gave 3.5 ms every time, and PyTorch its best too.
REST = 0.01
BLAS_REST = 0.1  # OpenBLAS spins for longer: PyTorch took 0.126 ms after 40 ms, and 0.048 ms after 100 ms
QUIET = 0.15  # of the cores; the system counts in hundredths of a second, a tenth of a short round
PATIENCE = 20.0  # seconds
AT_LEAST = 0.02  # seconds; a call that is shorter is repeated and its mean taken


def duel(contestants, repeats, warm_up=2, title="", rest=REST):
    """Call every contestant `repeats` times by turns and return {name: [seconds of each turn]}.

    Rounds during which other programs were at work are repeated: as often as there are rounds, and for PATIENCE
    seconds at least. Then the quietest ones count. `rest` seconds go by before each turn; use BLAS_REST where a
    contestant calls BLAS on all its threads.
    """
    if title and sys.stderr.isatty():
        print(f"{title} ...", file=sys.stderr)
    for call in contestants.values():
        for _ in range(warm_up):
            call()
    rounds, order, shuffle = [], list(contestants), random.Random(0).shuffle
    start, quiet = time.perf_counter(), 0
    while quiet < repeats and (len(rounds) < 2 * repeats or time.perf_counter() - start < PATIENCE):
        shuffle(order)
        neighbours = Neighbours()
        turns = {name: one_turn(contestants[name], rest) for name in order}
        rounds.append((neighbours.share() or 0.0, turns))
        quiet += rounds[-1][0] <= QUIET
    rounds.sort(key=lambda each: each[0])
    return {name: [turns[name] for _, turns in rounds[:repeats]] for name in contestants}


def one_turn(call, rest):
    """Wait, call once for nothing, and return the seconds that a call takes."""
    wait_awake(rest)
    call()
    return seconds_of(call)


def wait_awake(seconds):
    """Wait without going to sleep, after which a CPU would begin with a lower clock."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def seconds_of(call, at_least=AT_LEAST):
    """Return the seconds that one call takes, the mean of as many as fill `at_least` seconds."""
    calls, start = 0, time.perf_counter()
    while True:
        call()
        calls += 1
        passed = time.perf_counter() - start
        if passed >= at_least:
            return passed / calls


def quartiles(values):
    """Return the first quartile and the third."""
    low, high = np.percentile(values, [25, 75])
    return float(low), float(high)


def ratio(ours, theirs):
    """Return the median of ours / theirs over the turns, and its quartiles: a slow moment slows both."""
    each = [a / b for a, b in zip(ours, theirs, strict=True)]
    return median(each), *quartiles(each)


def standings(seconds):
    """Return one row for each contestant: median and quartiles in ms, and the ratio of ours to it.

    >>> [row["ratio"] for row in standings({"nnscratch": [2.0, 2.0], "peer": [1.0, 1.0]})]
    [None, 2.0]
    """
    rows = []
    for name, turns in seconds.items():
        low, high = quartiles(turns)
        row = {"contestant": name, "ms": 1e3 * median(turns), "ms_low": 1e3 * low, "ms_high": 1e3 * high}
        of_ours = (None, None, None) if name == OURS else ratio(seconds[OURS], turns)
        rows.append(row | dict(zip(("ratio", "ratio_low", "ratio_high"), of_ours)))
    return rows


def best_peer(seconds):
    """Return the name of the contestant, other than ours, with the smallest median."""
    return min((name for name in seconds if name != OURS), key=lambda name: median(seconds[name]))
