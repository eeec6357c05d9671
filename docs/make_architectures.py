"""Write docs/architectures.md: every network layer by layer, from the networks themselves.

Run `python -m docs.make_architectures`.
"""

import gc
import inspect
from pathlib import Path

from nnscratch.models import MODELS, build
from nnscratch.models.summary import rows_of, summary, totals

PAGE = Path(__file__).parent / "architectures.md"
INTRODUCTION = """\
# The networks, layer by layer

This page is written by `python -m docs.make_architectures`, from the networks themselves.
`nnscratch models NAME` prints one of its tables, for images of your size.

Parameters are the numbers that training changes. Multiply-adds count the products that are added up when one
image is classified (those of convolutions and affine layers). Memory is that of the outputs of one image, in
float32; in the last line with the parameters. "Sees" is the side of the square of pixels that one number of the
output depends on; "all" stands for the whole image. Side heads (GoogLeNet) have parameters, and rest when an image
is classified.
"""


def networks():
    """Yield (name, image) of every network for images."""
    for name, builder in MODELS.items():
        slots = inspect.signature(builder).parameters
        if "image" in slots:
            yield name, slots["image"].default


def section(name, image):
    """Return the line of a network in the first table, and its own section."""
    model = build(name)
    about = inspect.getdoc(MODELS[name]).splitlines()[0].removeprefix("Build ")
    parameters, work, memory = totals(rows_of(model.layers, image))
    line = (
        f"| [{name}](#{name}) | {'x'.join(map(str, image))} | {parameters:,} | {work:,} | {memory / 1e6:,.1f} MB |"
    )
    text = f"## {name}\n\n{about[0].upper()}{about[1:]}\n\n```\n{summary(model, image)}\n```\n"
    return line, text


def page():
    """Return the text of the page."""
    lines, sections = [], []
    for name, image in networks():
        line, text = section(name, image)
        lines.append(line)
        sections.append(text)
        gc.collect()
    head = "| network | image | parameters | multiply-adds | memory |\n|---|---|---:|---:|---:|\n"
    return "\n".join([INTRODUCTION, head + "\n".join(lines) + "\n", *sections])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
