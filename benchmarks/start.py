"""How long `nnscratch train` takes from being typed to its first step, with and without compiled kernels.

Run `python -m benchmarks.start [--times N]`. A small AlexNet on shapes10, which is drawn beforehand; each figure
is the median of N starts in processes of their own. Cold means that no kernel has been compiled before.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CODE = """
import os, sys, time
from nnscratch.training.solver import Solver
step = Solver.step

def timed(solver, x, y):
    begun = time.time()
    step(solver, x, y)
    print("clock", begun, time.time(), flush=True)
    os._exit(0)

Solver.step = timed
from nnscratch.cli import main
sys.exit(main(["train", "--data", "shapes10", "--out", sys.argv[1]]))
"""


def first_step(cache, kernels):
    """Return the seconds from the start of a process to the beginning and to the end of its first step."""
    environment = {**os.environ, "NNSCRATCH_CACHE": str(cache), "NUMBA_CACHE_DIR": str(kernels)}
    with tempfile.TemporaryDirectory() as folder:
        start = time.time()
        words = [sys.executable, "-c", CODE, str(Path(folder) / "run")]
        said = subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout
    _, begun, ended = said.splitlines()[-1].split()
    return float(begun) - start, float(ended) - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5, metavar="N")
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        first_step(root, root / "warm")
        seconds = {
            "cold": [first_step(root, root / f"cold{number}") for number in range(times)],
            "warm": [first_step(root, root / "warm") for _ in range(times)],
        }
    for state, runs in seconds.items():
        begun, ended = (statistics.median(column) for column in zip(*runs))
        print(f"{state}: the first step begins after {begun:.2f} s and ends after {ended:.2f} s")
    cold, warm = (statistics.median(ended for _, ended in seconds[state]) for state in ("cold", "warm"))
    print(f"compiled kernels bring the first step {cold / warm:.1f} times as early")


if __name__ == "__main__":
    main()
