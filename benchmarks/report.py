"""A report: what was measured, where and when, and its tables, for the terminal, as JSON and as Markdown."""

import math
import platform
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.duel import OURS, best_peer, ratio
from nnscratch import __version__
from nnscratch.cli import machine
from nnscratch.cli.output import console, print_table, say

RESULTS = Path(__file__).parent / "results"
BUSY = 0.03
LIBRARIES = ("numpy", "numba", "torch")


class Table(NamedTuple):
    """Rows of figures, and for each column its key in a row, its heading and how it is written."""

    title: str
    columns: Sequence[tuple[str, str, Callable[[Mapping[str, Any]], str]]]
    rows: Sequence[Mapping[str, Any]]

    def cells(self):
        """Return the rows as text; what a row does not have stays empty."""
        return [[_write(row, key, write) for key, _, write in self.columns] for row in self.rows]

    def headings(self):
        """Return the headings of the columns."""
        return [heading for _, heading, _ in self.columns]


class Report(NamedTuple):
    """The tables of one benchmark, the settings they hold for, and what has to be said about them."""

    name: str
    settings: Mapping[str, Any]
    tables: Sequence[Table]
    notes: Sequence[str] = ()


def facts(report, neighbours=None):
    """Return machine, versions, date and settings of a report that was measured just now.

    neighbours: the share of all cores that other programs took meanwhile, None where it is not known.
    """
    return {
        "benchmark": report.name,
        "machine": machine.processor(),
        "threads": machine.threads_in_use(),
        "taken_by_others": neighbours,
        "versions": {"nnscratch": __version__, "python": platform.python_version(), **_versions()},
        "date": date.today().isoformat(),
        "settings": dict(report.settings),
    }


def as_json(report, facts):
    """Return a report as one object of JSON."""
    tables = [{"title": table.title, "rows": [dict(row) for row in table.rows]} for table in report.tables]
    return {**facts, "tables": tables, "notes": remarks(report, facts)}


def as_markdown(report, facts):
    """Return a report as a page of Markdown."""
    lines = [f"# {report.name}", "", *(f"- {name}: {text}" for name, text in _in_words(facts).items())]
    for table in report.tables:
        lines += ["", f"## {table.title}", "", _line(table.headings())]
        lines += [_line(["---", *["---:"] * (len(table.columns) - 1)]), *map(_line, table.cells())]
    return "\n".join([*lines, *(f"\n{note}" for note in remarks(report, facts))]) + "\n"


def show(report, facts):
    """Print a report: machine, versions and date, its tables, and its notes."""
    for name, text in _in_words(facts).items():
        say(name, text)
    for table in report.tables:
        console().print(f"\n{table.title}", markup=False, style="bold", end="")
        print_table(table.headings(), _coloured(table, trusted=not is_busy(facts)))
    for note in remarks(report, facts):
        console().print(note, markup=False, style="dim")


def save(report, facts, folder=None):
    """Write a report as Markdown into a folder and return its path."""
    folder = folder or RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.name}.md"
    path.write_text(as_markdown(report, facts))
    return path


def text(key, heading):
    """A column of words."""
    return key, heading, lambda row: str(row[key])


def number(key, heading, digits=3):
    """A column of numbers with so many significant digits."""
    return key, heading, lambda row: significant(row[key], digits)


def share(key, heading):
    """A column of shares in percent."""
    return key, heading, lambda row: f"{row[key]:.0%}"


def spread(key, heading, digits=3):
    """A column of quartiles, named `key_low` and `key_high`."""
    low, high = f"{key}_low", f"{key}_high"
    return low, heading, lambda row: f"{significant(row[low], digits)} - {significant(row[high], digits)}"


def significant(value, digits=3):
    """Write a number with so many significant digits and no exponent.

    >>> significant(1234.5), significant(0.012345), significant(2.0)
    ('1234', '0.0123', '2.00')
    """
    if value == 0:
        return "0"
    return f"{value:.{max(digits - 1 - math.floor(math.log10(abs(value))), 0)}f}"


def verdict(seconds):
    """Say how long ours takes beside the best peer."""
    best = best_peer(seconds)
    middle, low, high = ratio(seconds[OURS], seconds[best])
    shown = [significant(value) for value in (middle, low, high)]
    return f"nnscratch takes {shown[0]} ({shown[1]} - {shown[2]}) times as long as the best peer, {best}"


DUEL = (
    text("contestant", ""),
    number("ms", "ms"),
    spread("ms", "quartiles"),
    number("ratio", "nnscratch / it"),
    spread("ratio", "quartiles"),
)


def _write(row, key, write):
    return "" if row.get(key) is None else write(row)


def _coloured(table, trusted):
    """The cells of a table; a ratio to be trusted is green where nnscratch is the faster, or the smaller, one."""
    from rich.text import Text

    for cells, row in zip(table.cells(), table.rows):
        won = {"ratio"} if trusted and (row.get("ratio") or math.inf) <= 1 else set()
        yield [Text(cell, "bold green" if key in won else "") for cell, (key, *_) in zip(cells, table.columns)]


def remarks(report, facts):
    """Return the notes of a report, and a warning where other programs took part of the machine."""
    busy = "Other programs were at work meanwhile: measure again on a quiet machine."
    return [*report.notes, *([busy] if is_busy(facts) else [])]


def is_busy(facts):
    """Return whether other programs took so much of the machine that the figures are not to be trusted."""
    return (facts["taken_by_others"] or 0) > BUSY


def _in_words(facts):
    settings = ", ".join(f"{name} {_listed(value)}" for name, value in facts["settings"].items())
    others = facts["taken_by_others"]
    busy = "" if others is None else f"; other programs took {others:.0%} of the cores"
    return {
        "benchmark": facts["benchmark"] + (f": {settings}" if settings else ""),
        "machine": f"{facts['machine']}, {facts['threads']} threads{busy}",
        "versions": ", ".join(f"{name} {number}" for name, number in facts["versions"].items()),
        "date": facts["date"],
    }


def _listed(value):
    return " and ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _versions():
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _line(cells):
    return f"| {' | '.join(cells)} |"
