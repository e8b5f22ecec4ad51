"""The process that trains trials: a Tune actor that stays warm from one trial to the next."""

import time
from typing import TYPE_CHECKING, Any

from ray import tune

from ftlab.config.experiment import ResourcesConfig
from ftlab.config.home import Home
from ftlab.errors import FtlabError, NonFiniteLossError
from ftlab.machine.software import Software, check_software, installed_software
from ftlab.running.feed import Assignment
from ftlab.study.plan import DIVERGED
from ftlab.tracking.records import Outcome, TrialStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ftlab.running.trial_run import Run
    from ftlab.training.epoch_result import EpochResult

REPORT_SECONDS = 1.0


class TrialWorker(tune.Trainable):
    """Runs one trial after another; a step of Tune is about a second of epochs.

    A result holds ``epochs`` (the epochs of the step), ``outcome`` (None while the trial goes on), ``epoch`` and
    ``knn`` (for early stopping), ``out_of_memory`` (the message when memory ran out) and ``warning``.
    """

    def setup(  # type: ignore[override] # tune.with_parameters adds the keywords
        self, config: dict[str, Any], *, home: Home, resources: ResourcesConfig, software: Software
    ) -> None:
        """Prepare the first trial; torch is imported here, once per worker."""
        check_software(software, [installed_software()])
        from ftlab.assembly.process import make_device, prepare_process

        prepare_process(resources)
        self._home = home
        self._resources = resources
        self._device = make_device(resources.device)
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Prepare another trial in the same process."""
        self._assignment: Assignment = new_config["assignment"]
        self._run: Run | None = None
        self._epochs: Iterator[EpochResult] = iter(())
        self._knn = float("nan")
        return True

    def step(self) -> dict[str, Any]:
        """Restore the trial in the first step; then train for about `REPORT_SECONDS`, at least an epoch."""
        epochs: list[EpochResult] = []
        outcome, out_of_memory = None, None
        try:
            if self._run is None:
                self._run = self._begin()
                epochs += self._run.history
            else:
                self._train(epochs)
            outcome = self._run.judge()
        except NonFiniteLossError as error:
            outcome = Outcome(TrialStatus.FAILED, f"{DIVERGED}{error}")
        except FtlabError as error:
            outcome = Outcome(TrialStatus.FAILED, str(error))
        except (MemoryError, RuntimeError) as error:
            out_of_memory = out_of_memory_message(error)
            if out_of_memory is None:
                raise
            self._release_memory()
        return {
            "epochs": epochs,
            "outcome": outcome,
            "out_of_memory": out_of_memory,
            "warning": self._run.warning if self._run else "",
            "epoch": epochs[-1].epoch if epochs else 0,
            "knn": self._latest_knn(epochs),
            "done": outcome is not None or out_of_memory is not None,
        }

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Save nothing, because `TrialRun` writes the checkpoints, not Tune."""

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Load nothing; see `save_checkpoint`."""

    def _begin(self) -> "Run":
        from ftlab.running.ranked_run import run_starter

        start = run_starter(self._resources.num_processes, self._resources.keep)
        run = start(self._assignment, self._home, self._device, self._resources.checkpoint_seconds)
        self._epochs = run.epochs()
        return run

    def _train(self, epochs: "list[EpochResult]") -> None:
        deadline = time.monotonic() + REPORT_SECONDS
        for result in self._epochs:
            epochs.append(result)
            # Other trials wait for forks, and early stopping for probes.
            awaited = result.epoch in self._assignment.fork_epochs or "knn/top1" in result.metrics
            if awaited or time.monotonic() >= deadline:
                break

    def _latest_knn(self, epochs: "list[EpochResult]") -> float:
        for epoch in epochs:
            self._knn = epoch.metrics.get("knn/top1", self._knn)
        return self._knn

    def _release_memory(self) -> None:
        import torch

        self._run = None
        self._epochs = iter(())
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def out_of_memory_message(error: BaseException) -> str | None:
    """Return the message of an error that means that memory ran out, on a GPU or in the process; None for another.

    torch raises its own kind of RuntimeError on CUDA, and a plain RuntimeError on the CPU.
    """
    message = str(error).strip().partition("\n")[0]
    kinds = (type(error).__name__, message)
    if isinstance(error, MemoryError) or any(
        "OutOfMemory" in text or "can't allocate memory" in text for text in kinds
    ):
        return message or "out of memory"
    return None
