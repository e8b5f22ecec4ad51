"""The session of one study: what a sweep and a search hold while they train."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ftlab.config.home import Home
from ftlab.engine.housekeeper import Housekeeper
from ftlab.engine.stopping import stopped_as_by_ctrl_c
from ftlab.machine.capacity import Capacity
from ftlab.running.checkpoints import CheckpointCollector
from ftlab.running.claims import TrialClaims
from ftlab.running.recorder import TrialRecorder
from ftlab.study.spec import StudySpec
from ftlab.terminal.console import console
from ftlab.terminal.phase import phase
from ftlab.terminal.study_display import StudyDisplay
from ftlab.terminal.study_progress import Workload
from ftlab.tracking.journal import Journal
from ftlab.workers.metrics_server import serve_metrics
from ftlab.workers.session import RaySession
from ftlab.workers.tune_folder import remove_left_folders

if TYPE_CHECKING:
    from ftlab.estimate.resource_plan import ResourcePlan
    from ftlab.running.feed import TrialFeed
    from ftlab.running.listener import StudyListener
    from ftlab.study.early_stopping import EarlyStopping
    from ftlab.tracking.records import Outcome
    from ftlab.tracking.writer import TrackingWriter
    from ftlab.workers.metrics import StudyMetrics

STARTING_RAY = "starting Ray"


class StudySession:
    """Journal, claims, checkpoints, metrics and Ray of one study, until the ``with`` block ends.

    Args:
        study: The study.
        capacity: The part of this machine that may be used.
        home: Folder of everything ftlab keeps.
    """

    def __init__(self, study: StudySpec, capacity: Capacity, home: Home) -> None:
        self.study = study
        self.home = home
        self.journal = Journal(home / "trials")
        self.claims = TrialClaims(home / "locks", self.journal)
        self.collector = CheckpointCollector(home, study.results_name)
        self.ray = RaySession(capacity)
        self.metrics: StudyMetrics | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Take claims, and serve metrics if the environment asks for them; Ray is started when it is needed."""
        with ExitStack() as opened:
            opened.enter_context(stopped_as_by_ctrl_c())
            opened.enter_context(self.claims)
            remove_left_folders(self.home / "ray")
            self.metrics = opened.enter_context(serve_metrics(self.study.experiment))
            opened.callback(self.ray.stop)
            self._open = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop Ray, and release everything."""
        self._open.__exit__(kind, error, trace)

    def train(
        self,
        feed: "TrialFeed",
        plan: "ResourcePlan",
        work: Workload,
        writer: "TrackingWriter",
        *,
        listeners: "Sequence[StudyListener]" = (),
        early_stopping: "EarlyStopping | None" = None,
        forecast: float | None = None,
        known: Mapping[str, Sequence[float]] | None = None,
    ) -> "dict[str, Outcome]":
        """Train the trials of a feed on Ray, recorded and shown; return their outcomes by trial key.

        Args:
            feed: Source of the trials.
            plan: Resources of a trial.
            work: The most work there is, for the display.
            writer: Writer of the tracking store.
            listeners: Told of every trial, after the recorder and before the display.
            early_stopping: Rule that stops trials early; None without one.
            forecast: Estimated seconds of the work; None without an estimate.
            known: Values of the metric of trials that were recorded before, by cell.
        """
        display = StudyDisplay(console, work, forecast=forecast, known=known)
        with phase(STARTING_RAY):
            self.ray.wait()
            # Ray takes seconds to import, and a command with nothing to train never needs it.
            from ftlab.workers.study_run import run_study

        recorder = TrialRecorder(self.study.results_name, writer, plan.hardware)
        keepers = (Housekeeper(self.claims, self.collector), *listeners)
        with display:
            return run_study(
                feed,
                home=self.home,
                resources=plan.resources,
                max_slots=plan.packing.slots if plan.packing else None,
                # An epoch is in the journal before anything else is told of it.
                listeners=[recorder, display, *keepers, *([self.metrics] if self.metrics else ())],
                early_stopping=early_stopping,
                stopping=display.stopping,
            )
