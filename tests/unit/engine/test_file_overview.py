from collections.abc import Callable
from pathlib import Path

import pytest

from ftlab.config.home import Home
from ftlab.config.loading import experiments_folder
from ftlab.engine.file_overview import find_experiments, find_profiles, find_searches
from ftlab.engine.planning import name_trials
from ftlab.machine.hardware import Hardware
from ftlab.running.recorder import trial_record
from ftlab.study.spec import load_study
from ftlab.tracking.journal import Journal
from ftlab.tracking.records import Outcome, TrialStatus

pytestmark = pytest.mark.usefixtures("decode_once")

WriteExperiment = Callable[..., None]


def test_an_experiment_has_its_question_state_and_time(write_experiment: WriteExperiment, home: Home) -> None:
    write_experiment("exp", grid={"method.key_momentum": [0.9, 0.5]})
    path = experiments_folder() / "exp.yaml"
    time = "# Time:      8 minutes on 2 CPU cores with the digits profile (45 trials)\n"
    path.write_text(time + path.read_text())
    first = name_trials(load_study("exp", "tiny"), home)[0]
    journal = Journal(home / "trials")
    journal.append_trial(trial_record(first, "exp/tiny", Hardware("a CPU", "2", "cpu", threads=1, together=2)))
    journal.append_outcome(first.key, Outcome(TrialStatus.FINISHED))
    (facts,) = find_experiments("tiny", home)
    assert (facts.name, facts.state, facts.time) == ("exp", "1 of 4 trials", "8 minutes on 2 CPU cores")
    assert facts.question


def test_a_wrong_file_hides_no_other(write_experiment: WriteExperiment, home: Home) -> None:
    write_experiment("good", grid={"method.key_momentum": [0.9, 0.5]})
    (experiments_folder() / "bad.yaml").write_text("question: Why\ngrid: {method.key_momentun: [0.9]}\n")
    bad, good = find_experiments("tiny", home)
    assert (bad.state, good.state) == ("wrong file", "0 of 4 trials")
    assert "key_momentun" in bad.question


def test_searches_and_profiles_are_told_apart(write_experiment: WriteExperiment, home: Home, tmp_path: Path) -> None:
    write_experiment("exp", grid={"method.key_momentum": [0.9, 0.5]})
    space = "space: {method.temperature: {uniform: [0.05, 0.2]}}\n"
    (experiments_folder() / "look.yaml").write_text(f"question: Which?\ntrials: 2\n{space}")
    (search,) = find_searches("tiny", tmp_path)
    assert search.name == "look"
    assert [facts.name for facts in find_experiments("tiny", home)] == ["exp"]
    assert [facts.name for facts in find_profiles()] == ["tiny"]
