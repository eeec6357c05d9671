"""How much of the processor other programs took during a benchmark: figures of a busy machine mean little."""

import os
import time
from pathlib import Path


class Neighbours:
    """Start it before the benchmark; `share()` then says what other programs took, as a share of all cores.

    None where the system does not tell (it reads Linux's /proc/stat).
    """

    def __init__(self):
        self.start = time.perf_counter()
        self.busy, self.own = _busy(), sum(os.times()[:4])

    def share(self):
        """Return the share of the cores' time, from 0 to 1, that went to other programs since the start."""
        if self.busy is None:
            return None
        seconds = (time.perf_counter() - self.start) * (os.cpu_count() or 1)
        others = _busy() - self.busy - (sum(os.times()[:4]) - self.own)
        return max(others / seconds, 0.0)


def _busy():
    """Seconds that all cores have spent on programs since the machine started (user, nice, system)."""
    try:
        first = Path("/proc/stat").read_text().splitlines()[0].split()
    except OSError:
        return None
    return sum(map(int, first[1:4])) / os.sysconf("SC_CLK_TCK")
