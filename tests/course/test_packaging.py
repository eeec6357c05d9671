"""What `pip install` brings: every package, and the exercises with them."""

import configparser
from pathlib import Path

import pytest

import nnscratch

ROOT = Path(nnscratch.__file__).parents[1]


@pytest.fixture
def setup():
    if not (ROOT / "setup.cfg").is_file():
        pytest.skip("needs a checkout: git clone the project, an installation has no setup.cfg")
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg")
    return parser


def test_every_package_is_listed(setup):
    """The exercises lie beside the package and are installed into it, so the packages are listed one by one."""
    there = {".".join(path.relative_to(ROOT).parts[:-1]) for path in (ROOT / "nnscratch").rglob("__init__.py")}
    assert set(setup["options"]["packages"].split()) == there | {"nnscratch.course.assignments"}


def test_the_exercises_are_installed_but_not_their_wrong_answers(setup):
    assert setup["options"]["package_dir"].split() == ["nnscratch.course.assignments", "=", "assignments"]
    patterns = setup["options.package_data"]["nnscratch.course.assignments"].replace(",", " ").split()
    installed = {path for pattern in patterns for path in (ROOT / "assignments").glob(pattern)}
    needed = {ROOT / "assignments" / "README.md", *(ROOT / "assignments").glob("checks/*.py")}
    needed |= set((ROOT / "assignments").glob("solutions/*/*.py"))
    assert installed == needed
