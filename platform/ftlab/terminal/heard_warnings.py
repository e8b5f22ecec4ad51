"""A note that a command warned of something, which the same command should do again."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class HeardWarnings(logging.Handler):
    """Notes warnings, and prints them where nobody else does.

    Attributes:
        any: Whether there was a warning.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.any = False

    def emit(self, record: logging.LogRecord) -> None:
        """Note a warning."""
        self.any = True
        # Without a handler logging prints to the error output; this one must not silence it.
        if not logging.getLogger().handlers and logging.lastResort:
            logging.lastResort.handle(record)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Note the warnings of this package until the block ends."""
        logger = logging.getLogger("ftlab")
        logger.addHandler(self)
        try:
            yield
        finally:
            logger.removeHandler(self)
