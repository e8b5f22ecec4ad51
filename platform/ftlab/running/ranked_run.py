"""Run one trial in several processes that train it together."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch

from ftlab.assembly.trial_parts import method_class
from ftlab.config.experiment import Keep
from ftlab.config.home import Home
from ftlab.errors import CheckpointError
from ftlab.ranks.exchange import Ranks
from ftlab.ranks.launch import train_in_ranks
from ftlab.running.feed import Assignment
from ftlab.running.judged_run import judge_kept
from ftlab.running.trial_run import Run, StartRun, TrialRun, judge
from ftlab.tracking.records import Outcome
from ftlab.training.epoch_result import EpochResult


class RankedRun:
    """A trial that several processes of this machine train together, with the interface of a `TrialRun`.

    Args:
        assignment: The trial to train.
        home: Folder of caches and checkpoints.
        device: Kind of device of the training.
        checkpoint_seconds: Least time between two checkpoints.
        processes: Number of processes, at least 2.
        keep: Files that stay when it is trained.
        problem: A problem that did not harm the results.

    Raises:
        FtlabError: The images are missing, or there are fewer GPUs than processes.
        RankDiedError: A process was killed.

    Attributes:
        history: The epochs so far, first those of the checkpoint.
        warning: The last problem that did not harm the results; empty if there was none.
    """

    def __init__(
        self,
        assignment: Assignment,
        home: Home,
        device: torch.device,
        checkpoint_seconds: float,
        *,
        processes: int,
        keep: Keep = "nothing",
        problem: str = "",
    ) -> None:
        part = _Part(assignment, home, checkpoint_seconds, keep, problem)
        self._num_epochs = assignment.trial.epochs
        self._method = method_class(assignment.trial.config.method)
        self._reports: Iterator[_Report] = train_in_ranks(part.train, processes, device)
        self.history: list[EpochResult] = []
        self._take(next(self._reports))

    def epochs(self) -> Iterator[EpochResult]:
        """Yield the epochs that are left as they are trained; see `TrialRun.epochs`.

        Raises:
            NonFiniteLossError: The loss became NaN or infinite.
            RankDiedError: A process was killed.
        """
        for report in self._reports:
            self._take(report)
            yield from report.results

    def judge(self) -> Outcome | None:
        """Return the outcome of the trial; None while epochs are left."""
        if len(self.history) < self._num_epochs:
            return None
        return judge(self._method, self.history[-1], self._tags)

    def _take(self, report: "_Report") -> None:
        self.history += report.results
        self.warning = report.warning
        self._tags = report.tags
        if len(self.history) == self._num_epochs:
            # The processes only have to leave, and give their memory back.
            for _ in self._reports:
                pass


def run_starter(processes: int, keep: Keep = "nothing") -> StartRun:
    """Return the function that starts a trial: judges a kept backbone of its pretraining, or else trains.

    Args:
        processes: Number of processes; a training in one takes place in the process that starts it.
        keep: Files that stay of a trained trial.
    """

    def start(assignment: Assignment, home: Home, device: torch.device, checkpoint_seconds: float) -> Run:
        problem = ""
        try:
            if (judged := judge_kept(assignment, home, device)) is not None:
                return judged
        except CheckpointError as error:
            problem = f"{error} The trial is trained again."
        if processes == 1:
            return TrialRun(assignment, home, device, checkpoint_seconds, keep=keep, problem=problem)
        return RankedRun(assignment, home, device, checkpoint_seconds, processes=processes, keep=keep, problem=problem)

    return start


class _Report(NamedTuple):
    results: list[EpochResult]
    warning: str
    tags: dict[str, str]


@dataclass(frozen=True)
class _Part:
    """The order to every process of a run: the trial, of which each trains its part."""

    assignment: Assignment
    home: Home
    checkpoint_seconds: float
    keep: Keep
    problem: str

    def train(self, ranks: Ranks, device: torch.device) -> Iterator[_Report]:
        """Yield the restored epochs, and each one that is trained."""
        run = TrialRun(
            self.assignment,
            self.home,
            device,
            self.checkpoint_seconds,
            ranks,
            keep=self.keep,
            problem=self.problem,
        )
        yield _Report(run.history, run.warning, run.tags)
        for result in run.epochs():
            yield _Report([result], run.warning, run.tags)
