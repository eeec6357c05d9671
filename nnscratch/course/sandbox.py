"""Run a check in a process of its own, with limits of time, memory and output."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import nnscratch

MOST_OUTPUT = 10 * 2**20
KEPT_OUTPUT = 20_000
BOOT = (
    "import sys; sys.path[:1] = [{root!r}]; import nnscratch; del sys.path[0]; from {inside} import main; main()"
)


class Ending(NamedTuple):
    """How a process ended: `kind` is replied, time, output, stopped, killed (by `signal`) or left (no reply)."""

    kind: str
    reply: dict[str, Any]
    output: str
    seconds: float
    signal: int = 0


def run(
    request: dict[str, Any],
    seconds: float,
    most_output: int = MOST_OUTPUT,
    stop: Callable[[], bool] | None = None,
    inside: str = "nnscratch.course.inside",
) -> Ending:
    """Run the `main` of the module `inside` on a request and wait for its end, at most so many seconds.

    What the learner's code prints is kept up to a length; more than `most_output` bytes end the process, and so
    does the time. Processes that it started end with it. Time in which this process itself was stopped (a laptop
    asleep) does not count. `stop` is asked now and then whether to give up.

    >>> from nnscratch.course.exercises import assignments_folder
    >>> folder = str(assignments_folder() / "solutions")
    >>> run({"name": "a2.affine_forward", "folder": folder, "seed": 0, "megabytes": 2048, "seconds": 60}, 60).kind
    'replied'
    """
    with tempfile.TemporaryDirectory(prefix="nnscratch-check-", ignore_cleanup_errors=True) as place:
        Path(place, "request.json").write_text(json.dumps(request), encoding="utf-8")
        process = _start(place, inside)
        reader = _Reader(process.stdout, most_output)
        clock, stopped = _Clock(), False
        try:
            while process.poll() is None and clock.seconds < seconds and not reader.too_much and not stopped:
                clock.wait(process)
                stopped = stop is not None and stop()
            running = process.poll() is None
        finally:
            _end(process)
        reader.finish()
        if stopped and running:
            return Ending("stopped", {}, reader.text, clock.seconds)
        kind = "output" if reader.too_much else "time" if running else "left"
        reply: dict[str, Any] = {}
        if kind == "left":
            with contextlib.suppress(OSError, ValueError):
                reply = json.loads(Path(place, "reply.json").read_text(encoding="utf-8"))
                whole = json.dumps(reply, ensure_ascii=False).encode(errors="replace")
                reply = json.loads(whole)  # without half characters, which no terminal and no page can show
                kind = "replied"
        if kind == "left" and process.returncode < 0:
            return Ending("killed", {}, reader.text, clock.seconds, -process.returncode)
        return Ending(kind, reply, reader.text, clock.seconds)


def _start(place, inside):
    root = str(Path(nnscratch.__file__).resolve().parents[1])
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL")}
    return subprocess.Popen(
        [sys.executable, "-c", BOOT.format(root=root, inside=inside), place],
        cwd=place,
        env={
            **os.environ,
            **threads,
            "PYTHONIOENCODING": "utf-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _end(process):
    """End the process and all that it started."""
    with contextlib.suppress(OSError, AttributeError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        process.kill()
    process.wait()


class _Clock:
    """Counts the seconds in which this process was awake."""

    def __init__(self):
        self.seconds, self._last = 0.0, time.monotonic()

    def wait(self, process, step=0.05):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(step)
        now = time.monotonic()
        self.seconds += min(now - self._last, 10 * step)
        self._last = now


class _Reader(threading.Thread):
    """Reads what a process prints, keeps the beginning, counts the rest."""

    def __init__(self, stream, most):
        super().__init__(daemon=True)
        self.stream, self.most, self.count, self.kept = stream, most, 0, b""
        self.start()

    def run(self):
        with contextlib.suppress(OSError, ValueError):
            while chunk := os.read(self.stream.fileno(), 65536):
                self.kept += chunk[: max(0, KEPT_OUTPUT - len(self.kept))]
                self.count += len(chunk)
                if self.too_much:
                    return

    @property
    def too_much(self):
        return self.count > self.most

    @property
    def text(self):
        return self.kept.decode("utf-8", "replace")

    def finish(self):
        self.join(1.0)  # what still holds the pipe open has left the group of processes
        if not self.is_alive():
            self.stream.close()


def set_limits(megabytes: int, seconds: float) -> None:
    """Let this process take at most so many MB more than it has, where the system can (Linux; others do not).

    Twice its `seconds` of computing end it even when nobody waits for it any more.

    >>> set_limits(10**9, 10**9)
    """
    try:
        import resource
    except ImportError:  # Windows has none
        return
    with contextlib.suppress(OSError, ValueError):
        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        most = now + megabytes * 2**20
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        last = int(2 * seconds) + 10
        resource.setrlimit(resource.RLIMIT_CPU, (last, last))
