"""Grading for teachers: submissions are read, looked through, and checked in isolation."""
