"""Servers that go away again and again, and come back."""

from itertools import cycle
from threading import Event, Thread
from time import monotonic

from postgres_server import PostgresServer
from tracking_server import TrackingServer


class Outages:
    """Restarts an MLflow server and its database in turn, from a thread, until it is told to stop.

    Args:
        database: Stopped at once, as by a crash.
        tracking: Killed.
        pause: Seconds between two outages.
        length: Seconds that a server stays away at least.
    """

    def __init__(self, database: PostgresServer, tracking: TrackingServer, *, pause: float, length: float) -> None:
        self._servers = {"PostgreSQL": (database.stop, database.start), "MLflow": (tracking.kill, tracking.start)}
        self._pause, self._length = pause, length
        self._over = Event()
        self._thread = Thread(target=self._run)
        self.numbers = dict.fromkeys(self._servers, 0)
        self.longest = 0.0

    def start(self) -> None:
        """Begin with a pause."""
        self._thread.start()

    def stop(self) -> None:
        """Return when every server is there, for good."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        for name in cycle(self._servers):
            if self._over.wait(self._pause):
                return
            take_away, bring_back = self._servers[name]
            began = monotonic()
            take_away()
            self._over.wait(self._length)
            bring_back()
            self.numbers[name] += 1
            self.longest = max(self.longest, monotonic() - began)
