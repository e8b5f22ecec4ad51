from collections.abc import Callable
from math import isnan
from statistics import fmean
from typing import Any

import optuna
import pandas as pd
import pytest

from ftlab.errors import ConfigError
from ftlab.search.scope import SearchSpec
from ftlab.search.suggestion_feed import MAX_REPEATS
from ftlab.study.identity import trial_key
from ftlab.tracking.records import Outcome, TrialRecord, TrialStatus, trials_frame
from ftlab.training.epoch_result import EpochResult

MakeSearch = Callable[..., SearchSpec]
OpenLaboratory = Callable[..., Any]

HAND_MADE = {"name": "hand-made", "set": {"transform.start": 0.3}}
TWO = {"train.batch_size": {"kind": "choice", "choices": [64, 128]}}
DIVERGED = Outcome(TrialStatus.FAILED, "diverged: the loss became NaN")
ACCIDENT = Outcome(TrialStatus.FAILED, "the worker died")


def finished_row(key: str, value: float) -> pd.DataFrame:
    names = {"cell_key": "c", "seed": 0, "reason": "", "experiment": "e", "study": "momentum/tiny", "name": "n"}
    metrics = {"probe/few_shot_top1": value, "knn/top1": value, "train_seconds": 18.0}
    return trials_frame([{"trial_key": key, "status": "finished", "run_id": "r", **names, **metrics}])


def test_the_known_configuration_comes_first_and_may_not_be_stopped(
    make_search: MakeSearch, open_laboratory: OpenLaboratory
) -> None:
    feed = open_laboratory(make_search(enqueue=[HAND_MADE])).feed
    first, second = feed.next_assignment(), feed.next_assignment()
    assert (first.trial.cell, first.may_stop, first.trial.config.transform.start) == ("hand-made", False, 0.3)
    assert (second.trial.cell, second.may_stop) == ("trial 1", True)


def test_the_search_ends_with_the_number_of_configurations(
    make_search: MakeSearch, open_laboratory: OpenLaboratory
) -> None:
    laboratory = open_laboratory(make_search(num_trials=3))
    under_way = [laboratory.next_trial() for _ in range(3)]
    assert laboratory.feed.is_exhausted
    assert not laboratory.feed.is_complete
    assert laboratory.feed.next_assignment() is None
    for trial in under_way:
        laboratory.end(trial)
    assert laboratory.feed.is_complete
    assert laboratory.rows == [("trial 0", "finished"), ("trial 1", "finished"), ("trial 2", "finished")]
    assert len({trial.key for trial in under_way}) == 3


@pytest.mark.slow
def test_what_is_learned_beats_chance(make_search: MakeSearch, open_laboratory: OpenLaboratory) -> None:
    learned = open_laboratory(make_search(num_trials=30, sampler={"startup_trials": 10}))
    learned.train()
    values = [row.value for row in learned.ledger.rows()]
    assert max(values[20:]) > max(values[:10])
    assert fmean(values[20:]) > fmean(values[:10]) + 2.0
    assert max(values) > 89.0


@pytest.mark.slow
def test_the_same_seed_and_results_give_the_same_search(
    make_search: MakeSearch, open_laboratory: OpenLaboratory, tmp_path_factory: pytest.TempPathFactory
) -> None:
    searches = []
    for sampler, seeds in (("a", 0), ("b", 0), ("c", 1)):
        spec = make_search(num_trials=4, sampler={"seed": seeds, "startup_trials": 2})
        laboratory = type(open_laboratory(spec))(spec, tmp_path_factory.mktemp(sampler))
        laboratory.train()
        searches.append([trial.key for trial in laboratory.trained])
        laboratory.close()
    assert searches[0] == searches[1]
    assert not set(searches[0]) & set(searches[2])


@pytest.mark.slow
def test_an_interruption_leaves_the_rest_of_the_search_as_it_was(
    make_search: MakeSearch, open_laboratory: OpenLaboratory, tmp_path_factory: pytest.TempPathFactory
) -> None:
    spec = make_search(num_trials=4, sampler={"startup_trials": 2})
    calm = open_laboratory(spec)
    calm.train()
    folder = tmp_path_factory.mktemp("interrupted")
    first = type(calm)(spec, folder)
    first.train(3)
    second = type(calm)(spec, folder)
    second.train()
    assert [trial.key for trial in [*first.trained, *second.trained]] == [trial.key for trial in calm.trained]
    first.close()
    second.close()


