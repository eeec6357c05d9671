"""Print reports to a terminal, in colour."""

from typing import Any

from nnscratch.gradcheck.heatmap import SHADES, caption, heat_map, places, shaded
from nnscratch.gradcheck.report import LINES, MOST_FINDINGS, WORDS, Report, number

COLOURS = {"right": "green", "wrong": "bold red", "unresolved": "yellow"}
HEAT = dict(zip(SHADES, ("dim", "yellow", "dark_orange", "orange_red1", "red")))


def print_report(report: Report, console: Any = None) -> None:
    """Print a report to the terminal in colour (rich), or as plain text into a file or pipe.

    >>> from rich.console import Console
    >>> from nnscratch.gradcheck.report import Entry
    >>> print_report(Report("relu", [Entry("x", "right", checked=20)]), Console(width=80, no_color=True))
    relu: the gradient is right
     x  right  0.0e+00  20 elements
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = console or Console()
    console.print(f"[bold {'green' if report.ok else 'red'}]{escape(report.summary)}[/]", highlight=False)
    table = Table(box=None, show_header=False, padding=(0, 1))
    entries, more = report.shown(LINES - 10)
    for entry in entries:
        verdict = f"[{COLOURS[entry.verdict]}]{WORDS[entry.verdict]}[/]"
        table.add_row(escape(entry.name), verdict, number(entry.error), escape(entry.note))
    if entries:
        console.print(table, highlight=False)
    if more:
        console.print(f"  {more}", highlight=False)
    _print_map(report, console)
    for finding in report.findings[:MOST_FINDINGS]:
        console.print(
            f"  [bold]{escape(finding.kind)}[/] in [bold]{escape(finding.where)}[/]: {escape(finding.evidence)}"
        )
        console.print(f"    -> {escape(finding.advice)}", highlight=False)
        if finding.line:
            console.print(f"    [cyan]see {escape(finding.line)}[/]", highlight=False)
    if len(report.findings) > MOST_FINDINGS:
        console.print(f"  and {len(report.findings) - MOST_FINDINGS} more findings", highlight=False)
    for note in report.notes:
        console.print(f"  [dim]note: {escape(note)}[/]", highlight=False)


def _print_map(report, console):
    """A map of the first gradient that is wrong in some places only."""
    for entry in report.entries:
        image = heat_map(entry)
        if image is not None:
            console.print(
                f"  where d{entry.name} is wrong ({places(entry)}; {caption(entry)}):",
                highlight=False,
                markup=False,
            )
            for line in shaded(image):
                console.print("    " + "".join(f"[{HEAT[mark]}]{mark}[/]" for mark in line), highlight=False)
            return
