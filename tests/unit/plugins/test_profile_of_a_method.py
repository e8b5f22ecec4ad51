"""A profile has settings for a method of another package, which are checked like those of ours."""

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml
from installed_copies import install_elsewhere

METHODS = {
    "good": {"barlow_twins": {"method.redundancy_weight": 0.1, "train.learning_rate": 0.5}},
    "of_moco": {"barlow_twins": {"method.queue_size": 64}},
    "unknown": {"barlow_twin": {}},
}
SCRIPT = """
import json
from ftlab.config.loading import load_profile, resolve_trial
from ftlab.errors import ConfigError
answer = {}
for name in ("good", "of_moco", "unknown"):
    try:
        config = resolve_trial(load_profile(name), {"method.name": "barlow_twins"})
        answer[name] = [config.method.redundancy_weight, config.train.learning_rate]
    except ConfigError as error:
        answer[name] = str(error)
print(json.dumps(answer))
"""


def test_its_settings_are_checked_and_used(tmp_path: Path) -> None:
    install_elsewhere(tmp_path / "site")
    (tmp_path / "experiments" / "profiles").mkdir(parents=True)
    for name, methods in METHODS.items():
        content = {"description": "", "metric": "probe/top1", "protocol": "", "methods": methods}
        (tmp_path / "experiments" / "profiles" / f"{name}.yaml").write_text(yaml.safe_dump(content))
    paths = [str(tmp_path / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
    places = {"PYTHONPATH": os.pathsep.join(paths), "FTLAB_EXPERIMENTS": str(tmp_path / "experiments")}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env={**os.environ, **places}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["good"] == [0.1, 0.5]
    assert "of_moco.yaml:4: method.queue_size is not a known key" in answer["of_moco"]
    assert "a method must be known, but got 'barlow_twin'. Did you mean 'barlow_twins'?" in answer["unknown"]