def test_a_recorded_trial_is_answered_and_counts(make_search: MakeSearch, open_laboratory: OpenLaboratory) -> None:
    spec = make_search(enqueue=[HAND_MADE], num_trials=2)
    key = trial_key(spec.study.cells[0].config, "data")
    laboratory = open_laboratory(spec, stored=finished_row(key, 83.0))
    laboratory.train()
    assert [trial.cell for trial in laboratory.trained] == ["trial 1"]
    assert laboratory.feed.num_answered == 1
    known = laboratory.ledger.rows()[0]
    assert (known.name, known.status, known.value, known.trial_keys) == ("hand-made", "finished", 83.0, (key,))


@pytest.mark.slow
def test_a_configuration_that_comes_again_is_answered_and_does_not_count(
    make_search: MakeSearch, open_laboratory: OpenLaboratory
) -> None:
    laboratory = open_laboratory(make_search(space=TWO, num_trials=3))
    laboratory.train()
    assert {trial.config.train.batch_size for trial in laboratory.trained} == {64, 128}
    assert len(laboratory.trained) == 2
    assert laboratory.feed.is_used_up
    assert laboratory.feed.is_complete
    assert laboratory.feed.num_left == 1
    rows = laboratory.ledger.rows()
    repeated = [row for row in rows if row.status == "repeated"]
    assert len(repeated) >= MAX_REPEATS
    assert {row.value for row in repeated} <= {row.value for row in rows if row.status == "finished"}


@pytest.mark.slow
def test_a_configuration_that_is_under_way_is_not_handed_out_twice(
    make_search: MakeSearch, open_laboratory: OpenLaboratory
) -> None:
    laboratory = open_laboratory(make_search(space=TWO, num_trials=4))
    first, second = laboratory.next_trial(), laboratory.next_trial()
    assert first.key != second.key
    assert laboratory.feed.next_assignment() is None
    laboratory.end(first)
    laboratory.end(second)
    assert laboratory.feed.is_complete


def test_what_was_stopped_early_counts_and_the_sampler_hears_of_it(
    make_search: MakeSearch, open_laboratory: OpenLaboratory
) -> None:
    laboratory = open_laboratory(make_search(num_trials=2))
    trial = laboratory.next_trial()
    laboratory.feed.epochs_trained(trial, [EpochResult(1, 0.0, {"knn/top1": 40.0})])
    # A worker that died begins again with the epochs of its checkpoint.
    laboratory.feed.epochs_trained(trial, [EpochResult(1, 0.0, {"knn/top1": 40.0})])
    laboratory.feed.trial_ended(trial, Outcome(TrialStatus.PRUNED, "stopped early"))
    assert laboratory.feed.num_left == 1
    (told,) = laboratory.ledger.study.get_trials()
    assert (told.state, told.intermediate_values) == (optuna.trial.TrialState.PRUNED, {1: 40.0})
    (row,) = laboratory.ledger.rows()
    assert (row.status, row.knn, isnan(row.value), row.reason) == ("pruned", 40.0, True, "stopped early")


@pytest.mark.slow
def test_what_diverged_counts_and_an_accident_does_not(
    make_search: MakeSearch, open_laboratory: OpenLaboratory
) -> None:
    spec = make_search(num_trials=3)
    laboratory = open_laboratory(spec)
    diverged, lost, third = (laboratory.next_trial() for _ in range(3))
    laboratory.feed.trial_ended(diverged, DIVERGED)
    laboratory.feed.trial_ended(lost, ACCIDENT)
    laboratory.end(third)
    # It is not tried again at once: the next one might fail in the same way, for ever.
    assert laboratory.feed.is_complete
    assert (laboratory.feed.num_accidents, laboratory.feed.num_left) == (1, 1)
    again = open_laboratory(spec)
    again.train()
    assert [trial.key for trial in again.trained] == [lost.key]
    assert again.feed.num_left == 0
    assert open_laboratory(spec).feed.is_exhausted


