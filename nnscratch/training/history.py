"""The history of a training run: one row of figures per epoch, and the loss of every step."""

import csv
import io
from pathlib import Path
from typing import Any

from nnscratch.training.atomic import write_atomically

Row = dict[str, Any]
WORDS = ("device", "precision")  # columns that hold words; all others hold numbers


class HistoryError(ValueError):
    """A history was asked for a column that it does not have, or read from a file that holds none."""


class History:
    """What training has recorded: `rows`, a dict per epoch, and `losses`, the loss of every step.

    >>> history = History()
    >>> history.rows.append({"epoch": 1, "loss": 2.25, "val_accuracy": 0.25})
    >>> history.rows.append({"epoch": 2, "loss": 1.5, "val_accuracy": 0.5})
    >>> history["val_accuracy"]
    [0.25, 0.5]
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.losses: list[float] = []

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, column: str) -> list[Any]:
        """Return one column; an epoch that lacks it gives None. Raises HistoryError for an unknown column."""
        if column not in self.columns:
            raise HistoryError(
                f"the history has no column {column!r}: there are {', '.join(self.columns) or 'none yet'}"
            )
        return [row.get(column) for row in self.rows]

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in the order in which they first appear."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def to_csv(self, path: Path | str) -> None:
        """Write the rows as a table, atomically; every float keeps all its digits.

        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "history.csv")
        >>> history = History()
        >>> history.rows.append({"epoch": 1, "loss": 0.1})
        >>> history.to_csv(path)
        >>> path.read_text()
        'epoch,loss\\n1,0.1\\n'
        """
        text = io.StringIO()
        table = csv.DictWriter(text, self.columns, lineterminator="\n")
        table.writeheader()
        table.writerows(self.rows)
        write_atomically(path, text.getvalue().encode())

    @classmethod
    def from_csv(cls, path: Path | str) -> "History":
        """Read a table that `to_csv` wrote; the losses of single steps are not in it.

        Raises HistoryError when the file is missing or holds something else.
        """
        history = cls()
        try:
            with Path(path).open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file, strict=True):
                    history.rows.append({name: _value(name, text) for name, text in row.items() if text != ""})
        except (OSError, UnicodeDecodeError, csv.Error, ValueError, AttributeError) as error:
            raise HistoryError(f"{path} is not a training history ({error}): give a run's history.csv") from None
        return history


def _value(name, text):
    """A whole number where the text is one, else a float; in some columns the text itself."""
    if name in WORDS:
        return text
    return int(text) if text.lstrip("-").isdigit() else float(text)
