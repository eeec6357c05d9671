"""Reports fit on a screen, read the same in JSON, and print in a terminal."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

from nnscratch.gradcheck import Entry, Finding, Report, check_pair, print_report
from tests.gradcheck import samples

OFF = Finding("sign", "x", "something is off", "do something about it")


def wrong(name, error):
    return Entry(name, "wrong", error=error, worst=(1, 2), analytic=2.0, numeric=1.0, checked=9)


@pytest.mark.parametrize("entries", [1, 10, 300])
@pytest.mark.parametrize("findings", [0, 3, 200])
def test_the_text_is_at_most_one_screen(entries, findings):
    report = Report("net", [wrong(f"layer{i}.w", i) for i in range(entries)], [OFF] * findings)
    lines = str(report).splitlines()
    assert len(lines) <= 24
    assert max(len(line) for line in lines) <= 100


def test_the_worst_entries_are_shown_first_where_not_all_fit():
    entries = [Entry(f"layer{i}.w", "right", error=1e-9, checked=5) for i in range(60)]
    report = Report("net", [*entries, wrong("last.w", 0.5)])
    assert "last.w" in str(report).splitlines()[1]
    assert "and 40 more, none of them wrong" in str(report)


@pytest.mark.parametrize(
    ("report", "summary"),
    [
        (Report("f", [Entry("x", "right")]), "f: the gradient is right"),
        (Report("f", [Entry("x", "right"), Entry("w", "right")]), "f: both gradients are right"),
        (Report("f", [wrong("x", 1), Entry("w", "right"), Entry("b", "right")]), "f: 1 of 3 gradients is wrong"),
        (Report("f", [wrong(c, 1) for c in "xwb"]), "f: all 3 gradients are wrong"),
        (Report("f", [Entry("x", "right")], [OFF]), "f: the numbers are right, but the pair misbehaves"),
        (Report("f", [Entry("x", "unresolved")]), "f: no gradient is wrong, 1 of 1 too small to tell"),
        (Report("f", [], [OFF]), "f: the gradients could not be compared"),
        (Report("f"), "f: there is nothing to differentiate"),
    ],
)
def test_the_first_line_says_how_it_came_out(report, summary):
    assert str(report).splitlines()[0] == summary


def test_json_is_valid_and_complete():
    entry = Entry("x", "wrong", error=np.inf, worst=(np.int64(1), 2), analytic=np.float64(2), numeric=float("nan"))
    read = json.loads(json.dumps(Report("f", [entry], [OFF]).to_json(), allow_nan=False))
    assert read["ok"] is False
    assert read["entries"][0]["worst"] == [1, 2]
    assert read["entries"][0]["error"] is None
    assert read["findings"][0]["kind"] == "sign"


def test_print_report_shows_entries_and_findings_and_takes_brackets_literally():
    report = check_pair(samples.relu_forward, lambda d, c: 2 * d * c, (np.ones((2, 3)),))
    report.findings.append(Finding("sign", "x", "see [red] and more", "turn it"))
    screen = io.StringIO()
    print_report(report, Console(file=screen, width=120))
    text = screen.getvalue()
    assert "relu: the gradient is wrong" in text
    assert "WRONG" in text
    assert "at [" in text
    assert "see [red] and more" in text
