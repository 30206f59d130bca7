"""The command line: ``python -m gatekeeper``, also installed as ``gatekeeper``."""

from __future__ import annotations

import signal
import sys

from gatekeeper import _native


def main() -> None:
    """Run the command that the program's arguments name, and exit with its code."""
    # Python would only take note of Ctrl-C until the command has ended. `serve` stops in its own good order.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(_native._cli(["gatekeeper", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