@pytest.mark.slow
def test_a_killed_process_is_continued(make_search: MakeSearch, open_laboratory: OpenLaboratory) -> None:
    spec = make_search(enqueue=[HAND_MADE], num_trials=6)
    killed = open_laboratory(spec)
    killed.train(2)
    finished, pruned, halfway = (killed.next_trial() for _ in range(3))
    for trial, outcome in ((finished, Outcome(TrialStatus.FINISHED)), (pruned, Outcome(TrialStatus.PRUNED, "late"))):
        # The journal heard of their ends, and the search did not.
        killed.journal.append_trial(TrialRecord(trial.key, trial.cell_key, 0, spec.name, trial.name, {}))
        metrics = {"probe/few_shot_top1": 77.0, "knn/top1": 66.0}
        killed.journal.append_epochs(trial.key, [EpochResult(epoch, 0.0, metrics) for epoch in (1, 2)])
        killed.journal.append_outcome(trial.key, outcome)
    killed.feed.epochs_trained(halfway, [EpochResult(1, 0.0, {"knn/top1": 50.0})])
    killed.close()

    again = open_laboratory(spec)
    again.train()
    assert again.trained[0].key == halfway.key
    assert again.trained[0].cell == halfway.cell
    assert len(again.trained) == 2
    assert not {trial.key for trial in again.trained} & {finished.key, pruned.key}
    statuses = [status for _, status in again.rows]
    assert (statuses.count("finished"), statuses.count("pruned"), statuses.count("interrupted")) == (5, 1, 3)
    assert len(again.ledger.evaluated) == 6
    assert again.feed.is_complete
    assert all(trial.state.is_finished() for trial in again.ledger.study.get_trials())
    last = open_laboratory(spec)
    assert last.feed.is_complete
    assert last.rows == again.rows


@pytest.mark.slow
def test_a_process_that_is_killed_again_and_again_trains_nothing_twice(
    make_search: MakeSearch, open_laboratory: OpenLaboratory
) -> None:
    spec = make_search(enqueue=[HAND_MADE], num_trials=3)
    begun, ended = [], []
    for _ in range(3):
        laboratory = open_laboratory(spec)
        trial = laboratory.next_trial()
        laboratory.end(trial)
        ended.append(trial.key)
        begun.append(laboratory.feed.next_assignment())
        laboratory.close()
    assert len(set(ended)) == 3
    assert [assignment.trial.key for assignment in begun[:-1]] == ended[1:]
    assert begun[-1] is None
    assert open_laboratory(spec).feed.is_complete


