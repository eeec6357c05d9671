"""Check a subject from the cheapest to the dearest: form, manners, derivatives; then ask what the mistake is."""

import dataclasses

import numpy as np

from nnscratch.gradcheck.devices import at_home
from nnscratch.gradcheck.diagnose import diagnose
from nnscratch.gradcheck.examine import Examination, complete, examine
from nnscratch.gradcheck.findings import Finding
from nnscratch.gradcheck.ladder import KINK, UNRESOLVED, WRONG
from nnscratch.gradcheck.manners import Visit, elsewhere
from nnscratch.gradcheck.numeric import unravel
from nnscratch.gradcheck.report import Entry, Report
from nnscratch.gradcheck.source import with_line
from nnscratch.gradcheck.subject import FormError, Subject

OTHER_POINTS, LARGE = 3, 100_000
LIKE_MEMORY = ("unknown", "missing-term", "wrong-cache-variable")  # what stale arrays look like


def compare(subject: Subject, rng: np.random.Generator, tolerance: float, elements: int) -> Report:
    """Check form and manners first, then every gradient; return the report.

    The relative error shown is |analytic - numeric| / max(|analytic|, |numeric|, largest / 1000), where `largest`
    is the largest numeric value of that gradient; the verdict weighs the difference against what the differences
    themselves may be off.

    >>> subject = Subject("double", lambda given: (2 * given["x"], None), lambda dout, cache: {"x": 2 * dout},
    ...                   {"x": np.ones(3)}, ["x"])
    >>> compare(subject, np.random.default_rng(0), tolerance=1e-6, elements=10).ok
    True
    """
    report = Report(subject.title)
    inputs, forward, backward = at_home(subject.inputs, subject.forward, subject.backward)
    subject = subject._replace(inputs=inputs, forward=forward, backward=backward)
    try:
        visit = Visit(subject, rng)
        visit.look_at_manners()
    except FormError as error:
        report.findings.append(error.finding)
        return _with_lines(report, subject)
    report.findings += visit.findings
    if not visit.steady:
        return _with_lines(report, subject)
    examinations = examine(visit, tolerance, elements) if visit.grads else []
    report.entries = [_entry(name, examinations, subject.inputs[name]) for name in subject.wrt]
    if visit.single:
        report.notes.append("the code computes in float32, so it is judged to about three digits")
    if len(examinations) > 1:
        report.notes.append("some elements lie on a kink, so a point close beside was looked at as well")
    if not visit.spoilt:
        wrong = next((found for found in examinations if found.wrong), None)
        if wrong:
            complete(wrong, tolerance)
            report.findings += diagnose(wrong)
        elif not report.findings and len(examinations) == 1:
            report.findings += _at_another_point(visit, tolerance, elements)
    return _with_lines(report, subject)


def _with_lines(report, subject):
    report.findings = [with_line(finding, subject.code) for finding in report.findings]
    return report


def _at_another_point(visit, tolerance, elements):
    """What is right here may be wrong elsewhere: by a mask that was not needed here, or by its memory."""
    for _ in range(OTHER_POINTS if visit.out.size < LARGE else 1):
        inputs = {name: elsewhere(visit.subject.inputs[name], visit.rng) for name in visit.subject.wrt}
        try:
            other = visit.at(inputs)
        except Exception:  # forward does not take that point
            return []
        if not other.grads or not all(np.isfinite(g).all() for g in other.grads.values()):
            return []
        if not examine(other, tolerance, 0, nudging=False)[0].wrong:
            continue
        [found] = examine(other, tolerance, elements, nudging=False)
        if found.wrong:
            return _wrong_elsewhere(found)
    return []


def _wrong_elsewhere(found):
    named = [finding for finding in diagnose(found)[:1] if finding.kind not in LIKE_MEMORY]
    if named:
        words = "right for these inputs, but not for others of the same size: "
        return [dataclasses.replace(named[0], evidence=words + named[0].evidence)]
    name = next(
        name for name in found.visit.grads if (_words(found, name)[1] == WRONG).any() or name in found.along
    )
    evidence = (
        f"d{name} is right for the first inputs, but wrong for the next ones: something of the first call is kept"
    )
    advice = (
        "hand on through the cache all that backward needs; keep nothing in "
        "globals, attributes or default arguments"
    )
    return [Finding("nondeterministic", name, evidence, advice)]


def _words(found, name):
    mine = found.of(name)
    return mine, found.words[mine]


def _entry(name, examinations: list[Examination], x):
    """Sum up what was found out about one gradient."""
    if not examinations or name not in examinations[0].visit.grads:
        return Entry(name, "wrong", error=np.inf)
    found = next((e for e in examinations if _words(e, name)[1].max(initial=0) == WRONG), examinations[0])
    mine, words = _words(found, name)
    analytic, numeric = found.analytic[mine], found.numeric[mine]
    places = found.chosen[mine] - found.ruler.span(name).start
    entry = Entry(name, "right", checked=len(words), indexes=unravel(places, x.shape))
    entry.kinks, entry.unresolved = int((words == KINK).sum()), int((words == UNRESOLVED).sum())
    entry.analytic_values, entry.numeric_values, entry.shape = analytic, numeric, x.shape
    entry.bad = words == WRONG
    if name in found.along and not entry.bad.any():
        along, measured = found.along[name]
        entry.verdict, entry.analytic, entry.numeric = "wrong", along, measured
        entry.error = abs(along - measured) / max(abs(along), abs(measured))
        return entry
    if len(words):
        candidates = np.flatnonzero(entry.bad) if entry.bad.any() else np.flatnonzero(np.isin(words, (0, 3)))
        if len(candidates):
            error = _errors(analytic, numeric, np.max(np.abs(found.numeric), initial=0.0))
            worst = candidates[np.argmax(np.nan_to_num(error[candidates], nan=np.inf))]
            entry.worst = tuple(int(i) for i in np.unravel_index(places[worst], x.shape))
            entry.error, entry.analytic, entry.numeric = (
                float(error[worst]),
                float(analytic[worst]),
                float(numeric[worst]),
            )
        if entry.bad.any():
            entry.verdict = "wrong"
        elif (words == UNRESOLVED).all() and name not in found.resolved:
            entry.verdict = "unresolved"
    return entry


def _errors(analytic, numeric, largest):
    """Relative errors; what is tiny beside the largest derivative of all counts as equal."""
    with np.errstate(all="ignore"):
        sizes = np.maximum(np.abs(analytic), np.abs(numeric))
        sizes = np.maximum(sizes, 1e-3 * np.max(np.abs(numeric[np.isfinite(numeric)]), initial=0.0))
        error = np.abs(analytic - numeric) / np.where(sizes > 0, sizes, 1.0)
        tiny = np.maximum(np.abs(analytic), np.abs(numeric)) <= 1e-9 * largest
    return np.where(np.isfinite(analytic), np.where(tiny, 0.0, error), np.inf)
