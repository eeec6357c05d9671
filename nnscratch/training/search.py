"""Hyper-parameter search: grid, random, coarse to fine and successive halving, by parallel workers, resumable."""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nnscratch.arrays import rng
from nnscratch.training.atomic import write_atomically
from nnscratch.training.diagnosis import NonFiniteLoss
from nnscratch.training.spaces import TrialError, narrow, random_settings

Settings = dict[str, Any]
LINE = '{"settings": '  # how every line of a file of results begins


class Trial(NamedTuple):
    """Settings that were tried, their score (higher is better; None if the training failed), seconds, and why."""

    settings: Settings
    score: float | None
    seconds: float
    error: str = ""


def search(
    evaluate: Callable[[Settings], float],
    trials: Iterable[Settings],
    *,
    workers: int | None = 1,
    results: Path | str | None = None,
) -> list[Trial]:
    """Evaluate every settings dict of `trials`, and return the Trials in the order of `trials`.

    evaluate: settings -> score, the higher the better, such as a validation accuracy. One that raises
        NonFiniteLoss makes a Trial without a score; any other error ends the search.
    workers: how many processes work side by side (joblib; needs the extra `search`). None leaves the choice to
        joblib's own configuration, so that `with joblib.parallel_config(backend="dask"):` hands the work to a
        cluster. Each worker gets its share of the threads.
    results: a file of one JSON object per line, into which each Trial goes as soon as it ends. What stands there
        already is not tried again, so that a search that was stopped goes on.

    Raises TrialError for settings that JSON cannot hold, a score that is no number, or a file of something else.

    >>> def score(settings):
    ...     return -((settings["rate"] - 0.3) ** 2)
    >>> trials = search(score, [{"rate": 0.1}, {"rate": 0.25}, {"rate": 0.9}])
    >>> best(trials).settings
    {'rate': 0.25}
    """
    wanted = {_key(settings): dict(settings) for settings in trials}
    done = _read(results) if results is not None else {}
    waiting = [settings for key, settings in wanted.items() if key not in done]
    for trial in _run(evaluate, waiting, workers):
        done[_key(trial.settings)] = trial
        if results is not None:
            with Path(results).open("a", encoding="utf-8") as file:
                file.write(json.dumps(trial._asdict()) + "\n")
    return [done[key] for key in wanted]


def best(trials: Iterable[Trial]) -> Trial:
    """Return the Trial with the highest score, the first of equals; raises TrialError when none has a score.

    >>> best([Trial({"rate": 1}, None, 0.1, "diverged"), Trial({"rate": 0.1}, 0.5, 0.1)]).score
    0.5
    """
    return ranked(trials)[0]


def ranked(trials: Iterable[Trial]) -> list[Trial]:
    """Return the Trials that have a score, highest first; raises TrialError when none has.

    >>> [trial.score for trial in ranked([Trial({"rate": 1}, 0.2, 0.1), Trial({"rate": 0.1}, 0.5, 0.1)])]
    [0.5, 0.2]
    """
    trials = list(trials)
    scored = [trial for trial in trials if trial.score is not None]
    if not scored:
        why = f": {trials[0].error}" if trials else ""
        raise TrialError(f"none of {len(trials)} trials has a score{why}. Search lower rates, or more settings")
    return sorted(scored, key=lambda trial: -(trial.score or 0.0))


def coarse_to_fine(
    evaluate: Callable[[Settings], float],
    space: Mapping[str, Any],
    *,
    rounds: int = 2,
    count: int = 10,
    share: float = 0.3,
    seed: int = 0,
    workers: int | None = 1,
    results: Path | str | None = None,
) -> list[Trial]:
    """Try `count` random settings of `space`, then as many of the `share` of it around the best, and so on.

    Returns the Trials of all rounds; `workers`, `results` and errors as in `search`.
    Source: CS231n notes, "Neural networks part 3: hyperparameter optimization".

    >>> from nnscratch.training.spaces import LogUniform
    >>> score = lambda settings: -abs(settings["rate"] / 0.01 - 1) if settings["rate"] < 0.1 else -10
    >>> trials = coarse_to_fine(score, {"rate": LogUniform(1e-3, 1)}, rounds=3)
    >>> len(trials), 0.008 < best(trials).settings["rate"] < 0.0125
    (30, True)
    """
    if rounds < 1:
        raise TrialError(f"coarse_to_fine: {rounds} rounds: give 1 or more")
    trials: list[Trial] = []
    for number in range(rounds):
        settings = random_settings(space, count, seed=int(rng(seed, number).integers(2**31)))
        trials += search(evaluate, settings, workers=workers, results=results)
        space = narrow(space, best(trials).settings, share)
    return trials


