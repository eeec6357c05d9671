"""Reports as HTML, as a notebook shows them."""

from html import escape

from nnscratch.gradcheck.heatmap import caption, heat_map, places
from nnscratch.gradcheck.report import WORDS, Report, number

COLOURS = {"right": "#2e7d32", "wrong": "#c62828", "unresolved": "#b26a00"}


def to_html(report: Report) -> str:
    """Return a report as one <div>: a line for each input, the findings, and a map of where the error is.

    >>> from nnscratch.gradcheck.report import Entry
    >>> "relu: the gradient is right" in to_html(Report("relu", [Entry("x", "right")]))
    True
    """
    colour = COLOURS["right" if report.ok else "wrong"]
    parts = [f'<div><b style="color:{colour}">{escape(report.summary)}</b>']
    rows = []
    for entry in report.entries:
        verdict = f'<td style="color:{COLOURS[entry.verdict]}">{escape(WORDS[entry.verdict])}</td>'
        rows.append(
            f"<tr><td><code>{escape(entry.name)}</code></td>{verdict}<td>{number(entry.error)}</td>"
            f'<td style="text-align:left">{escape(entry.note)}</td></tr>'
        )
    parts.append(f"<table>{''.join(rows)}</table>")
    for finding in report.findings:
        line = f"<br><code>{escape(finding.line)}</code>" if finding.line else ""
        what = f"<b>{escape(finding.kind)}</b> in <code>{escape(finding.where)}</code>: {escape(finding.evidence)}"
        parts.append(f"<p>{what}<br>&rarr; {escape(finding.advice)}{line}</p>")
    parts += [_map(entry) for entry in report.entries]
    parts += [f"<p><i>{escape(note)}</i></p>" for note in report.notes]
    return "".join(parts) + "</div>"


def _map(entry):
    image = heat_map(entry)
    if image is None:
        return ""
    cells = "".join(
        "<tr>"
        + "".join(f'<td style="width:14px;height:14px;padding:0;{_fill(value)}"></td>' for value in row)
        + "</tr>"
        for row in image
    )
    heading = f"where d{entry.name} is wrong ({places(entry)}; {caption(entry)})"
    return f'<p>{escape(heading)}</p><table style="border-collapse:collapse">{cells}</table>'


def _fill(value):
    return f"background:rgba(198,40,40,{value:.2f});border:1px solid #ddd"
