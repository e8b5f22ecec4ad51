"""The command line, which says within two seconds that it starts: its imports take longer on a busy machine."""

import sys

from ftlab.terminal.console import INTERRUPTED
from ftlab.terminal.phase import phase


def main() -> None:
    """Import the commands, and run one."""
    try:
        with phase("loading ftlab"):
            from ftlab.cli.command_line import main as run
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
