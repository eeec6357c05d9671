"""Register the modules of CS231n's assignments under their own names, in the dialect of a year."""

import importlib
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from nnscratch.interop.cs231n.dialects import Dialect, dialect_of, forget, speak

HOME = "nnscratch.interop.cs231n"
UTILS = ("layers", "layer_utils")
FAST = (*UTILS, "fast_layers")

# Which other modules' names `from MODULE import *` brings along, as the notebooks expect it.
MODULES: dict[str, tuple[str, ...]] = {
    "layers": (),
    "im2col": (),
    "fast_layers": (),
    "layer_utils": FAST,
    "optim": (),
    "solver": (),
    "gradient_check": (),
    "rnn_layers": (),
    "data_utils": (),
    "vis_utils": (),
    "features": (),
    "classifiers": (),
    "classifiers.k_nearest_neighbor": (),
    "classifiers.linear_svm": (),
    "classifiers.softmax": (),
    "classifiers.linear_classifier": ("classifiers.linear_svm", "classifiers.softmax"),
    "classifiers.neural_net": (),
    "classifiers.fc_net": UTILS,
    "classifiers.cnn": FAST,
    "classifiers.rnn": ("layers", "rnn_layers"),
}


class InstallError(RuntimeError):
    """Another `cs231n` was imported before; two of that name cannot be told apart."""


def install(year: int | None = None) -> list[str]:
    """Register `cs231n` and its modules, so that notebooks import them; return their names.

    year: whose habits to follow, 2016 to 2026; None: NNSCRATCH_CS231N_YEAR, else the latest. Installing again
    changes the year for what is imported from then on. Modules that are not provided (cs231n.coco_utils, ...) are
    still found in a folder `cs231n` of the working folder. Raises DialectError, InstallError.

    >>> "cs231n.layers" in install(2019)
    True
    >>> from cs231n.layers import affine_forward
    >>> uninstall()
    """
    other = sys.modules.get("cs231n")
    if other is not None and not hasattr(other, "__nnscratch__"):
        raise InstallError(
            f"another cs231n was imported already, from {list(getattr(other, '__path__', ['?']))[0]}: Python "
            "(the notebook's kernel) again and call install() first"
        )
    dialect = dialect_of(year) if year is not None else speak(None)
    package = _module("cs231n", "CS231n's modules, by nnscratch.", folder=Path("cs231n").absolute())
    package.__nnscratch__ = dialect.year
    made = {"cs231n": package}
    for name in MODULES:
        if name == "classifiers.neural_net" and not dialect.neural_net:
            continue
        made[f"cs231n.{name}"] = _registered(name, dialect)
    for name, module in made.items():
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(made[parent], last, module)
    uninstall()
    speak(year)
    sys.modules.update(made)
    return sorted(made)


def uninstall() -> None:
    """Take the registered modules away again, and forget the year.

    >>> _ = install(2017)
    >>> uninstall()
    >>> "cs231n.layers" in sys.modules
    False
    """
    forget()
    if hasattr(sys.modules.get("cs231n"), "__nnscratch__"):
        for name in [name for name in sys.modules if name.partition(".")[0] == "cs231n"]:
            del sys.modules[name]


def load_ipython_extension(ipython: Any) -> None:
    """Install for a notebook: `%load_ext nnscratch.interop.cs231n`, or a line in IPython's configuration.

    >>> load_ipython_extension(None)
    >>> uninstall()
    """
    install()


def _registered(name, dialect: Dialect):
    """A module under CS231n's name, with the names of ours and of those that it brings along."""
    own = importlib.import_module(f"{HOME}.{name}")
    folder = Path("cs231n", "classifiers").absolute() if name == "classifiers" else None
    module = _module(f"cs231n.{name}", own.__doc__, folder)
    for source in (own, *(importlib.import_module(f"{HOME}.{other}") for other in MODULES[name])):
        for public in source.__all__:
            vars(module).setdefault(public, getattr(source, public))
    if name == "classifiers.fc_net":
        module.FullyConnectedNet = own.NETS[dialect.net]
    return module


def _module(name, doc, folder=None) -> Any:
    """An empty module; with a folder it is a package, whose further modules are looked for there."""
    module = ModuleType(name, doc)
    module.__spec__ = ModuleSpec(name, None, is_package=folder is not None)
    if folder is not None:
        module.__path__ = module.__spec__.submodule_search_locations = [str(folder)]
    return module