def successive_halving(
    evaluate: Callable[[Settings], float],
    trials: Iterable[Settings],
    *,
    epochs: int = 1,
    factor: int = 3,
    workers: int | None = 1,
    results: Path | str | None = None,
) -> list[Trial]:
    """Stop the bad ones early: train all for few `epochs`, the best 1 / `factor` of them longer, and so on.

    evaluate: settings, with "epochs" among them -> score. Each round has `factor` times the epochs of the one
    before, until one is left. Returns the Trials of all rounds, those of the last round last; `workers`, `results`
    and errors as in `search`.
    Source: Jamieson & Talwalkar 2016, "Non-stochastic best arm identification".

    >>> score = lambda settings: settings["epochs"] * settings["rate"]
    >>> trials = successive_halving(score, [{"rate": rate} for rate in range(9)])
    >>> [len([trial for trial in trials if trial.settings["epochs"] == epochs]) for epochs in (1, 3, 9)]
    [9, 3, 1]
    >>> trials[-1].settings
    {'rate': 8, 'epochs': 9}
    """
    if epochs < 1 or factor < 2:
        raise TrialError(f"successive_halving: epochs={epochs}, factor={factor}: give 1 and 2, or more")
    left, tried = [dict(settings) for settings in trials], []
    while True:
        round_ = search(
            evaluate, [{**settings, "epochs": epochs} for settings in left], workers=workers, results=results
        )
        tried += round_
        if len(left) <= 1:
            return tried
        left = [trial.settings for trial in ranked(round_)[: max(len(left) // factor, 1)]]
        epochs *= factor


def _run(evaluate, waiting, workers) -> Iterator[Trial]:
    """Yield the Trials as they end."""
    if workers == 1 or not waiting:
        yield from (_try(evaluate, settings) for settings in waiting)
        return
    try:
        from joblib import Parallel, delayed
    except ImportError:
        raise TrialError('a search by several workers needs joblib: pip install "nnscratch[search]"') from None
    with _threads_shared(workers):
        yield from Parallel(n_jobs=workers, return_as="generator_unordered")(
            delayed(_try)(evaluate, settings) for settings in waiting
        )


def _try(evaluate, settings) -> Trial:
    start = time.perf_counter()
    try:
        score: float | None = float(evaluate(dict(settings)))
        error = ""
    except NonFiniteLoss as failure:
        score, error = None, str(failure).partition("\n")[0]
    if score is not None and score != score:
        raise TrialError(f"the score of {settings} is nan: evaluate must return a number, the higher the better")
    return Trial(dict(settings), score, round(time.perf_counter() - start, 3), error)


@contextlib.contextmanager
def _threads_shared(workers):
    """Processes that start in this block use their share of the cores each, unless NNSCRATCH_THREADS is set."""
    name = "NNSCRATCH_THREADS"
    if name in os.environ or workers is None:
        yield
        return
    cores = os.cpu_count() or 1
    os.environ[name] = str(max(cores // (cores if workers < 0 else workers), 1))
    try:
        yield
    finally:
        del os.environ[name]


def _key(settings: Mapping[str, Any]) -> str:
    try:
        return json.dumps(settings, sort_keys=True)
    except TypeError as error:
        raise TrialError(f"settings hold something that JSON cannot ({error}): use numbers, text, lists") from None


def _read(path) -> dict[str, Trial]:
    """Return the Trials in a file of results; a last line that a kill cut off is dropped, from the file too."""
    path, found = Path(path), {}
    *lines, rest = path.read_text(encoding="utf-8").split("\n") if path.exists() else [""]
    for number, line in enumerate([*lines, rest]):
        try:
            if number < len(lines):
                trial = Trial(**json.loads(line))
                found[_key(trial.settings)] = trial
            elif not LINE.startswith(line[: len(LINE)]):
                raise ValueError("it starts with other words")
        except (ValueError, TypeError) as error:
            raise TrialError(
                f"{path}, line {number + 1}, is no trial ({error}): name a file of results, or a new one"
            ) from None
    path.parent.mkdir(parents=True, exist_ok=True)
    if rest:
        write_atomically(path, "".join(f"{line}\n" for line in lines).encode())
    return found
