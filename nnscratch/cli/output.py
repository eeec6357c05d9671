"""How commands speak: labelled lines, tables and JSON, at home in a terminal and in a log file."""

import json
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

LABEL = 10
WIDTH = 100


def console() -> Any:
    """Return a rich Console that is as wide as the terminal, up to 100 columns, and as wide in a log file.

    >>> console().width
    100
    """
    from rich.console import Console

    terminal = Console(highlight=False)
    return Console(highlight=False, width=min(terminal.width, WIDTH) if terminal.is_terminal else WIDTH)


def say(label: str, text: Any) -> None:
    """Print a label and a text beside it, wrapped between words.

    >>> say("model", "mlp, 308,310 parameters")
    model     mlp, 308,310 parameters
    """
    out = console()
    lines = _wrapped(str(text), out.width - LABEL)
    for number, line in enumerate(lines or [""]):
        out.print(f"{'' if number else label:<{LABEL}}", style="bold", end="")
        out.print(line, markup=False, soft_wrap=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """Print a table; the first column is text, the others are numbers set flush right.

    >>> print_table(["class", "accuracy"], [["cat", "61.0%"]])  # doctest: +ELLIPSIS
    <BLANKLINE>
      class   accuracy
    ...
      cat        61.0%
    <BLANKLINE>
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title=title or None, title_justify="left")
    rows = [list(row) for row in rows]
    longest = max([len(str(row[0])) for row in rows], default=0)
    table.add_column(columns[0], overflow="fold", min_width=min(longest, 24))
    for column in columns[1:]:
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    console().print(table)


def print_box(rows: Iterable[tuple[str, Any]]) -> None:
    """Print names and values in a box.

    >>> print_box([("accuracy", "61.0%")])
    ╭──────────┬───────╮
    │ accuracy │ 61.0% │
    ╰──────────┴───────╯
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.ROUNDED, show_header=False, show_edge=True, border_style="dim")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, Text(str(value)))
    console().print(table)


def print_json(content: Any) -> None:
    """Print data as JSON and nothing else.

    >>> print_json({"accuracy": 0.5})
    {
      "accuracy": 0.5
    }
    """
    print(json.dumps(content, indent=2))


def percent(share: float) -> str:
    """Return a share as a percentage.

    >>> percent(0.8012)
    '80.12%'
    """
    return f"{share:.2%}"


def duration(seconds: float) -> str:
    """Return seconds in words.

    >>> duration(9.6), duration(155), duration(3 * 3600 + 240)
    ('9.6 s', '2 min 35 s', '3 h 4 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def progress(items: Sequence[Any], title: str) -> Iterable[Any]:
    """Return the items with a progress bar on the terminal; in a log file without.

    >>> list(progress([1, 2], "evaluate"))
    [1, 2]
    """
    from tqdm.auto import tqdm

    return tqdm(items, desc=title, leave=False, disable=not sys.stderr.isatty())


def _wrapped(text, width):
    return [
        line
        for paragraph in text.splitlines()
        for line in textwrap.wrap(paragraph, width, break_long_words=False, break_on_hyphens=False)
    ]
