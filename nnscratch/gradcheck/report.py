"""What a gradient check found: one entry for each input and parameter, and the findings in words."""

import math
import textwrap
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnscratch.gradcheck.findings import Finding
from nnscratch.gradcheck.heatmap import caption, heat_map, places, shaded

LINES, WIDTH = 24, 96
MOST_FINDINGS = 3
WORDS = {"right": "right", "wrong": "WRONG", "unresolved": "too small to tell"}


@dataclass
class Entry:
    """The comparison of one gradient, analytic (from backward) against numeric (from differences).

    `verdict` is "right", "wrong" or "unresolved" (round-off hides all of it). `error` is the largest relative
    error, at the element `worst`, which is None where the error shows only along a random direction through all
    elements. `checked` elements were compared one by one; `kinks` of them lie on a kink and were judged by the
    one-sided differences; for `unresolved` of them round-off hides the answer. The values that were
    compared are kept, for those who look for the cause: `indexes` (as for `x[indexes]`), `analytic_values`
    and `numeric_values`.

    >>> Entry("w", "right", error=2e-9, checked=15).verdict
    'right'
    """

    name: str
    verdict: str
    error: float = 0.0
    worst: tuple[int, ...] | None = None
    analytic: float | None = None
    numeric: float | None = None
    checked: int = 0
    kinks: int = 0
    unresolved: int = 0
    indexes: Any = field(default=None, repr=False)
    analytic_values: Any = field(default=None, repr=False)
    numeric_values: Any = field(default=None, repr=False)
    bad: Any = field(default=None, repr=False)
    shape: tuple[int, ...] = ()

    @property
    def note(self) -> str:
        """What there is to say beside verdict and error, in one line."""
        if self.verdict == "wrong" and self.analytic is not None and self.numeric is not None:
            place = f"at {list(self.worst)}" if self.worst is not None else "along a random direction"
            return f"{place}: backward gives {self.analytic + 0.0:.6g}, differences give {self.numeric + 0.0:.6g}"
        if self.verdict == "wrong":
            return "not compared, see below"
        parts = [f"{self.checked} element{'' if self.checked == 1 else 's'}"]
        if self.kinks:
            parts.append(f"{self.kinks} on a kink")
        if self.unresolved:
            parts.append(f"{self.unresolved} hidden by round-off")
        return ", ".join(parts)


@dataclass
class Report:
    """All that one check found; `ok` when nothing is wrong, `findings` name the mistakes, the likeliest first.

    >>> report = Report("relu", [Entry("x", "right", error=3e-11, checked=20)])
    >>> report.ok
    True
    >>> print(report)
    relu: the gradient is right
      x  right  error 3.0e-11  20 elements
    """

    title: str
    entries: list[Entry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong: no finding and no wrong entry."""
        return not self.findings and all(entry.verdict != "wrong" for entry in self.entries)

    @property
    def summary(self) -> str:
        """One line: what was checked and how it came out."""
        wrong = sum(entry.verdict == "wrong" for entry in self.entries)
        total = len(self.entries)
        everything = {1: "the gradient is", 2: "both gradients are"}.get(total, f"all {total} gradients are")
        if wrong:
            share = (
                everything if wrong == total else f"{wrong} of {total} gradients {'is' if wrong == 1 else 'are'}"
            )
            return f"{self.title}: {share} wrong"
        if self.findings and self.entries:
            return f"{self.title}: the numbers are right, but the pair misbehaves"
        if self.findings:
            return f"{self.title}: the gradients could not be compared"
        unresolved = sum(entry.verdict == "unresolved" for entry in self.entries)
        if unresolved:
            return f"{self.title}: no gradient is wrong, {unresolved} of {total} too small to tell"
        if total == 0:
            return f"{self.title}: there is nothing to differentiate"
        return f"{self.title}: {everything} right"

    def shown(self, lines: int) -> tuple[list[Entry], str]:
        """Return at most `lines` entries, the worst first where not all fit, and a word about the others."""
        if len(self.entries) <= lines:
            return self.entries, ""
        ranked = sorted(self.entries, key=lambda e: (e.verdict != "wrong", -e.error))
        left = ranked[lines:]
        wrong = sum(entry.verdict == "wrong" for entry in left)
        return ranked[
            :lines
        ], f"and {len(left)} more, {f'{wrong} of them wrong' if wrong else 'none of them wrong'}"

    def __str__(self) -> str:
        """The report as plain text, at most one screen."""
        findings = [line for finding in self.findings[:MOST_FINDINGS] for line in _in_lines(finding)]
        if len(self.findings) > MOST_FINDINGS:
            findings.append(f"  and {len(self.findings) - MOST_FINDINGS} more")
        findings = findings[: LINES - 8]
        notes = [line for note in self.notes[:2] for line in textwrap.wrap(f"note: {note}", WIDTH)]
        room = LINES - 2 - len(findings) - len(notes)
        entries, more = self.shown(max(2, room - 1))
        rows = [(e.name, WORDS[e.verdict], f"error {number(e.error)}", e.note) for e in entries]
        widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
        lines = [self.summary]
        for row in rows:
            lines.append("  " + "  ".join([text.ljust(w) for text, w in zip(row, widths)] + [row[3]]))
        lines += [f"  {more}"] if more else []
        picture = self._picture()
        lines += picture if len(picture) + len(lines) + len(findings) + len(notes) < LINES else []
        lines += ["findings:", *findings] if findings else []
        return "\n".join(line if len(line) <= WIDTH + 4 else line[:WIDTH] + " ..." for line in lines + notes)

    def _picture(self):
        """A map of the first gradient that is wrong in some places only."""
        for entry in self.entries:
            image = heat_map(entry)
            if image is not None:
                heading = f"where d{entry.name} is wrong ({places(entry)}; {caption(entry)}):"
                return [heading, *(f"    {line}" for line in shaded(image))]
        return []

    def _repr_html_(self) -> str:
        """The report as HTML, for notebooks."""
        from nnscratch.gradcheck.html import to_html

        return to_html(self)

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain dicts, lists, strings and numbers for `json.dumps`; infinity becomes None.

        >>> Report("relu", [Entry("x", "right")]).to_json()["ok"]
        True
        """
        names = ("name", "verdict", "error", "worst", "analytic", "numeric", "checked", "kinks", "unresolved")
        entries = [{name: _plain(getattr(entry, name)) for name in names} for entry in self.entries]
        return {
            "title": self.title,
            "ok": self.ok,
            "entries": entries,
            "findings": [finding.to_json() for finding in self.findings],
            "notes": list(self.notes),
        }


def _in_lines(finding):
    """One finding as lines of text: what, what to do, and where in the code."""
    text = f"- {finding.kind} in {finding.where}: {finding.evidence}"
    lines = textwrap.wrap(text, WIDTH - 2, initial_indent="  ", subsequent_indent="    ")
    lines += textwrap.wrap(finding.advice, WIDTH - 4, initial_indent="    -> ", subsequent_indent="       ")
    lines += [f"    see {textwrap.shorten(finding.line, WIDTH - 8, placeholder=' ...')}"] if finding.line else []
    return lines


def number(error: float) -> str:
    """Return an error in two digits, or a dash where there is none.

    >>> number(3.14e-9), number(math.inf)
    ('3.1e-09', '-')
    """
    return f"{error:.1e}" if math.isfinite(error) else "-"


def _plain(value):
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
