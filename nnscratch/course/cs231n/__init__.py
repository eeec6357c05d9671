"""Checks of a student's own CS231n folder: what is not written, what is wrong, and where."""
