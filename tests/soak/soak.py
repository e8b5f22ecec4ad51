"""Sweep on and on against MLflow on PostgreSQL while servers restart and a disk fills up.

One driver trains trials of a study without end: its memory is watched. Beside it, sweeps of another study follow each
other, on a small disk that is full every second time. At last the store is compared with the journals of both.
"""

import argparse
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from _harness import report
from checkout import Checkout, MakeCommand
from driver_watch import DriverWatch
from growing_sweeps import GrowingSweeps
from laboratory import STEADY, write_experiments
from loopback import bare_environment, free_port
from outages import Outages
from postgres_server import PostgresServer
from small_disk import mounted
from store_audit import StoreAudit, audit_store, trial_runs
from tracking_server import ACCOUNTS, RUNS, TrackingServer

DISK_MEGABYTES = 24
FILL_EVERY = 2
OUTAGE_PAUSE_SECONDS = 90.0
OUTAGE_SECONDS = 8.0
TRIALS_PER_MINUTE = 60  # more than any machine trains


class Soak:
    """The servers, the two users, and what disturbs them.

    Args:
        folder: Empty folder.
        stack: Takes up what must be ended.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        database = PostgresServer([RUNS, ACCOUNTS])
        stack.callback(database.close)
        self.tracking = TrackingServer(folder / "mlflow", database)
        stack.callback(self.tracking.kill)
        self.tracking.start()
        disk = folder / "disk"
        is_small = stack.enter_context(mounted(disk, DISK_MEGABYTES))
        self.homes = {"steady": folder / "steady-home", "growing": disk / "home"}
        write_experiments(folder / "experiments")
        port = free_port()
        surroundings = {
            **bare_environment(),
            **self.tracking.client_environment,
            "FTLAB_EXPERIMENTS": str(folder / "experiments"),
        }
        self.steady = Checkout(
            folder / "steady",
            {**surroundings, "FTLAB_HOME": str(self.homes["steady"]), "FTLAB_METRICS_PORT": str(port)},
        )
        growing = Checkout(folder / "growing", {**surroundings, "FTLAB_HOME": str(self.homes["growing"])})
        stack.callback(self.steady.close)
        stack.callback(growing.close)
        self.sweeps = GrowingSweeps(growing, self.tracking, disk if is_small else None)
        self.watch = DriverWatch(port)
        self.outages = Outages(database, self.tracking, pause=OUTAGE_PAUSE_SECONDS, length=OUTAGE_SECONDS)

    def run(self, minutes: float) -> None:
        """Sweep for so long, then let both studies come to their end with all servers there."""
        deadline = time.monotonic() + 60 * minutes
        steady = self._start_steady(round(minutes * TRIALS_PER_MINUTE))
        self.watch.start()
        self.outages.start()
        try:
            number = 0
            while time.monotonic() < deadline:
                number += 1
                self.sweeps.run_next(fill_disk=number % FILL_EVERY == 1)
                if not steady.is_running:
                    raise SystemExit(f"the steady sweep ended before its time:\n{steady.output}")
        finally:
            self.outages.stop()
            self.watch.stop()
        steady.interrupt()
        steady.wait()
        # What the store did not take in time is recorded by the same command, of the trials that came to their end.
        last = self._start_steady(self.num_steady)
        if last.wait() != 0:
            raise SystemExit(f"the steady study cannot be completed:\n{last.output}")

    @property
    def num_steady(self) -> int:
        """Trials of the steady study that came to their end."""
        return len(list((self.homes["steady"] / "trials").glob("*.jsonl"))) or 1

    def audit(self) -> dict[str, StoreAudit]:
        """Compare the store with both journals."""
        client = self.tracking.direct_client()
        return {name: audit_store(client, home / "trials") for name, home in self.homes.items()}

    def _start_steady(self, seeds: int) -> MakeCommand:
        return self.steady.start("sweep", EXP=STEADY, PROFILE="tiny", SEEDS=seeds, CPUS=1)


def main() -> None:
    """Soak, report, and fail where something was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    minutes = parser.parse_args().minutes
    # A shell that runs this in the background has it ignore Ctrl-C, and so the drivers; SIGTERM must end servers too.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with ExitStack() as stack:
        soak = Soak(stack.enter_context(_temporary_folder()), stack)
        soak.run(minutes)
        audits = soak.audit()
        num_trials = len(trial_runs(soak.tracking.direct_client()))
    _report(minutes, soak, num_trials, audits)
    if not all(audit.is_clean for audit in audits.values()):
        raise SystemExit(f"the store is not what the journals are: {audits}")


def _report(minutes: float, soak: Soak, num_trials: int, audits: dict[str, StoreAudit]) -> None:
    watch, sweeps, outages = soak.watch, soak.sweeps, soak.outages
    found = audits.values()
    report(
        "soak",
        [watch.slope],
        "MB/h",
        {
            "minutes": minutes,
            "sweeps_complete": sweeps.complete + 1,
            "sweeps_repeated_as_a_server_was_away": sweeps.repeated,
            "sweeps_stopped_by_a_full_disk": sweeps.full if sweeps.disk else "mounting a small disk is not allowed",
            "trials": num_trials,
            "trials_of_the_watched_driver": watch.samples[-1].trials,
            "restarts": outages.numbers,
            "longest_outage_seconds": round(outages.longest, 1),
            "driver_megabytes_at_10_50_100_percent": [round(watch.memory_at(part)) for part in (0.1, 0.5, 1.0)],
            "driver_kilobytes_a_trial": round(1000 * watch.slope_per_trial),
            "longest_spool_records": watch.longest_spool,
            "runs_lost": sum(len(audit.lost) for audit in found),
            "runs_doubled": max(len(audit.doubled) for audit in found),
            "runs_left_running": max(len(audit.running) for audit in found),
            "histories_incomplete": sum(len(audit.incomplete) for audit in found),
        },
    )


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ftlab-soak-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
