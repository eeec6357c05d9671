"""The CUDA C twins are tested even where NNSCRATCH_KERNELS=reference turns twins off."""

import pytest

from nnscratch import kernels


@pytest.fixture(autouse=True)
def with_twins(monkeypatch):
    """Turn twins on."""
    monkeypatch.setitem(kernels._switch, "reference", False)
