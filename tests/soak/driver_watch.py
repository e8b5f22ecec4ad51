"""Watch a driver by reading its metrics again and again."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import linear_regression
from threading import Event, Thread
from time import monotonic

from loopback import HOST, read_text
from prometheus_client.parser import text_string_to_metric_families

MEGABYTE = 1e6
WARM_UP = 0.1  # of the time: imports, Ray, the first trials


@dataclass(frozen=True)
class Sample:
    """A moment of a driver.

    Attributes:
        seconds: Since the first sample.
        memory: Resident memory in MB.
        spool: Records that wait for the tracking store.
        trials: Trials that were trained to their end.
    """

    seconds: float
    memory: float
    spool: int
    trials: int


class DriverWatch:
    """Asks a driver's metrics from a thread, from the moment it trains on.

    Args:
        port: FTLAB_METRICS_PORT of the driver.
        pause: Seconds between two questions.
    """

    def __init__(self, port: int, pause: float = 2.0) -> None:
        self._url = f"http://{HOST}:{port}/metrics"
        self._pause = pause
        self._over = Event()
        self._thread = Thread(target=self._run)
        self.samples: list[Sample] = []

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()
        self._thread.join()

    def memory_at(self, part: float) -> float:
        """Return the resident memory in MB when a part of the time was over."""
        wanted = part * self.samples[-1].seconds
        return min(self.samples, key=lambda sample: abs(sample.seconds - wanted)).memory

    @property
    def slope(self) -> float:
        """MB an hour by which the memory grew after the warm-up, by least squares."""
        return self._slope(lambda sample: sample.seconds / 3600)

    @property
    def slope_per_trial(self) -> float:
        """MB a trial by which the memory grew after the warm-up, by least squares: Tune keeps every trial."""
        return self._slope(lambda sample: sample.trials)

    def _slope(self, progress: Callable[[Sample], float]) -> float:
        warm = [sample for sample in self.samples if sample.seconds >= WARM_UP * self.samples[-1].seconds]
        return linear_regression(list(map(progress, warm)), [sample.memory for sample in warm]).slope

    @property
    def longest_spool(self) -> int:
        """The most records that waited."""
        return max(sample.spool for sample in self.samples)

    def _run(self) -> None:
        began = None
        while not self._over.wait(self._pause):
            try:
                values = _read(self._url)
            except OSError:  # it has not begun, or it is over
                continue
            if values["ftlab_epochs_trained_total"]:
                began = began or monotonic()
                self.samples.append(
                    Sample(
                        seconds=monotonic() - began,
                        memory=values["process_resident_memory_bytes"] / MEGABYTE,
                        spool=int(values["ftlab_tracker_spool_records"]),
                        trials=int(values["ftlab_trials_finished_total"]),
                    )
                )


def _read(url: str) -> dict[str, float]:
    families = text_string_to_metric_families(read_text(url))
    return {sample.name: sample.value for family in families for sample in family.samples}
