"""Follow the links of the notebooks and pages: python -m notebooks.links [FILE ...] [--online].

A relative link must lead to a file, and its #anchor to a heading there. With `--online`, addresses of the web are
asked too: a server that refuses or is out of reach is told, but only an address said to be gone counts as broken.
"""

import argparse
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import unquote

import nbformat

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"(?<!\\)\]\(\s*<?([^()\s>]+(?:\([^()\s]*\)[^()\s>]*)?)>?(?:\s+\"[^\"]*\")?\s*\)")
TAGGED = re.compile(r"<(?:a|img)\b[^>]*?\b(?:href|src)=\"([^\"]+)\"")
ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def pages():
    """Return the files whose links are followed: README, the pages of all folders, and the notebooks."""
    folders = ("docs", "notebooks", "assignments", "benchmarks", "experiments")
    below = [path for name in folders for path in (ROOT / name).rglob("*") if path.suffix in (".md", ".ipynb")]
    return [*sorted(ROOT.glob("*.md")), *sorted(p for p in below if ".ipynb_checkpoints" not in p.parts)]


def prose(path):
    """Return the Markdown of a page or notebook without its code, in which brackets mean something else."""
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    else:
        text = path.read_text(encoding="utf-8")
    return re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)


def links(path):
    """Return where the links of a page lead, in order."""
    text = re.sub(r"`[^`\n]*`", "``", prose(path))
    return LINK.findall(text) + TAGGED.findall(text)


def anchors(path):
    """Return the anchors of a page's headings, as GitHub makes them, and for notebooks as Jupyter does too."""
    found, seen = set(), {}
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*#*$", prose(path), flags=re.MULTILINE):
        words = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        plain = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        count = seen[plain] = seen.get(plain, -1) + 1
        found.add(f"{plain}-{count}" if count else plain)
        if path.suffix == ".ipynb":
            found.add(words.replace(" ", "-"))
    return found | set(re.findall(r"<a\s+(?:id|name)=\"([^\"]+)\"", prose(path)))


def broken(path):
    """Return a line for each link within the project that leads nowhere."""
    wrong = []
    for link in links(path):
        if ADDRESS.match(link):
            continue
        place, _, anchor = link.partition("#")
        target = (path.parent / unquote(place)).resolve() if place else path.resolve()
        if not target.exists():
            wrong.append(f"{path.relative_to(ROOT)}: {link}: there is no such file")
        elif anchor and target.suffix in (".md", ".ipynb") and unquote(anchor) not in anchors(target):
            wrong.append(f"{path.relative_to(ROOT)}: {link}: there is no such heading")
    return wrong


def gone(address):
    """Return what is wrong with an address of the web, and whether it counts; ("", False) when nothing is."""
    request = urllib.request.Request(address, headers={"User-Agent": "nnscratch link check"})
    try:
        with urllib.request.urlopen(request, timeout=20):
            return "", False
    except urllib.error.HTTPError as error:
        return str(error), error.code in (404, 410)
    except (urllib.error.URLError, OSError) as error:
        return f"out of reach: {error}", False


def main(arguments=None):
    """Follow the links; return the exit status, 1 if any is broken."""
    parser = argparse.ArgumentParser(prog="python -m notebooks.links", description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="pages or notebooks; default: all")
    parser.add_argument("--online", action="store_true", help="ask for the addresses of the web, too")
    options = parser.parse_args(arguments)
    files = [path.resolve() for path in options.files] or pages()
    wrong = [line for path in files for line in broken(path)]
    if options.online:
        addresses = dict.fromkeys(link for path in files for link in links(path) if link.startswith("http"))
        for address in addresses:
            problem, counts = gone(address)
            if problem:
                print(f"{address}: {problem}")
            wrong += [f"{address}: {problem}"] if counts else []
    print("\n".join(wrong) or f"the links of {len(files)} files lead somewhere")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
