import pandas as pd

from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.table.trial_facts import Fact, trial_facts


def test_facts_that_differ_are_counted(momentum_table: AblationTable, momentum_trials: pd.DataFrame) -> None:
    tags = [
        {"git.commit": "aaa" if place < 2 else "bbb", "version.torch": "2.15.0"}
        for place in range(len(momentum_trials))
    ]
    assert trial_facts(momentum_table, momentum_trials.assign(tags=tags)) == (
        Fact("commit", (("bbb", 6), ("aaa", 2))),
        Fact("torch", (("2.15.0", 8),)),
    )


def test_trials_of_other_tables_and_unrecorded_facts_are_left_out(
    momentum_table: AblationTable, momentum_trials: pd.DataFrame
) -> None:
    trials = momentum_trials.assign(trial_key="another", tags=[{"git.commit": "aaa"}] * len(momentum_trials))
    assert trial_facts(momentum_table, trials) == ()
