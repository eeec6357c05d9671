"""CS231n's assignments on this package's layers: `install()`, and `from cs231n.layers import *` works.

Nothing is compiled and no file is written: modules are registered under the names of the assignments.
"""

from nnscratch.interop.cs231n.dialects import DialectError, chosen_year
from nnscratch.interop.cs231n.registering import InstallError, install, load_ipython_extension, uninstall

__all__ = ["DialectError", "InstallError", "chosen_year", "install", "load_ipython_extension", "uninstall"]
