"""Name the mistake: try the hypotheses on every wrong gradient, the simplest first."""

import numpy as np

from nnscratch.gradcheck.evidence import Evidence
from nnscratch.gradcheck.examine import Examination
from nnscratch.gradcheck.findings import Finding
from nnscratch.gradcheck.hypotheses import CONCLUSIVE, HYPOTHESES, LAST_RESORT
from nnscratch.gradcheck.ladder import WRONG

ENOUGH = 2  # explanations for one gradient
MOST = 4


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
    ranked: list[tuple[int, int, Finding]] = []
    for order, evidence in enumerate(seen):
        ranked += [(rank, order, finding) for rank, finding in _explanations(evidence)]
    ranked.sort(key=lambda item: item[:2])
    findings: dict[str, Finding] = {}
    for _, _, finding in ranked:
        findings.setdefault(finding.kind, finding)
    if findings or not seen:
        return list(findings.values())[:MOST]
    return [_unknown(seen[0])]


def _explanations(evidence):
    found: list[tuple[int, Finding]] = []
    if not evidence.bad.any():
        return found
    with np.errstate(all="ignore"):
        for rank, hypothesis in enumerate(HYPOTHESES):
            if found and hypothesis in LAST_RESORT:
                continue
            finding = hypothesis(evidence)
            if finding:
                found.append((rank, finding))
            if finding and hypothesis in CONCLUSIVE or len({finding.kind for _, finding in found}) >= ENOUGH:
                break
    return found


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
