"""Texts: characters to numbers and back, streams that hang together, and texts that cannot be used."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnscratch.data import Batches, TextData, TextError, Vocabulary, read_text


@given(st.text(min_size=1))
def test_decoding_undoes_encoding(text):
    vocabulary = Vocabulary.of(text)
    assert vocabulary.decode(vocabulary.encode(text)) == text
    assert vocabulary.characters == "".join(sorted(set(text)))


@given(st.integers(1, 4), st.integers(1, 5), st.integers(30, 90))
def test_streams_are_the_text_piece_by_piece(streams, length, size):
    text = "".join(chr(60 + i) for i in range(size))
    data = TextData(text, streams, length, val=0.1, test=0.1)
    numbers = data.vocabulary.encode(text)
    pieces = len(data.x_train) // streams
    for s in range(streams):
        stream = data.x_train[s::streams].reshape(-1)
        assert (stream == numbers[s * pieces * length :][: pieces * length]).all()
    assert (data.y_train == data.x_train + 1).all() and data.x_train.shape == data.y_train.shape
    for x, y in ((data.x_val, data.y_val), (data.x_test, data.y_test)):
        assert (y == x + 1).all()
    seen, val, test = (set(x.reshape(-1).tolist()) for x in (data.y_train, data.x_val, data.x_test))
    assert not seen & val and not val & test and not seen & test


def test_batches_of_a_text_stay_whole_numbers_in_order():
    data = TextData("abcdefghij" * 10, streams=2, length=5)
    batches = list(Batches(data.x_train, data.y_train, 2, shuffle=data.shuffle).epoch(0))
    assert all(x.dtype.kind == "i" and x.shape == y.shape == (2, 5) for x, y in batches)
    assert (np.concatenate([x for x, _ in batches]) == data.x_train).all()
    assert data.vocabulary.decode(batches[0][0][0]) + data.vocabulary.decode(batches[1][0][0]) == "abcdefghij"


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "is empty"),
        ("abc" * 100, {}, "270 characters are too few.*at least 4,097 are needed"),
        ("abc" * 100, {"streams": 0}, "streams and length are 1 or more"),
        ("abc" * 100, {"val": 0.7, "test": 0.3}, "leave something to train on"),
        ("abc" * 100, {"streams": 2, "length": 4, "characters": "ab"}, "unknown character 'c' at place 2"),
    ],
)
def test_texts_that_cannot_be_used(text, options, message):
    with pytest.raises(TextError, match=message):
        TextData(text, **options)


def test_a_short_text_without_held_out_parts():
    data = TextData("abab", streams=1, length=3, val=0, test=0)
    assert len(data.x_train) == 1 and len(data.x_val) == len(data.x_test) == 0 and data.test_text == ""


def test_files_that_are_no_text(tmp_path):
    path = tmp_path / "text.txt"
    with pytest.raises(TextError, match="there is no file"):
        read_text(path)
    path.write_bytes(b"")
    with pytest.raises(TextError, match="is empty"):
        read_text(path)
    path.write_bytes(b"caf\xe9")
    with pytest.raises(TextError, match=r"no text in UTF-8 \(byte 3\)"):
        read_text(path)
    path.write_bytes("\ufeffé\r\n".encode())
    assert read_text(path) == "é\n"


def test_a_vocabulary_lists_every_character_once():
    with pytest.raises(TextError, match="list every character once"):
        Vocabulary("aba")
    with pytest.raises(TextError, match="0 characters"):
        Vocabulary("")
