"""A package outside ftlab adds a method, a backbone, a data set and a view recipe; in processes that have it or not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from installed_copies import install_elsewhere

from ftlab.machine.software import Software

SETTINGS = {
    "data": {"name": "stripes"},
    "views": {"recipe": "crops"},
    "model": {"backbone": "plain_mlp", "feature_dim": 8, "bn_groups": 1},
    "method": {"name": "barlow_twins"},
    "train": {"epochs": 3, "batch_size": 16},
    "probe": {"every": 0, "linear_epochs": 2, "few_shot_draws": 2},
}

KEYS = """
from ftlab.config.trial import TrialConfig
from ftlab.study.identity import prefix_keys, trial_key
trials = [TrialConfig(), *(TrialConfig.model_validate(content) for content in arguments)]
answer = [[trial_key(trial, "f"), prefix_keys(trial, "f")[0]] for trial in trials]
"""
TRAIN = """
import torch
from dataclasses import asdict
from ftlab.assembly.images import load_images
from ftlab.assembly.trial_parts import make_trainer
from ftlab.config.home import Home
from ftlab.config.trial import TrialConfig
torch.set_num_threads(1)
config = TrialConfig.model_validate(arguments["config"])
dataset = load_images(config.data, Home(arguments["home"]))
def trained(stop):
    trainer = make_trainer(config, dataset, torch.device("cpu"))
    state = None
    for result in trainer.epochs():
        if result.epoch == stop:
            fresh = make_trainer(config, dataset, torch.device("cpu"))
            fresh.load_state_dict(trainer.state_dict())
            list(fresh.epochs())
            return fresh
    return trainer
whole, resumed = trained(None), trained(1)
same = all(torch.equal(value, resumed.method.state_dict()[name]) for name, value in whole.method.state_dict().items())
verdict = whole.method.detect_collapse(whole.history[-1].metrics)
answer = {"same": same, "metrics": dict(whole.history[-1].metrics), "collapsed": verdict.collapsed}
"""
CONTRACT = """
import torch
from ftlab.testing.method_contract import MethodContract
torch.set_num_threads(1)

class OfBarlowTwins(MethodContract):
    settings = {"method": {"name": "barlow_twins"}, "model": {"feature_dim": 8, "bn_groups": 1}}
    num_ranks = 1

answer = [name for name in dir(OfBarlowTwins) if name.startswith("test_")]
for name in answer:
    getattr(OfBarlowTwins(), name)()
"""
SOFTWARE = """
from ftlab.machine.software import installed_software
answer = installed_software().versions
"""
REFUSED = """
from ftlab.config.experiment import ProfileConfig
from ftlab.config.loading import resolve_trial
from ftlab.errors import ConfigError
profile = ProfileConfig(
    description="", metric="probe/top1", protocol="", trial={"method": {"key_momentum": 0.5, "queue_size": 512}}
)
nothing_set = ProfileConfig(description="", metric="probe/top1", protocol="")
assert resolve_trial(nothing_set, arguments[0]).method.name == "barlow_twins"
answer = []
for settings in arguments:
    try:
        resolve_trial(profile, settings)
        answer.append("")
    except ConfigError as error:
        answer.append(str(error))
