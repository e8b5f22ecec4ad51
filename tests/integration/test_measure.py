"""A calibration run in real processes: its durations are those of a training."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ftlab.assembly.images import load_images
from ftlab.config.experiment import ProfileConfig, ResourcesConfig
from ftlab.config.home import Home
from ftlab.config.loading import resolve_trial
from ftlab.config.trial import TrialConfig
from ftlab.errors import FtlabError
from ftlab.estimate.calibration.measure import measure
from ftlab.storage.local import LocalFolder

CORE = ResourcesConfig(device="cpu", cpus_per_trial=1)
FT = {"transform.positives": "extrapolate", "transform.negatives": "interpolate"}


@pytest.fixture
def config(tiny_profile: dict[str, Any], home: Home) -> TrialConfig:
    found = resolve_trial(ProfileConfig.model_validate(tiny_profile), {**FT, "transform.start": 0.5})
    load_images(found.data, home)
    return found


@pytest.mark.slow
def test_a_calibration_measures_every_part_of_a_trial(config: TrialConfig, home: Home) -> None:
    found = measure(config, home=home, resources=CORE, together=2, step_seconds=0.2)
    assert found.plain_seconds is not None
    assert found.transformed_seconds is not None
    # Ten steps of a small encoder: milliseconds each, on however busy a machine.
    assert 0.001 < found.plain_seconds < 60.0
    assert 0.001 < found.transformed_seconds < 60.0
    assert 0.0 < found.knn_seconds < found.final_seconds < 60.0
    assert found.num_steps >= 2 * 2 * 2
    # torch alone takes more than 100 MB; nothing here needs two GB.
    assert 100 * 1024**2 < found.peak_bytes < 2 * 1024**3
    assert sorted(path.name for path in home.local.iterdir()) == ["cache"]


@pytest.mark.slow
def test_a_checkpoint_is_as_large_as_measured(config: TrialConfig, home: Home, tmp_path: Path) -> None:
    import torch

    from ftlab.assembly.trial_parts import make_trainer
    from ftlab.training.checkpoint import CheckpointStore

    found = measure(config, home=home, resources=CORE, step_seconds=0.1)
    trainer = make_trainer(config, load_images(config.data, home), torch.device("cpu"))
    list(trainer.epochs())
    store = CheckpointStore(LocalFolder(tmp_path))
    store.save("last", trainer.state_dict())
    (path,) = tmp_path.glob("*.ckpt")
    assert found.checkpoint_bytes == pytest.approx(path.stat().st_size, rel=0.02)


@pytest.mark.slow
def test_parts_that_a_trial_does_not_have_are_not_measured(config: TrialConfig, home: Home) -> None:
    always = config.model_copy(update={"transform": config.transform.model_copy(update={"start": 0.0})})
    found = measure(always, home=home, resources=CORE, step_seconds=0.1)
    assert found.plain_seconds is None
    assert found.transformed_seconds is not None


@pytest.mark.slow
def test_what_a_user_can_act_on_is_said(config: TrialConfig, home: Home) -> None:
    folder = {"name": "folder", "root": str(home / "nowhere")}
    missing = config.model_copy(update={"data": config.data.model_copy(update=folder)})
    with pytest.raises(FtlabError, match="nowhere"):
        measure(missing, home=home, resources=CORE)
    with pytest.raises(FtlabError, match="'cuda' without a CUDA device"):
        measure(config, home=home, resources=ResourcesConfig(device="cuda", gpus_per_trial=1))


def test_a_calibration_ends_at_its_limit_and_leaves_no_process(config: TrialConfig, home: Home) -> None:
    started = time.monotonic()
    with pytest.raises(FtlabError, match=r"must end within its limit, but took over 0\.5 s"):
        measure(config, home=home, resources=CORE, together=2, time_limit=0.5)
    assert time.monotonic() - started < 30.0
    assert _probing_processes(home) == []


def test_a_driver_measures_without_torch() -> None:
    imports = "import sys, ftlab.estimate.slots, ftlab.estimate.sweep_estimate"
    script = f"{imports}; print('torch' in sys.modules, 'ray' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def _probing_processes(home: Home) -> list[str]:
    marked = f"FTLAB_HOME={home}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (
                b"ftlab.estimate.calibration.measuring_process" in (process / "cmdline").read_bytes()
                and marked in (process / "environ").read_bytes()
            ):
                found.append(process.name)
        except OSError:  # it has ended
            continue
    return found
