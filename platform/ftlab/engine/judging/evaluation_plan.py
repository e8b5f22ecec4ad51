"""Plan the evaluations of a study on other images: those that are there, those to judge, and their price."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ftlab.config.home import Home
from ftlab.config.weights_file import WeightsConfig
from ftlab.engine.judging.evaluation_records import EvaluationRecords
from ftlab.engine.planning import name_trials
from ftlab.errors import FtlabError
from ftlab.estimate.judging_costs import JudgingEstimate, estimate_judging
from ftlab.estimate.resource_plan import resources_within
from ftlab.machine.capacity import Capacity
from ftlab.publish.published_tasks import PublishedTasks, load_published_tasks
from ftlab.running.kept_backbones import KeptBackbones
from ftlab.study.spec import StudySpec, Trial
from ftlab.study.transfer import (
    AnyTransfer,
    WeightsTransfer,
    asked_of,
    check_images,
    check_places,
    check_weights,
    data_of,
    make_transfer,
    seen_by_weights,
    task_name,
)
from ftlab.terminal.evaluation_listing import evaluation_lines, evaluation_summary, missing_lines
from ftlab.tracking.tracker import Tracker

if TYPE_CHECKING:
    from ftlab.running.transfer.weights_reader import ReadWeights


@dataclass(frozen=True)
class Evaluation:
    """The evaluations of a study on other images.

    Attributes:
        transfers: Those of trials whose backbones are kept, or that were judged before, and of weights made elsewhere,
            by the name of the task.
        missing: The other trials: their backbones are not kept.
        refused: The reason for each task whose images cannot be used.
        notes: Lines on the weights made elsewhere, below the table.
        published: Published accuracies beside them.
    """

    transfers: Mapping[str, Sequence[AnyTransfer]]
    missing: Sequence[Trial]
    refused: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    published: PublishedTasks = field(default_factory=PublishedTasks)

    @property
    def all_transfers(self) -> list[AnyTransfer]:
        """The evaluations of all tasks."""
        return [transfer for transfers in self.transfers.values() for transfer in transfers]


def plan_evaluation(
    study: StudySpec, places: Sequence[str], home: Home, known: Callable[[str], object] = lambda _: None
) -> Evaluation:
    """Return the evaluations of a study; images that cannot be used are refused alone.

    Args:
        study: The study.
        places: Images to judge on, see `ftlab.study.transfer.data_of`.
        home: Home of kept backbones, data sets and the cache.
        known: Returns the findings of a transfer by its key, or None; what was judged needs no backbone any more.

    Raises:
        ConfigError: A place is none, two places or rows have the same name, or weights are not what they should be.
        CheckpointError: A file of weights made elsewhere cannot be used.
    """
    check_places(places, (study.metric, *study.other_metrics))
    check_weights(study)
    made_elsewhere = _read(study.weights)
    data = {place: data_of(place, study.cells[0].config) for place in places}
    published = load_published_tasks(study)
    kept, trials = KeptBackbones(home).keys(), name_trials(study, home)
    judged = [trial for trial in trials if trial.pretraining_key in kept]
    transfers: dict[str, list[AnyTransfer]] = {}
    refused: dict[str, str] = {}
    missing: dict[str, Trial] = {}
    for place, images in data.items():
        try:
            fingerprint = check_images(images, [asked_of(trial, place).config for trial in judged], home)
            beside = [_on(place, read, study, home) for read in made_elsewhere]
        except FtlabError as error:
            refused[task_name(place)] = str(error)
            continue
        asked = [make_transfer(asked_of(trial, place), images, fingerprint) for trial in trials]
        there = {one.key: one for one in asked if one.trial.pretraining_key in kept or known(one.key) is not None}
        transfers[task_name(place)] = [*there.values(), *beside]
        missing |= {one.trial.key: one.trial for one in asked if one.key not in there}
    return Evaluation(transfers, list(missing.values()), refused, [read.note for read in made_elsewhere], published)


def _read(weights: Sequence[WeightsConfig]) -> "list[ReadWeights]":
    if not weights:
        return []
    # It imports torch, without which kept backbones are planned.
    from ftlab.running.transfer.weights_reader import read_weights

    return [read_weights(one) for one in weights]


def _on(place: str, read: "ReadWeights", study: StudySpec, home: Home) -> WeightsTransfer:
    config = seen_by_weights(read.config, place, study.cells[0].config)
    return read.on(config, check_images(config.data, [config], home))


@dataclass(frozen=True)
class JudgingPlan:
    """The evaluations of a study on other images that are there, and those that are to be judged.

    Attributes:
        found: All of them.
        records: Findings of those that were judged before.
        todo: Those to judge.
        estimate: Their price; None without an estimate.
        trained: Keys of recorded trials.
    """

    found: Evaluation
    records: EvaluationRecords
    todo: Sequence[AnyTransfer]
    estimate: JudgingEstimate | None
    trained: Set[str]

    @property
    def lost(self) -> list[Trial]:
        """Recorded trials whose backbones are not kept."""
        return [trial for trial in self.found.missing if trial.key in self.trained]

    def lines(self) -> list[str]:
        """Return a line per evaluation, then the summary."""
        keys = {transfer.key for transfer in self.todo}
        return [*evaluation_lines(self.found.transfers, keys, self.found.missing, self.estimate), *self.summary()]

    def summary(self) -> list[str]:
        """Return lines that count evaluations, estimate what is to be judged, and name what cannot be."""
        return [
            *self.found.notes,
            *evaluation_summary(len(self.found.all_transfers), len(self.todo), self.estimate),
            *missing_lines(self.found.missing, self.trained),
            *(f"{task} is left out: {reason}" for task, reason in self.found.refused.items()),
        ]


def plan_judging(
    study: StudySpec, places: Sequence[str], capacity: Capacity, home: Home, tracker: Tracker
) -> JudgingPlan:
    """Return what is judged and what is to be judged of a study's evaluations on other images.

    Args:
        study: The study.
        places: Images to judge on.
        capacity: The part of this machine that may be used.
        home: Home of kept backbones, data sets and the cache.
        tracker: The tracking store.

    Raises:
        ConfigError: A place is none, or two have the same name.
    """
    records = EvaluationRecords(study, home, tracker)
    found = plan_evaluation(study, places, home, records.load)
    todo = [one for one in found.all_transfers if records.load(one.key) is None]
    resources = resources_within(capacity, study.profile.resources)
    estimate = estimate_judging(todo, home=home, capacity=capacity, resources=resources)
    return JudgingPlan(found, records, todo, estimate, records.trained)
