#!/usr/bin/env python
"""Exit with status 0 if this container does its work.

A server names a page of its own in HEALTH_URL, which must answer. Anything else must start and be able to write where
it keeps its state.
"""

import os
import sys
import tempfile
import urllib.request

import ftlab.errors  # noqa: F401 - the package is there

TIMEOUT_SECONDS = 10.0


def main() -> int:
    """Return the exit status; what is wrong goes to standard error, where `docker inspect` shows it."""
    url = os.environ.get("HEALTH_URL")
    try:
        if url:
            with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS):  # noqa: S310 - set by whoever runs the container
                return 0
        with tempfile.TemporaryFile(dir=os.environ.get("FTLAB_HOME")):
            return 0
    except OSError as error:
        sys.stderr.write(f"{url or os.environ.get('FTLAB_HOME')}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