"""


class Surroundings:
    """An installation that has the package, or not."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def run(self, script: str, arguments: object = None) -> object:
        """Run a script in a process of its own; it reads ``arguments`` and sets ``answer``."""
        frame = f"import json, sys\narguments = json.loads(sys.stdin.read())\n{script}\nprint(json.dumps(answer))"
        paths = [str(self.folder)] if self.folder else []
        done = subprocess.run(
            [sys.executable, "-c", frame],
            input=json.dumps(arguments),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def outside(tmp_path: Path) -> Surroundings:
    install_elsewhere(tmp_path / "site")
    return Surroundings(tmp_path / "site")


@pytest.mark.slow
def test_it_trains_and_resumes_to_the_same_bits(outside: Surroundings, tmp_path: Path) -> None:
    answer = outside.run(TRAIN, {"config": SETTINGS, "home": str(tmp_path / "home")})
    assert answer["same"]  # type: ignore[index]
    assert not answer["collapsed"]  # type: ignore[index]
    metrics = answer["metrics"]  # type: ignore[index]
    assert {"pretrain/loss", "features/spread", "probe/top1", "knn/top1"} <= metrics.keys()
    assert not any(name.startswith("scores/") for name in metrics)
    assert metrics["knn/top1"] > 60.0


@pytest.mark.slow
def test_its_method_passes_the_contract(outside: Surroundings) -> None:
    passed = outside.run(CONTRACT)
    assert isinstance(passed, list)
    assert len(passed) == 7


@pytest.mark.slow
def test_its_code_is_part_of_the_keys_of_its_trials_and_its_version_is_not(outside: Surroundings) -> None:
    uses = [{part: SETTINGS[part]} for part in ("method", "views")] + [{"model": SETTINGS["model"]}]
    keys = outside.run(KEYS, uses)
    assert isinstance(keys, list)
    assert outside.run(KEYS, uses) == keys
    assert outside.folder is not None
    install_elsewhere(outside.folder, "2.0")
    assert outside.run(KEYS, uses) == keys
    with (outside.folder / "elsewhere" / "networks.py").open("a") as file:
        file.write("# changed\n")
    changed = outside.run(KEYS, uses)
    assert isinstance(changed, list)
    assert changed[0] == keys[0] == Surroundings(None).run(KEYS, [])[0]  # type: ignore[index]
    assert all(one[0] != other[0] and one[1] != other[1] for one, other in zip(changed[1:], keys[1:], strict=True))


@pytest.mark.slow
def test_a_process_that_lacks_it_or_has_other_code_differs_by_name(outside: Surroundings) -> None:
    there, absent = outside.run(SOFTWARE), Surroundings(None).run(SOFTWARE)
    assert isinstance(there, dict)
    assert isinstance(absent, dict)
    code = there["elsewhere code"]
    [difference] = Software("driver", there).differences(Software("worker", absent))
    assert difference == f"elsewhere code {code} on driver, absent on worker"


def test_settings_of_another_method_are_unknown_keys(outside: Surroundings) -> None:
    mixed = {"method.name": "barlow_twins", "method.queue_size": 64}
    unknown = {"method.name": "barlow"}
    of_moco = {"method.redundancy_weight": 0.1}
    wrong = {"method.name": "barlow_twins", "method.redundancy_weight": 7}
    answer = outside.run(REFUSED, [{"method.name": "barlow_twins"}, mixed, unknown, of_moco, wrong])
    assert isinstance(answer, list)
    accepted, key, name, other, value = answer
    assert accepted == ""
    assert "method.queue_size is not a known key" in key
    assert "method.name must be known, but got 'barlow'. Did you mean 'barlow_twins'?" in name
    assert "method.redundancy_weight is not a known key" in other
    assert "method.redundancy_weight: " in value


@pytest.mark.parametrize("name", ["moco", "twins"])
@pytest.mark.slow
def test_a_method_of_another_name_or_of_a_built_in_one_is_left_out(outside: Surroundings, name: str) -> None:
    assert outside.folder is not None
    [information] = outside.folder.glob("*.dist-info")
    (information / "entry_points.txt").write_text(f"[ftlab.methods]\n{name} = elsewhere.settings:BarlowTwinsSection\n")
    if name == "moco":
        settings = outside.folder / "elsewhere" / "settings.py"
        settings.write_text(settings.read_text().replace('"barlow_twins"', '"moco"'))
    script = "from ftlab.config.trial import TrialConfig\nanswer = type(TrialConfig().method).__name__"
    assert outside.run(script) == "MoCoSection"


def test_an_entry_of_another_kind_is_refused_by_name(outside: Surroundings) -> None:
    assert outside.folder is not None
    [information] = outside.folder.glob("*.dist-info")
    text = (information / "entry_points.txt").read_text()
    (information / "entry_points.txt").write_text(
        text.replace("elsewhere.settings:CROPS", "elsewhere.settings:PLAIN_MLP")
    )
    answer = outside.run(
        """
from ftlab.data.views.recipes import find_recipe
from ftlab.errors import ConfigError
try:
    find_recipe("crops")
except ConfigError as error:
    answer = str(error)
"""
    )
    assert answer == (
        "'crops' of the package elsewhere must be a ViewRecipe, but elsewhere.settings:PLAIN_MLP is a Backbone."
    )


def test_a_package_that_cannot_be_imported_is_left_out_with_a_word(outside: Surroundings) -> None:
    assert outside.folder is not None
    (outside.folder / "elsewhere" / "settings.py").write_text("import nothing_like_it\n")
    done = subprocess.run(
        [sys.executable, "-c", "from ftlab.config.trial import TrialConfig; TrialConfig()"],
        env={**os.environ, "PYTHONPATH": str(outside.folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    [line] = done.stderr.splitlines()
    assert "'barlow_twins' of the package elsewhere must be importable" in line
    assert "nothing_like_it" in line
