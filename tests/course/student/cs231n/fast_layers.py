"""Theirs needs a compiler; the check does not."""

raise ImportError("run python setup.py build_ext --inplace")
