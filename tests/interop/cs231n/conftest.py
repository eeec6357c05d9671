"""Every test begins without a cs231n and leaves none behind."""

import pytest

from nnscratch.interop import cs231n


@pytest.fixture(autouse=True)
def no_cs231n(monkeypatch):
    monkeypatch.delenv("NNSCRATCH_CS231N_YEAR", raising=False)
    yield
    cs231n.uninstall()
