"""The persistent record of a search: an Optuna study that outlives its process, so that the next can continue it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import isnan, nan
from typing import Any

import optuna
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from ftlab.config.setting import Settings
from ftlab.errors import ConfigError
from ftlab.reporting.search.findings import SearchTrial, best_trials
from ftlab.search.dashboard_notes import describe_search, name_trial
from ftlab.search.scope import SearchSpec
from ftlab.search.storage import answering, readable_uri
from ftlab.search.verdict import Verdict
from ftlab.tracking.records import TrialStatus

DIGEST = "digest"
REPEATED = "repeated"

ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@dataclass(frozen=True)
class Suggestion:
    """A configuration that Optuna suggests.

    Attributes:
        trial: Optuna's trial, open until a verdict is told.
        name: Short label for people.
        settings: Its settings by dotted name.
    """

    trial: optuna.Trial
    name: str
    settings: Settings


class SearchLedger:
    """The Optuna study of a search. One process writes to it at a time.

    The user attributes of Optuna's trials hold what Optuna itself does not know: cell key, trial keys, settings, and
    the verdict in ftlab's words. The sampler's random stream depends only on the seed and the number of trials, so that
    an interrupted search goes on like one that was not interrupted.

    Args:
        spec: The search.
        fingerprint: Digest of the data's content.
        storage: The open database.

    Raises:
        ConfigError: The search on record has another space, metric, profile or data.
        TrackingError: By every method, if the database does not answer.
    """

    def __init__(self, spec: SearchSpec, fingerprint: str, storage: RDBStorage) -> None:
        self._spec = spec
        self._storage = storage
        directions = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE][: 1 + spec.has_cost]
        with answering(storage):
            self._check_directions(directions)
            self.study = optuna.create_study(
                study_name=spec.name, storage=storage, directions=directions, load_if_exists=True
            )
            self._check_digest(spec.digest(fingerprint))
            self._describe()
        verdicts = {trial.user_attrs.get("cell_key"): _verdict(trial) for trial in self._trials(*ENDED)}
        self.evaluated = {key: verdict for key, verdict in verdicts.items() if verdict is not None and verdict.counts}

    @property
    def trial_keys(self) -> list[str]:
        """Keys of all trials that were announced, in this process or an earlier one."""
        return [key for trial in self._trials() for key in trial.user_attrs.get("trial_keys", ())]

    def recover(self, cell_keys: Mapping[str, str]) -> None:
        """Enqueue again the configurations that an earlier process left open or lost by accident, and the known ones.

        Args:
            cell_keys: Cell key of each known configuration by its name.
        """
        trials = self._trials()
        running = [trial for trial in trials if trial.state is TrialState.RUNNING]
        with answering(self._storage):
            for trial in running:
                self._finish(trial)
            there = {trial.user_attrs.get("cell_key") for trial in trials if trial.state is TrialState.WAITING}
            there |= self.evaluated.keys()
            for trial in trials:
                cell_key = trial.user_attrs.get("cell_key")
                if cell_key not in (None, *there) and (trial in running or _is_accident(trial)):
                    self._enqueue({**trial.user_attrs.get("params", {}), **trial.params}, trial.user_attrs)
                    there.add(cell_key)
            for name, point in self._spec.known.items():
                if cell_keys[name] not in there:
                    attributes = {"name": name, "settings": point.settings, "cell_key": cell_keys[name]}
                    self._enqueue(point.params, attributes)

    def ask(self) -> Suggestion:
        """Return the next configuration: the first in the queue, else the sampler's suggestion."""
        with answering(self._storage):
            index = len(self._trials())
            self.study.sampler = TPESampler(
                seed=_stream(self._spec.sampler.seed, index), n_startup_trials=self._spec.sampler.startup_trials
            )
            trial = self.study.ask()
            drawn = self._spec.space.suggest(trial)
            # An enqueued configuration keeps its exact settings, while drawn ones are rounded.
            settings = trial.user_attrs.get("settings", drawn)
            return Suggestion(trial, trial.user_attrs.get("name") or f"trial {trial.number}", settings)

    def announce(self, suggestion: Suggestion, cell_key: str, trial_keys: Sequence[str]) -> None:
        """Record the trials of a suggestion before they are trained."""
        attributes = {"name": suggestion.name, "settings": suggestion.settings}
        with answering(self._storage):
            for name, value in {**attributes, "trial_keys": list(trial_keys), "cell_key": cell_key}.items():
                suggestion.trial.set_user_attr(name, value)
            if suggestion.name in self._spec.known:
                name_trial(suggestion.trial, suggestion.name)

    def report(self, suggestion: Suggestion, epoch: int, knn: float) -> None:
        """Record an intermediate kNN accuracy, from which the sampler learns of trials that are stopped early."""
        if not self._spec.has_cost:
            with answering(self._storage):
                suggestion.trial.report(knn, epoch)

    def tell(self, suggestion: Suggestion, cell_key: str, verdict: Verdict) -> None:
        """Record the verdict on a suggestion."""
        with answering(self._storage):
            for name, value in vars(verdict).items():
                if not (isinstance(value, float) and isnan(value)):
                    suggestion.trial.set_user_attr(name, value)
            self._end(suggestion.trial, verdict)
            self._describe()
        if verdict.counts:
            self.evaluated[cell_key] = verdict

    def tell_repeated(self, suggestion: Suggestion, verdict: Verdict | None) -> None:
        """Answer a suggestion that was evaluated before or is under way (verdict None); it does not count again."""
        with answering(self._storage):
            suggestion.trial.set_user_attr("status", REPEATED)
            if verdict is not None and verdict.status.is_result:
                self._end(suggestion.trial, verdict)
            else:
                self.study.tell(suggestion.trial, state=TrialState.FAIL)

    def rows(self) -> list[SearchTrial]:
        """Return every ended trial of the study, as a row of the results."""
        return [_row(trial, self._spec.has_cost) for trial in self._trials(*ENDED)]

    def _describe(self) -> None:
        describe_search(self.study, self._spec, best_trials(self.rows()))

    def _end(self, trial: optuna.Trial | int, verdict: Verdict) -> None:
        if verdict.status.is_result:
            self.study.tell(trial, [verdict.value, verdict.hours] if self._spec.has_cost else verdict.value)
        elif verdict.counts and not self._spec.has_cost:
            # The sampler learns to avoid a diverged trial like a stopped one; from a failure it would learn nothing.
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            self.study.tell(trial, state=TrialState.FAIL)

    def _finish(self, trial: FrozenTrial) -> None:
        """End a trial that a process left running: with its verdict if that is known, else as interrupted."""
        verdict = _verdict(trial)
        if verdict is None:
            self.study.tell(trial.number, state=TrialState.FAIL)
            return
        self._end(trial.number, verdict)
        if verdict.counts:
            self.evaluated[trial.user_attrs["cell_key"]] = verdict

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        with answering(self._storage):
            return self.study.get_trials(deepcopy=False, states=states or None)

    def _enqueue(self, params: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
        kept = {name: attributes[name] for name in ("name", "settings", "cell_key") if name in attributes}
        self.study.enqueue_trial(dict(params), user_attrs={**kept, "params": dict(params)})

    def _check_directions(self, directions: list[StudyDirection]) -> None:
        # Optuna would continue a study with other objectives, and fail at the first value.
        for study in self._storage.get_all_studies():
            if study.study_name == self._spec.name and list(study.directions) != directions:
                raise self._changed()

    def _check_digest(self, digest: str) -> None:
        if self.study.user_attrs.get(DIGEST, digest) != digest:
            raise self._changed()
        self.study.set_user_attr(DIGEST, digest)
        self.study.set_user_attr("metric", self._spec.study.metric)
        self.study.set_user_attr("question", self._spec.study.question)

    def _changed(self) -> ConfigError:
        return ConfigError(
            "a search must keep its space, objectives, metric, seeds, profile and data, but "
            f"{self._spec.name} was begun with others; give the file another name, or forget the old trials: "
            f".venv/bin/optuna delete-study --study-name {self._spec.name!r} "
            f"--storage {readable_uri(self._storage.url)!r}"
        )


def _verdict(trial: FrozenTrial) -> Verdict | None:
    attributes = trial.user_attrs
    if attributes.get("status", REPEATED) == REPEATED:
        return None
    numbers = (float(attributes.get(name, nan)) for name in ("value", "knn", "hours"))
    return Verdict(TrialStatus(attributes["status"]), attributes["reason"], *numbers)


def _is_accident(trial: FrozenTrial) -> bool:
    verdict = _verdict(trial)
    return verdict is not None and not verdict.counts


def _row(trial: FrozenTrial, has_cost: bool) -> SearchTrial:
    attributes = trial.user_attrs
    values = tuple(trial.values) if trial.state is TrialState.COMPLETE else ()
    return SearchTrial(
        number=trial.number,
        name=attributes.get("name", f"trial {trial.number}"),
        status=attributes.get("status", TrialStatus.INTERRUPTED.value),
        reason=attributes.get("reason", ""),
        value=values[0] if values else nan,
        cost=values[1] if values and has_cost else float(attributes.get("hours", nan)),
        knn=float(attributes.get("knn", nan)),
        settings=attributes.get("settings", {}),
        trial_keys=tuple(attributes.get("trial_keys", ())),
    )


def _stream(seed: int, index: int) -> int:
    return int.from_bytes(sha256(f"{seed}:{index}".encode()).digest()[:4])
