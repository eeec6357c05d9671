"""The page with ten reports shows them as they print."""

import importlib.util
import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def without_rounding(text):
    """Mask errors below 1e-7: they are rounding, and differ from one CPU to the next."""
    return re.sub(r"\d\.\de-(0[89]|1\d)", "tiny", text)


def test_the_page_is_what_the_checks_print_today():
    spec = importlib.util.spec_from_file_location("make_gradient_doctor", DOCS / "make_gradient_doctor.py")
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    written = (DOCS / "gradient-doctor.md").read_text(encoding="utf-8")
    assert without_rounding(maker.page()) == without_rounding(written), "run: python docs/make_gradient_doctor.py"
    assert written.count("## ") == 10
