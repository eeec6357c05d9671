"""Run the command line with `python -m nnscratch`."""

import sys

from nnscratch.cli import main

if __name__ == "__main__":
    sys.exit(main())
