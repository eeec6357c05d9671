"""The one style of all pictures, and how they are shown in a notebook and saved as files."""

import io
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnscratch.training.atomic import write_atomically

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"  # Okabe and Ito's colours, told apart by everyone
INK, QUIET, FAINT = "#222222", "#767676", "#E4E4E4"
Drawn = TypeVar("Drawn")
STYLE: dict[Any, Any] = {
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": QUIET,
    "axes.edgecolor": "#B0B0B0",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlepad": 10,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.12,
    "figure.constrained_layout.h_pad": 0.1,
    "savefig.dpi": 150,
}


class Picture(Figure):
    """A figure that a notebook shows without further ado, and that opens no window.

    >>> Picture(figsize=(2, 1))._repr_png_()[1:4]
    b'PNG'
    """

    def _repr_png_(self):
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=80)
        return buffer.getvalue()


class Panel(Axes):
    """Axes whose titles are in the common style even when they are set later.

    >>> axes = Picture().subplots(subplot_kw={"axes_class": Panel})
    >>> axes.set_title("Loss").get_fontweight()
    'bold'
    """

    def set_title(self, *args, **kwargs):
        """Set the title as Axes does, in the common style."""
        with rc_context(STYLE):
            return super().set_title(*args, **kwargs)


def styled(draw: Callable[..., Drawn]) -> Callable[..., Drawn]:
    """Let a function draw in the common style, without changing anyone else's.

    >>> styled(lambda: Picture(figsize=(2, 1)))()
    <Picture size 200x100 with 0 Axes>
    """

    @wraps(draw)
    def in_style(*args, **kwargs):
        with rc_context(STYLE):
            return draw(*args, **kwargs)

    return in_style


@styled
def panels(rows: int = 1, columns: int = 1, width: float = 3.4, height: float = 2.8) -> tuple[Picture, Any]:
    """Return a Picture and its axes, in the common style, to be drawn on: rows x columns panels of so many inches.

    The axes come alone for one panel, as an array (columns,) for one row, else as an array (rows, columns).

    >>> figure, (left, right) = panels(columns=2)
    >>> len(figure.axes)
    2
    """
    figure = Picture(figsize=(width * columns, height * rows))
    axes = figure.subplots(rows, columns, squeeze=False, subplot_kw={"axes_class": Panel})
    return figure, axes[0, 0] if rows == columns == 1 else axes[0] if rows == 1 else axes


def save(figure: Figure, path: Path | str) -> None:
    """Write a figure as a PNG file, whole or not at all; its folder is made where it is missing.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "plots", "empty.png")
    >>> save(Picture(figsize=(2, 1)), path)
    >>> path.exists()
    True
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=STYLE["savefig.dpi"])
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, buffer.getvalue())
