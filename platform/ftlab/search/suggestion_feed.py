"""The feed of a search: the trials that Optuna suggests and that are not recorded yet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ftlab.config.experiment import ResourcesConfig
from ftlab.running.feed import Assignment
from ftlab.search.ledger import SearchLedger, Suggestion
from ftlab.search.recorded import RecordedTrials
from ftlab.search.scope import SearchSpec
from ftlab.search.verdict import KNN, SeedResult, Verdict, judge_seeds, result_of
from ftlab.study.identity import cell_key, trial_key
from ftlab.study.spec import Trial
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult

# After so many repeated suggestions in a row, the sampler has used its space up.
MAX_REPEATS = 30


@dataclass
class _Evaluation:
    """The evaluation of a suggestion, with its trials, one a seed, and their results by trial key."""

    suggestion: Suggestion
    trials: Sequence[Trial]
    results: dict[str, SeedResult] = field(default_factory=dict)
    reported: int = 0

    def verdict(self) -> Verdict | None:
        """Return the verdict on it; None while it is open."""
        ordered = [self.results[trial.key] for trial in self.trials if trial.key in self.results]
        return judge_seeds(ordered, len(self.trials))


class SearchFeed:
    """Asks Optuna for configurations, hands out the trials that nobody trained yet, and tells Optuna the results.

    A configuration that this search evaluated before is answered at once and does not count again. The search ends when
    enough configurations are evaluated. A configuration that fails by accident counts in this process, and the next
    process tries it again.

    Args:
        spec: The search.
        fingerprint: Digest of the data's content.
        ledger: The persistent record of the search, open in this process alone.
        recorded: Trials that are recorded already.
        claim: Called with the key of a trial before it is handed out; while it returns False, another process trains
            that trial, and the feed waits for its result.
    """

    def __init__(
        self,
        spec: SearchSpec,
        fingerprint: str,
        ledger: SearchLedger,
        recorded: RecordedTrials,
        *,
        claim: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._spec = spec
        self._fingerprint = fingerprint
        self._ledger = ledger
        self._recorded = recorded
        self._claim = claim
        self._devices = num_devices(spec.study.profile.resources)
        self._open: dict[str, _Evaluation] = {}
        self._queue: list[Trial] = []
        self._epochs: dict[str, dict[int, EpochResult]] = {}
        self._repeats = 0
        self.num_accidents = 0
        self.num_answered = 0
        ledger.recover({cell.name: cell_key(cell.config, fingerprint) for cell in spec.study.cells})

    @property
    def is_exhausted(self) -> bool:
        """Return whether every configuration of the search was handed out, or its space is used up."""
        return not self._queue and not self._wants_more

    @property
    def is_complete(self) -> bool:
        """Return whether all configurations are evaluated and no trial is under way."""
        return self.is_exhausted and not self._open

    @property
    def is_used_up(self) -> bool:
        """Return whether the search ended because the sampler found nothing new."""
        return self._repeats >= MAX_REPEATS

    @property
    def num_left(self) -> int:
        """Configurations that are not evaluated yet."""
        return max(0, self._spec.num_trials - len(self._ledger.evaluated))

    def next_assignment(self) -> Assignment | None:
        """Return the next trial that must be trained."""
        while (trial := self._next_free()) is None:
            if not self._wants_more:
                return None
            self._take_up(self._ledger.ask())
        # Early stopping may not end known configurations, because the others are compared with them.
        return Assignment(trial, may_stop=trial.cell not in self._spec.known)

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:
        """Keep the epochs for the trial's result, and report kNN accuracies to Optuna."""
        self._epochs.setdefault(trial.key, {}).update((epoch.epoch, epoch) for epoch in epochs)
        evaluation = self._open.get(trial.cell_key)
        if evaluation is None or trial.key != evaluation.trials[0].key:
            return
        for epoch in epochs:
            if KNN in epoch.metrics and epoch.epoch > evaluation.reported:
                self._ledger.report(evaluation.suggestion, epoch.epoch, epoch.metrics[KNN])
                evaluation.reported = epoch.epoch

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        """Take note of a trial's result; an interrupted trial stays open for the next process."""
        epochs = self._epochs.pop(trial.key, {})
        evaluation = self._open.get(trial.cell_key)
        if evaluation is None or outcome.status is TrialStatus.INTERRUPTED:
            return
        ordered = [epochs[number] for number in sorted(epochs)]
        evaluation.results[trial.key] = result_of(ordered, outcome, self._spec.study.metric, self._devices)
        self._settle(trial.cell_key)

    def _next_free(self) -> Trial | None:
        for place, trial in enumerate(self._queue):
            if self._claim(trial.key):
                return self._queue.pop(place)
            result = self._recorded.find(trial)
            if result is not None:
                del self._queue[place]
                self._open[trial.cell_key].results[trial.key] = result
                self.num_answered += 1
                self._settle(trial.cell_key)
                return self._next_free()
        return None

    @property
    def _wants_more(self) -> bool:
        return not self.is_used_up and len(self._open) + self.num_accidents < self.num_left

    def _take_up(self, suggestion: Suggestion) -> None:
        trials = self._trials(suggestion)
        cell = trials[0].cell_key
        if cell in self._ledger.evaluated or cell in self._open:
            self._repeats += 1
            self._ledger.tell_repeated(suggestion, self._ledger.evaluated.get(cell))
            return
        self._repeats = 0
        self._ledger.announce(suggestion, cell, [trial.key for trial in trials])
        results = {trial.key: self._recorded.find(trial) for trial in trials}
        found = {key: result for key, result in results.items() if result is not None}
        self._open[cell] = _Evaluation(suggestion, trials, found)
        self._queue += [trial for trial in trials if trial.key not in found]
        self.num_answered += len(found)
        self._settle(cell)

    def _settle(self, cell: str) -> None:
        verdict = self._open[cell].verdict()
        if verdict is None:
            return
        self._ledger.tell(self._open.pop(cell).suggestion, cell, verdict)
        # The other seeds of a configuration that was stopped or failed need no training.
        self._queue = [trial for trial in self._queue if trial.cell_key != cell]
        self.num_accidents += not verdict.counts

    def _trials(self, suggestion: Suggestion) -> list[Trial]:
        base = self._spec.space.resolve(suggestion.settings)
        configs = [base.model_copy(update={"seed": seed}) for seed in self._spec.study.seeds]
        return [
            Trial(
                key=trial_key(config, self._fingerprint),
                cell_key=cell_key(config, self._fingerprint),
                cell=suggestion.name,
                config=config,
                fingerprint=self._fingerprint,
            )
            for config in configs
        ]


def num_devices(resources: ResourcesConfig) -> float:
    """Return the devices that an hour of a trial is multiplied with: its share of GPUs, or else its cores."""
    return resources.gpus_per_trial or float(resources.cpus_per_trial)
