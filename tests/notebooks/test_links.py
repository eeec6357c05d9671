"""All links of the notebooks and pages lead somewhere; a link that does not is told."""

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from notebooks import links


@pytest.mark.parametrize("path", links.pages(), ids=lambda path: str(path.relative_to(links.ROOT)))
def test_links_lead_somewhere(path):
    assert links.broken(path) == []


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(links, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text("# One `word`, and more\n\n## Twice\n\n## Twice\n")
    return tmp_path


def test_missing_files_and_headings_are_told(folder, capsys):
    page = folder / "links.md"
    page.write_text(
        "[a](page.md) [b](page.md#one-word-and-more) [c](page.md#twice-1) [d](#here) [e](https://example.org/x)\n"
        '[f](gone.md) [g](page.md#no-such) <img src="gone.png">\n`[y](gone.md)`\n\n```\n[x](y)\n```\n\n## Here\n'
    )
    assert links.broken(page) == [
        "links.md: gone.md: there is no such file",
        "links.md: page.md#no-such: there is no such heading",
        "links.md: gone.png: there is no such file",
    ]
    assert links.main([str(page)]) == 1
    assert "gone.md: there is no such file" in capsys.readouterr().out
    assert links.main([str(folder / "page.md")]) == 0


def test_notebooks_are_pages_too(folder):
    path = folder / "01-one.ipynb"
    cells = [new_markdown_cell("# The Idea\n\n[x](#The-Idea) [y](#the-idea) [z](02-two.ipynb)")]
    nbformat.write(new_notebook(cells=cells), path)
    assert links.broken(path) == ["01-one.ipynb: 02-two.ipynb: there is no such file"]


def test_only_what_a_server_says_is_gone_counts(folder, monkeypatch, capsys):
    answers = {"https://a.org/": ("", False), "https://b.org/": ("HTTP Error 404: Not Found", True)}
    monkeypatch.setattr(links, "gone", lambda address: answers.get(address, ("out of reach: no route", False)))
    page = folder / "links.md"
    page.write_text("[a](https://a.org/) [c](https://c.org/)")
    assert links.main([str(page), "--online"]) == 0
    assert "https://c.org/: out of reach" in capsys.readouterr().out
    page.write_text("[b](https://b.org/)")
    assert links.main([str(page), "--online"]) == 1
