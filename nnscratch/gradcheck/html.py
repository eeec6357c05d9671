"""Reports as HTML, as a notebook shows them: on a light page and on a dark one, so nothing sets a background."""

from html import escape

from nnscratch.gradcheck.heatmap import caption, heat_map, places
from nnscratch.gradcheck.report import WORDS, Report, number

# Each is told from white and from black by more than four to one.
COLOURS = {"right": "#2b8a3e", "wrong": "#e03131", "unresolved": "#b26a00"}
GREY = "rgba(128,128,128,{})"
CELL = "padding:2px 14px 2px 0;text-align:left;border:0;background:none"


def to_html(report: Report) -> str:
    """Return a report as one <div>: a line for each input, the findings, and a map of where the error is.

    Styles stand in the elements, because notebooks drop style sheets of pages that they do not trust.

    >>> from nnscratch.gradcheck.report import Entry
    >>> "relu: the gradient is right" in to_html(Report("relu", [Entry("x", "right")]))
    True
    """
    colour = COLOURS["right" if report.ok else "wrong"]
    parts = [
        f'<div style="border-left:4px solid {colour};padding:2px 0 2px 14px;max-width:52em;line-height:1.5">',
        f'<div style="color:{colour};font-weight:bold;font-size:110%">{escape(report.summary)}</div>',
        f'<table style="border-collapse:collapse;margin:6px 0">{"".join(map(_row, report.entries))}</table>',
        *(_map(entry) for entry in report.entries),
        *(_finding(place, finding) for place, finding in enumerate(report.findings, 1)),
        *(f'<div style="opacity:0.75;font-style:italic">{escape(note)}</div>' for note in report.notes),
    ]
    return "".join(parts) + "</div>"


def _row(entry):
    verdict = f'<b style="color:{COLOURS[entry.verdict]}">{escape(WORDS[entry.verdict])}</b>'
    cells = (f"<code>{escape(entry.name)}</code>", verdict, f"error {number(entry.error)}", escape(entry.note))
    return "<tr>" + "".join(f'<td style="{CELL}">{cell}</td>' for cell in cells) + "</tr>"


def _finding(place, finding):
    line = (
        f'<div style="overflow-x:auto;margin-top:2px;padding:2px 6px;background:{GREY.format(0.14)};'
        f'border-radius:4px"><code style="background:none;white-space:pre">{escape(finding.line)}</code></div>'
        if finding.line
        else ""
    )
    return (
        f'<div style="margin:10px 0"><div>{place}. <b>{escape(finding.kind)}</b> in '
        f"<code>{escape(finding.where)}</code>: {escape(finding.evidence)}</div>"
        f'<div style="margin-left:1.2em">&rarr; {escape(finding.advice)}{line}</div></div>'
    )


def _map(entry):
    image = heat_map(entry)
    if image is None:
        return ""
    grid = f"border:1px solid {GREY.format(0.35)};width:14px;height:14px;padding:0;min-width:14px"
    cells = "".join(
        "<tr>" + "".join(f'<td style="{grid};background:{_fill(value)}"></td>' for value in row) + "</tr>"
        for row in image
    )
    words = f"{escape(places(entry) or '')}; {escape(caption(entry))}"
    return (
        f'<div style="margin:10px 0"><div>where <code>d{escape(entry.name)}</code> is wrong ({words})</div>'
        f'<table style="border-collapse:collapse;margin:4px 0">{cells}</table></div>'
    )


def _fill(value):
    return f"rgba(224,49,49,{value:.2f})" if value else "none"
