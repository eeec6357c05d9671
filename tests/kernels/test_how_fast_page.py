"""The essay on fast convolutions: its code runs, its arithmetic is right, its links lead somewhere."""

import re

import numpy as np
import pytest

from tests import needs

needs.package("numba")

from docs import make_how_fast  # noqa: E402
from docs.make_how_fast import BLOCK, PAGE, RUNGS, fill, moved, page_names  # noqa: E402
from nnscratch.kernels import direct  # noqa: E402
from nnscratch.shapes import Window  # noqa: E402

TEXT = PAGE.read_text(encoding="utf-8")
FOUND = (
    dict.fromkeys([*RUNGS, "torch", "columns", "product", "fresh memory", "channels first", "dx", "dw"], 0.1)
    | {"with ReLU": 0.1, "then ReLU": 0.2},
    dict.fromkeys([*RUNGS, "torch", "product", "dx", "dw", "peak", "tile alone", "tile by numba"], 200.0)
    | {"square": 100.0, "torch square": 100.0, "copy": 30.0},
    {name: 13.0 if name == "im2col" else 225.0 for name in RUNGS},
    {1: 0.013, 2: 0.0065},
    0.0,
)


def test_the_code_runs_and_finds_itself_right():
    """The page asserts that its rungs give what the package gives."""
    assert {"seven_loops", "pixels_innermost", "im2col_and_product", "along_tables", "tile"} <= page_names().keys()
    assert sum(block.count("assert np.allclose") for block in make_how_fast.CODE.findall(TEXT)) == 5


def test_pictures_and_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)#]+)\)", TEXT)
    pictures = [PAGE.parent / target for target in targets if target.endswith(".png")]
    assert len(pictures) == 2
    for target in targets:
        assert (PAGE.parent / target).exists(), target
    for picture in pictures:
        content = picture.read_bytes()
        assert content[1:4] == b"PNG"
        assert len(content) < 150_000


def test_every_question_has_a_folded_answer():
    questions = TEXT.partition("## Think first")[2].partition("\n## ")[0]
    asked = re.findall(r"^\d\. .+\?$", questions, re.MULTILINE)
    assert len(asked) == questions.count("<details><summary>Answer") == questions.count("</details>") == 4


def test_the_arithmetic_of_the_page():
    """What the page counts (operations, intensities, groups, padding) follows from the shapes."""
    layout = direct.plan((128, 16, 16, 32), (128, 16, 16, 64), Window.of(5, pad=2), 32, False, 64)
    begin, end, first, last = layout.bounds.T
    operations = 2 * 64 * ((end - begin) * (last - first)).sum()
    assert "225 for each byte" in TEXT
    assert "from 225 to 13" in TEXT
    assert [round(operations / moved(name)) for name in ("tile", "im2col")] == [225, 13]
    assert "22 million operations" in TEXT
    assert round(operations / 1e6) == 22
    assert len(layout.bounds) == 25
    for size, kernel, saved in (16, 5, "14% of"), (8, 3, "16% of a 3x3"):
        _, valid = direct.seen(False, size, size, kernel, 1, kernel // 2, 1)
        assert saved in TEXT
        assert f"{1 - valid.mean() ** 2:.0%}" == saved[:3]


def test_figures_are_filled_in_and_nothing_else_changes():
    needs.package("torch")
    figures = make_how_fast.figures(*FOUND)
    assert sorted(figures) == sorted(name for _, name in BLOCK.findall(TEXT))
    filled = fill(TEXT, figures)
    assert "| forward, 2 threads | 6.5 | 2.00 times as fast |" in filled
    assert BLOCK.sub("", filled) == BLOCK.sub("", TEXT)
    assert fill(filled, figures) == filled


def test_pictures_are_drawn(tmp_path):
    needs.package("torch")
    from docs import how_fast_pictures as pictures
    from nnscratch.plotting.style import save

    ms, rates, intensities, *_ = FOUND
    rates = rates | {"seven loops": 0.005}
    save(pictures.ladder(ms, rates, "today"), tmp_path / "ladder.png")
    save(pictures.roofline(rates, intensities, "today"), tmp_path / "roofline.png")
    assert all(path.stat().st_size > 10_000 for path in tmp_path.iterdir())


@pytest.mark.slow
def test_all_that_is_measured_runs(monkeypatch):
    needs.package("torch")
    for name, value in {"N": 8, "C": 2, "SIZE": 12, "COPIED": 1 << 16}.items():
        monkeypatch.setattr(make_how_fast, name, value)
    of_images, of_rates, _ = make_how_fast.contestants()
    outs = {name: call() for name, (call, _) in (of_images | of_rates).items()}
    np.testing.assert_allclose(outs["im2col"], outs["tile"], atol=1e-4)
    np.testing.assert_allclose(outs["torch"].numpy(), outs["tile"], atol=1e-4)
    np.testing.assert_allclose(outs["with ReLU"], outs["then ReLU"], atol=1e-4)
