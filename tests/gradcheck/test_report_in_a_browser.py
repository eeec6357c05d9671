"""A report shows itself in a real browser, legible on a light page and on a dark one, and in a real notebook."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from nnscratch.gradcheck import check_pair
from tests import needs

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("gpu", "quic", "background-networking", "component-update", "sync")
FLAGS = ["--headless", "--no-sandbox", "--no-first-run", *(f"--disable-{part}" for part in QUIET)]

# Measures what a reader sees: the colours of the words on the page, the cells of the map, what sticks out.
MEASURE = """<script>
const report = document.getElementById("report"), seen = [...report.querySelectorAll("*")];
document.body.dataset.seen = JSON.stringify({
  colours: seen.filter(e => e.textContent.trim()).map(e => getComputedStyle(e).color),
  cells: seen.filter(e => e.tagName == "TD" && !e.textContent)
    .map(e => [e.offsetWidth, e.offsetHeight, getComputedStyle(e).backgroundColor]),
  outside: report.scrollWidth - report.clientWidth,
});
</script>"""


def first_row_lost(dout, x):
    dx = 2 * x * dout
    dx[:, 0] = 0
    return dx


@pytest.fixture(scope="module")
def report():
    x = np.random.default_rng(0).normal(size=(3, 4, 6))
    return check_pair(lambda x: (x * x, x), first_row_lost, (x,))


def rendered(report, background, colour, folder):
    """What the browser measured of a report on a page of the given colours."""
    page = folder / "report.html"
    style = f"background:{background};color:{colour};font:14px sans-serif"
    page.write_text(
        f'<meta charset="utf-8"><body style="{style}"><div id="report">{report._repr_html_()}</div>{MEASURE}'
    )
    command = [
        CHROMIUM,
        *FLAGS,
        "--window-size=900,900",
        "--dump-dom",
        f"--user-data-dir={folder / 'profile'}",
        page.as_uri(),
    ]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found = re.search(r'data-seen="([^"]*)"', dom)
    assert found, dom[-2000:]
    return json.loads(found[1].replace("&quot;", '"'))


def luminance(colour):
    """Relative luminance of "rgb(r, g, b)" (WCAG 2.1)."""
    parts = np.array([int(part) for part in re.findall(r"\d+", colour)[:3]]) / 255
    parts = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(parts @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: install chromium (on Debian: apt install chromium)")
@pytest.mark.parametrize(
    ("background", "colour"),
    [("rgb(255, 255, 255)", "rgb(17, 17, 17)"), ("rgb(17, 17, 17)", "rgb(221, 221, 221)")],
)
def test_a_report_is_legible_on_a_light_and_on_a_dark_page(report, background, colour, tmp_path):
    seen = rendered(report, background, colour, tmp_path)
    assert min(contrast(words, background) for words in seen["colours"]) > 4
    assert seen["outside"] <= 0
    assert len(seen["cells"]) == 4 * 6
    assert all(width >= 14 and height >= 14 for width, height, _ in seen["cells"])
    painted = [colour != "rgba(0, 0, 0, 0)" for *_, colour in seen["cells"]]
    assert painted == [True] * 6 + [False] * 18


def test_a_notebook_shows_a_report():
    nbformat = needs.package("nbformat")
    client = needs.package("nbclient")
    needs.package("ipykernel")
    cell = nbformat.v4.new_code_cell(
        "import numpy as np\n"
        "from nnscratch.gradcheck import check_pair\n"
        "check_pair(lambda x: (x * x, x), lambda dout, x: dout * x, (np.arange(1.0, 7.0),))"
    )
    notebook = nbformat.v4.new_notebook(cells=[cell])
    client.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    [shown] = notebook.cells[0].outputs
    assert "the gradient is wrong" in shown.data["text/html"]
    assert "<b>constant-factor</b>" in shown.data["text/html"]
