"""What the tests of the data share: a cache of their own, no network, small samples, and the real images."""

import time

import pytest

from nnscratch.data import load
from tests.conftest import real_data
from tests.data.samples import small_cifar10, write_image_folder


@pytest.fixture(autouse=True)
def own_surroundings(monkeypatch, tmp_path):
    """No test sees the user's cache, data folder or settings."""
    monkeypatch.setenv("NNSCRATCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NNSCRATCH_OFFLINE", "1")
    monkeypatch.delenv("NNSCRATCH_DATA", raising=False)


@pytest.fixture
def cache(tmp_path):
    """The folder that NNSCRATCH_CACHE names in every test."""
    return tmp_path / "cache"


@pytest.fixture
def pets(tmp_path):
    """A folder of 4 + 2 PNG images of cats and dogs, 8x6 pixels."""
    return write_image_folder(tmp_path / "pets")


@pytest.fixture(scope="session")
def cifar_files():
    """The six batches of a tiny CIFAR-10, 4 + 2 images each, as (Python version, binary version)."""
    return small_cifar10()


@pytest.fixture(scope="session")
def real_cifar(tmp_path_factory):
    """The real images, loaded twice: the Dataset from the cache, and the seconds that both loads took."""
    path = real_data("cifar10-images.tar.xz")
    folder = tmp_path_factory.mktemp("real")
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        data = load(path, cache=folder)
        seconds.append(time.perf_counter() - start)
    return data, seconds