@pytest.mark.slow
def test_a_process_that_is_killed_between_verdict_and_end_is_believed(
    make_search: MakeSearch, open_laboratory: OpenLaboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_search(num_trials=1)
    killed = open_laboratory(spec)
    trial = killed.next_trial()

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(killed.ledger.study, "tell", die)
    with pytest.raises(KeyboardInterrupt):
        killed.end(trial)
    again = open_laboratory(spec)
    assert again.feed.is_complete
    assert again.rows == [("trial 0", "finished")]


@pytest.mark.slow
def test_more_trials_continue_the_search(make_search: MakeSearch, open_laboratory: OpenLaboratory) -> None:
    open_laboratory(make_search(num_trials=2)).train()
    more = open_laboratory(make_search(num_trials=3))
    more.train()
    assert len(more.trained) == 1
    assert len(more.ledger.rows()) == 3


@pytest.mark.slow
def test_the_mean_of_several_seeds_is_told(make_search: MakeSearch, open_laboratory: OpenLaboratory) -> None:
    laboratory = open_laboratory(make_search(num_trials=2, seeds=2))
    first, second, other = (laboratory.next_trial() for _ in range(3))
    assert (first.cell_key, first.config.seed, second.config.seed) == (second.cell_key, 0, 1)
    assert other.cell_key != first.cell_key
    laboratory.end(first, 80.0)
    assert laboratory.feed.num_left == 2
    laboratory.end(second, 90.0)
    assert laboratory.ledger.rows()[0].value == 85.0
    assert laboratory.ledger.rows()[0].trial_keys == (first.key, second.key)


def test_a_seed_that_is_stopped_spares_the_others(make_search: MakeSearch, open_laboratory: OpenLaboratory) -> None:
    laboratory = open_laboratory(make_search(num_trials=1, seeds=3))
    first, second = laboratory.next_trial(), laboratory.next_trial()
    laboratory.feed.trial_ended(first, Outcome(TrialStatus.PRUNED, "late"))
    assert laboratory.feed.next_assignment() is None
    laboratory.end(second)
    assert laboratory.feed.is_complete
    assert laboratory.rows == [("trial 0", "pruned")]


def test_an_interrupted_trial_stays_open(make_search: MakeSearch, open_laboratory: OpenLaboratory) -> None:
    laboratory = open_laboratory(make_search(num_trials=1))
    trial = laboratory.next_trial()
    laboratory.feed.trial_ended(trial, Outcome(TrialStatus.INTERRUPTED, "the study was stopped"))
    assert not laboratory.feed.is_complete
    assert laboratory.rows == []


@pytest.mark.slow
def test_cost_is_a_second_objective(make_search: MakeSearch, open_laboratory: OpenLaboratory) -> None:
    laboratory = open_laboratory(make_search(num_trials=3, objectives=["accuracy", "cost"]))
    laboratory.train(1)
    laboratory.feed.trial_ended(laboratory.next_trial(), DIVERGED)
    laboratory.train()
    rows = laboratory.ledger.rows()
    assert [row.cost for row in rows if row.is_result] == pytest.approx([0.02, 0.02])
    states = [trial.state.name for trial in laboratory.ledger.study.get_trials()]
    assert states == ["COMPLETE", "FAIL", "COMPLETE"]
    assert laboratory.feed.num_left == 0


@pytest.mark.parametrize(
    "fields", [{"objectives": ["accuracy", "cost"]}, {"space": TWO}, {"metric": "knn/top1"}, {"seeds": 2}]
)
def test_a_search_that_changed_is_refused(
    fields: dict[str, Any], make_search: MakeSearch, open_laboratory: OpenLaboratory
) -> None:
    open_laboratory(make_search()).train(1)
    with pytest.raises(ConfigError, match=r"but s/tiny was begun with others; .* delete-study --study-name 's/tiny'"):
        open_laboratory(make_search(**fields))


def test_a_search_on_other_data_is_refused(make_search: MakeSearch, open_laboratory: OpenLaboratory) -> None:
    open_laboratory(make_search())
    with pytest.raises(ConfigError, match="s/tiny was begun with others"):
        open_laboratory(make_search(), fingerprint="other data")


def test_a_trial_that_another_process_trains_is_awaited(
    make_search: MakeSearch, open_laboratory: OpenLaboratory
) -> None:
    taken: set[str] = set()
    spec = make_search(enqueue=[HAND_MADE], num_trials=2)
    taken.add(trial_key(spec.study.cells[0].config, "data"))
    laboratory = open_laboratory(spec, claim=lambda key: key not in taken)
    other = laboratory.next_trial()
    assert other.cell == "trial 1"
    laboratory.end(other)
    assert laboratory.feed.next_assignment() is None
    assert not laboratory.feed.is_exhausted
    (key,) = taken
    laboratory.journal.append_trial(TrialRecord(key, "cell", 0, "table/tiny", "a", {}))
    metrics = {"probe/few_shot_top1": 77.0}
    laboratory.journal.append_epochs(key, [EpochResult(epoch, 0.0, metrics) for epoch in (1, 2)])
    laboratory.journal.append_outcome(key, Outcome(TrialStatus.FINISHED))
    assert laboratory.feed.next_assignment() is None
    assert laboratory.feed.is_complete
    known = laboratory.ledger.rows()[0]
    assert (known.name, known.value) == ("hand-made", 77.0)


def test_a_trial_that_another_process_gave_up_is_trained(
    make_search: MakeSearch, open_laboratory: OpenLaboratory
) -> None:
    is_free = False
    laboratory = open_laboratory(make_search(num_trials=1), claim=lambda _: is_free)
    assert laboratory.feed.next_assignment() is None
    is_free = True
    laboratory.train()
    assert laboratory.feed.is_complete
