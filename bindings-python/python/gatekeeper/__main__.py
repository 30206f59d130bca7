"""The command line: ``python -m gatekeeper``, also installed as ``gatekeeper``."""

from __future__ import annotations

import signal
import sys

from gatekeeper import _native


def main() -> None:
    """Run the command in the program's arguments and exit with its code."""
    # Python's own handler would only record Ctrl-C until the command returns. `serve` handles the signal itself and
    # shuts down gracefully.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(_native._cli(["gatekeeper", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
