"""Sweeps of a study that grows by a seed, one after the other, each repeated until it is complete."""

from dataclasses import dataclass
from pathlib import Path

from checkout import Checkout, MakeCommand
from laboratory import GROWING
from loopback import wait_until
from small_disk import filled
from tracking_server import TrackingServer

MAX_ATTEMPTS = 20
SERVER_SECONDS = 300.0
# How a sweep may end that met a server that was away, or a disk that was full.
SERVER_AWAY = ("the MLflow store must answer", "the tracking store must answer", "could not be recorded")
INCOMPLETE = "Not finished yet"
DISK_FULL = ("No space left on device",)


@dataclass
class GrowingSweeps:
    """Runs growing sweeps and counts their outcomes.

    Attributes:
        checkout: Checkout in which they run.
        tracking: The MLflow server, which may be away.
        disk: Small disk that holds their FTLAB_HOME; None: it is never filled.
        complete: Sweeps that wrote their table.
        repeated: Attempts that ended with a message because a server was away.
        full: Attempts that a full disk stopped.
    """

    checkout: Checkout
    tracking: TrackingServer
    disk: Path | None
    complete: int = 0
    repeated: int = 0
    full: int = 0

    def run_next(self, *, fill_disk: bool) -> None:
        """Run the sweep of one more seed to its end; at first it may meet a full disk.

        Raises:
            SystemExit: A sweep ended in another way than it may.
        """
        if fill_disk and self.disk is not None:
            self._run_into_full_disk(self.disk)
        for _ in range(MAX_ATTEMPTS):
            command = self._start()
            if command.wait() == 0:
                if INCOMPLETE in command.output:
                    raise SystemExit(f"a sweep ended well, and its table is not complete:\n{command.output}")
                self.complete += 1
                return
            _check_end(command, SERVER_AWAY)
            self.repeated += 1
            wait_until(lambda: self.tracking.is_ready, SERVER_SECONDS)
        raise SystemExit(f"{MAX_ATTEMPTS} attempts at one sweep, and none was complete:\n{command.output}")

    def _run_into_full_disk(self, disk: Path) -> None:
        command = self._start()
        wait_until(lambda: "first epoch" in command.output or not command.is_running)
        with filled(disk):
            status = command.wait()
        if any(message in command.output for message in DISK_FULL):
            _check_end(command, DISK_FULL)
            self.full += 1
        elif status != 0:
            _check_end(command, SERVER_AWAY)
            self.repeated += 1

    def _start(self) -> MakeCommand:
        return self.checkout.start("sweep", EXP=GROWING, PROFILE="tiny", SEEDS=self.complete + 1, CPUS=1)


def _check_end(command: MakeCommand, known: tuple[str, ...]) -> None:
    if "Traceback" in command.output or not any(message in command.output for message in known):
        raise SystemExit(f"a sweep ended without a known message:\n{command.output}")
