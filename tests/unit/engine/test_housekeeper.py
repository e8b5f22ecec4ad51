import json

from ftlab.config.home import Home
from ftlab.config.trial import TrialConfig
from ftlab.engine.housekeeper import CheckpointKeeper
from ftlab.running.checkpoints import CheckpointCollector, checkpoint_names
from ftlab.study.identity import trial_key
from ftlab.study.spec import Trial
from ftlab.tracking.records import Outcome, TrialStatus


def make_trial(seed: int) -> Trial:
    config = TrialConfig(seed=seed)
    return Trial(trial_key(config, "data"), "cell", "a", config, "data")


def claimed(home: Home) -> set[str]:
    return {name for path in (home / "plans").glob("*.json") for name in json.loads(path.read_text())["checkpoints"]}


def test_a_trial_keeps_its_checkpoints_while_it_is_under_way(home: Home) -> None:
    first, second = make_trial(0), make_trial(1)
    keeper = CheckpointKeeper(CheckpointCollector(home, "s/tiny"))
    keeper.trial_started(first)
    keeper.trial_started(second)
    assert claimed(home) == checkpoint_names(first) | checkpoint_names(second)
    keeper.epochs_trained(first, [])
    keeper.trial_started(first)
    keeper.trial_ended(first, Outcome(TrialStatus.PRUNED, "late"))
    assert claimed(home) == checkpoint_names(second)
    keeper.trial_ended(second, Outcome(TrialStatus.INTERRUPTED))
    assert claimed(home) == checkpoint_names(second)
    keeper.trial_ended(second, Outcome(TrialStatus.FINISHED))
    assert claimed(home) == set()
