"""``python -m turnwire``: the command line."""

import sys

from . import _native


def main() -> int:
    """Runs the command line with the arguments of this process."""
    return _native.cli_main(["turnwire", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
