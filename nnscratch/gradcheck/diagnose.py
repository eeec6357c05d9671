"""Name the mistake: try the hypotheses on every wrong gradient, the simplest first."""

import numpy as np

from nnscratch.gradcheck.evidence import Evidence
from nnscratch.gradcheck.examine import Examination
from nnscratch.gradcheck.findings import Finding
from nnscratch.gradcheck.hypotheses import CONCLUSIVE, EXACT, GUESSES, HYPOTHESES
from nnscratch.gradcheck.hypotheses.repairs import repaired
from nnscratch.gradcheck.ladder import WRONG

ENOUGH = 2  # explanations for one gradient
MOST = 4
MOST_REPAIRED = 2  # gradients


def diagnose(examination: Examination) -> list[Finding]:
    """Return findings for the wrong gradients of an examination, the likeliest first, one for each kind.

    >>> from nnscratch.gradcheck.examine import examine
    >>> from nnscratch.gradcheck.manners import Visit
    >>> from nnscratch.gradcheck.subject import Subject
    >>> subject = Subject("double", lambda given: (2 * given["x"], None), lambda dout, cache: {"x": -2 * dout},
    ...                   {"x": np.ones(3)}, ["x"])
    >>> [finding.kind for finding in diagnose(examine(Visit(subject, np.random.default_rng(0)), 1e-6, 10)[0])]
    ['sign']
    """
    names = [name for name in examination.visit.grads if _is_wrong(examination, name)]
    seen = [Evidence(examination, name, names) for name in names]
    found = [(rank, finding) for evidence in seen for rank, finding in _explanations(evidence)]
    findings = _one_of_each_kind(found)
    sure = any(HYPOTHESES[rank] in EXACT for rank, _ in found)
    if not sure:
        repairs = _one_of_each_kind((0, found) for found in map(_repaired, seen[:MOST_REPAIRED]) if found)
        sure = bool(repairs)
        findings = repairs + [finding for finding in findings if finding.kind not in _kinds(repairs)]
    if len(findings) < ENOUGH and not sure and not (findings and all(map(_is_mask, seen))):
        findings = (findings + [guess for guess in _guesses(seen) if guess.kind not in _kinds(findings)])[:ENOUGH]
    return findings[:MOST] or [_unknown(evidence) for evidence in seen[:1]]


def _repaired(evidence):
    with np.errstate(all="ignore"):
        return repaired(evidence) if evidence.bad.any() else None


def _is_mask(evidence):
    """Whether backward differs by zeros at each element's own place alone: what a mask does, and little else."""
    pairs = evidence.pairs
    return pairs is not None and pairs.own_place_only and not pairs.wrong.any()


def _kinds(findings):
    return {finding.kind for finding in findings}


def _one_of_each_kind(found):
    """The findings by rank, the first of each kind; of one rank, those for the first gradient come first."""
    findings: dict[str, Finding] = {}
    for _, finding in sorted(found, key=lambda item: item[0]):
        findings.setdefault(finding.kind, finding)
    return list(findings.values())


def _explanations(evidence):
    found: list[tuple[int, Finding]] = []
    if not evidence.bad.any():
        return found
    with np.errstate(all="ignore"):
        for rank, hypothesis in enumerate(HYPOTHESES):
            finding = hypothesis(evidence)
            if finding:
                found.append((rank, finding))
            if finding and hypothesis in CONCLUSIVE or len({finding.kind for _, finding in found}) >= ENOUGH:
                break
    return found


def _guesses(seen):
    """What the guesses say about all gradients."""
    with np.errstate(all="ignore"):
        return _one_of_each_kind(
            (rank, guess)
            for rank, hypothesis in enumerate(GUESSES)
            for guess in (hypothesis(evidence) for evidence in seen if evidence.bad.any())
            if guess
        )


def _is_wrong(examination, name):
    if name in examination.along:
        return True
    return bool((examination.words[examination.of(name)] == WRONG).any()) and bool(
        np.isfinite(examination.visit.grads[name]).all()
    )


def _unknown(evidence):
    order = np.argsort(-np.abs(np.nan_to_num(evidence.analytic - evidence.numeric)), axis=None)
    worst = [k for k in order[:3].tolist() if evidence.bad.flat[k]]
    if not worst:
        evidence_words = (
            f"d{evidence.name} is wrong along a random direction, but in none of the elements that were drawn"
        )
        return Finding("unknown", evidence.name, evidence_words, "check it again at a smaller input")
    places = [tuple(int(i) for i in np.unravel_index(k, evidence.x.shape)) for k in worst]
    shown = ", ".join(f"{list(at)}: {evidence.analytic[at]:.4g} for {evidence.numeric[at]:.4g}" for at in places)
    return Finding(
        "unknown",
        evidence.name,
        f"d{evidence.name} fits none of the usual mistakes; the worst elements are {shown}",
        "take the smallest input that still fails and compare term by term with the derivation on paper",
    )
