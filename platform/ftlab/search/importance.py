"""Compute the importance of a search's parameters: fANOVA, by Optuna."""

from collections.abc import Callable

import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.search_space import intersection_search_space
from optuna.trial import FrozenTrial, TrialState

from ftlab.reporting.search.findings import Importance

# With fewer trials than the first number a forest shows chance, with fewer than the second not much more.
LEAST_TRIALS = 20
FEW_TRIALS = 30


def compute_importance(study: optuna.Study) -> tuple[Importance, ...]:
    """Return the importance of the parameters for each objective of a study.

    Trials that were stopped early have no value and are left out, and so are parameters that not every trial has. The
    same trials give the same shares.
    """
    values = [_first_value, _second_value][: len(study.directions)]
    return tuple(_importance(study, name, value) for name, value in zip(("accuracy", "cost"), values, strict=False))


def _importance(study: optuna.Study, objective: str, value: Callable[[FrozenTrial], float]) -> Importance:
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len({value(trial) for trial in trials}) < 2 or len(trials) < LEAST_TRIALS:
        note = f"Too few trials for an importance: {len(trials)} finished with different values, {LEAST_TRIALS} needed."
        return Importance(objective, {}, len(trials), note)
    shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0), target=value)
    return Importance(objective, {name: 100 * share for name, share in shares.items()}, len(trials), _note(trials))


def _note(trials: list[FrozenTrial]) -> str:
    everywhere = intersection_search_space(trials)
    left_out = sorted({name for trial in trials for name in trial.params} - everywhere.keys())
    notes = []
    if len(trials) < FEW_TRIALS:
        notes.append(f"Only {len(trials)} finished trials: the order is a hint, the shares are rough.")
    if left_out:
        notes.append(f"Left out, since not every trial has them: {', '.join(left_out)}.")
    return " ".join(notes)


def _first_value(trial: FrozenTrial) -> float:
    return float(trial.values[0])


def _second_value(trial: FrozenTrial) -> float:
    return float(trial.values[1])
