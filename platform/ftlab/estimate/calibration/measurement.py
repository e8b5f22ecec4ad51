"""The request to a calibrating process and its measurement, which go from process to process as JSON."""

from dataclasses import dataclass

from ftlab.config.home import Home
from ftlab.config.trial import TrialConfig


@dataclass(frozen=True)
class CalibrationRequest:
    """The request to a calibrating process.

    Attributes:
        config: The trial.
        home: Folder of caches.
        device: Setting of the device.
        threads: Torch threads.
        seconds: Time for the steps of one kind of epoch.
    """

    config: TrialConfig
    home: Home
    device: str
    threads: int
    seconds: float

    def to_json(self) -> dict[str, object]:
        """Return the request as plain values."""
        return {**vars(self), "config": self.config.model_dump(mode="json"), "home": self.home.location}


@dataclass(frozen=True)
class Measurement:
    """The measurement of a few steps of a trial, and of its probes.

    Attributes:
        plain_seconds: Seconds of the steps of an epoch without FT; None if the trial has none.
        transformed_seconds: Seconds of the steps of an epoch with FT; None if the trial has none.
        knn_seconds: Seconds of a kNN probe.
        final_seconds: Seconds of all probes after the last epoch.
        build_seconds: Seconds to build a trainer, in a process that has built one before.
        checkpoint_bytes: Size of a checkpoint at the end of the trial.
        peak_bytes: Highest memory use: of the GPU, including its context; without a GPU, of the process.
        num_steps: Steps that were timed.
        backbone_bytes: Size of the kept backbone, with the history of the trial.
    """

    plain_seconds: float | None
    transformed_seconds: float | None
    knn_seconds: float
    final_seconds: float
    build_seconds: float
    checkpoint_bytes: int
    peak_bytes: int
    num_steps: int
    backbone_bytes: int = 0
