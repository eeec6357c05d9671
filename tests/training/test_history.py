"""The history: columns, and CSV files that give every number back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnscratch.training import History, HistoryError

numbers = st.one_of(st.floats(allow_nan=False), st.integers(-(2**60), 2**60))
tables = st.lists(st.dictionaries(st.sampled_from(["epoch", "loss", "val_accuracy"]), numbers, min_size=1))


@given(rows=tables)
def test_a_csv_file_gives_every_number_back(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("history") / "history.csv"
    history = History()
    history.rows = rows
    history.to_csv(path)
    again = History.from_csv(path)
    assert again.rows == rows
    assert [type(v) for row in again.rows for v in row.values()] == [
        type(row[c]) for row in rows for c in history.columns if c in row
    ]


def test_nan_and_columns():
    history = History()
    history.rows = [{"epoch": 1, "loss": math.nan}, {"epoch": 2, "extra": 3.0}]
    assert history.columns == ["epoch", "loss", "extra"]
    assert history["extra"] == [None, 3.0]
    assert len(history) == 2


def test_an_unknown_column_names_the_known_ones():
    history = History()
    with pytest.raises(HistoryError, match="no column 'val_acc': there are none yet"):
        history["val_acc"]
    history.rows = [{"epoch": 1, "loss": 2.0}]
    with pytest.raises(HistoryError, match="there are epoch, loss"):
        history["val_acc"]


@pytest.mark.parametrize("content", [b"epoch,loss\n1,high\n", b"a\n1,2\n", b"\xff\xfe\x00", b'"'])
def test_a_file_that_is_no_history(tmp_path, content):
    path = tmp_path / "history.csv"
    path.write_bytes(content)
    with pytest.raises(HistoryError, match="give a run's history.csv"):
        History.from_csv(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(HistoryError, match="nothing.csv is not a training history"):
        History.from_csv(tmp_path / "nothing.csv")
