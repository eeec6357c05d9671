"""What the tests of the course share: a learner's folder, and a way to write into it."""

import json

import pytest

from nnscratch.course.folder import start
from nnscratch.course.starters import with_function


class Learner:
    """A learner's folder, with functions written into its files."""

    def __init__(self, folder):
        self.folder = folder
        start(folder)

    def write(self, exercise, source):
        path = self.folder / exercise.path
        path.write_text(with_function(path.read_text(), exercise.function, source))

    def write_cells(self, *cells, name="notes.ipynb"):
        """Write a notebook; each cell is its source and its tags."""
        made = [
            {"cell_type": "code", "source": source.splitlines(keepends=True), "metadata": {"tags": tags}}
            for source, *tags in cells
        ]
        (self.folder / name).write_text(json.dumps({"cells": made, "nbformat": 4, "metadata": {}}))


@pytest.fixture
def learner(tmp_path):
    return Learner(tmp_path / "course")
