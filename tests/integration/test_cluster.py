"""A cluster of three nodes, as three raylets on this machine, with its checkpoints in an object store."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from installed_copies import install_elsewhere
from loopback import wait_until
from ray_nodes import RayNodes

from ftlab.storage.location import open_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

MakeLaboratory = Callable[..., Any]

EPOCHS = 24
NUM_TRIALS = 12
EXPERIMENT = {"seeds": 4, "grid": {"method.key_momentum": [0.9, 0.5, 0.99]}, "baseline": "key_momentum=0.9"}
STUDY = "exp/tiny"


@pytest.fixture(scope="module")
def undisturbed(make_laboratory: MakeLaboratory) -> pd.DataFrame:
    """trials.csv of a sweep on this machine alone that nothing disturbed."""
    laboratory = make_laboratory(EPOCHS)
    laboratory.write_experiment("exp", **EXPERIMENT)
    laboratory.sweep("exp")
    frame: pd.DataFrame = laboratory.trials(STUDY)
    return frame


@pytest.fixture
def laboratory(make_laboratory: MakeLaboratory, object_store: Any) -> Any:
    laboratory = make_laboratory(EPOCHS)
    laboratory.write_experiment("exp", **EXPERIMENT)
    laboratory.surroundings = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "OMP_NUM_THREADS": "1",
        "FTLAB_HOME": object_store.make_location(credentials=""),
        "FTLAB_CACHE": str(laboratory.home),
    }
    return laboratory


@pytest.fixture
def cluster(laboratory: Any) -> Iterator[RayNodes]:
    """Three nodes that know the store's keys and nothing else of the driver."""
    cluster = RayNodes(laboratory.folder, laboratory.environment)
    try:
        cluster.start(3)
        laboratory.surroundings |= cluster.client_environment
        yield cluster
    finally:
        cluster.close()


def test_a_sweep_spreads_over_the_nodes_and_survives_the_loss_of_one(
    laboratory: Any, cluster: RayNodes, undisturbed: pd.DataFrame
) -> None:
    checkpoints = open_folder(laboratory.surroundings["FTLAB_HOME"].replace("s3://", "s3://key:secret@"), "checkpoints")
    command = laboratory.start_sweep("exp")
    # A node has its cache once a trial of its own begins.
    wait_until(lambda: all(list(cluster.node(number).glob("cache/*/meta.json")) for number in range(3)))
    wait_until(lambda: checkpoints.names())
    assert f"[{NUM_TRIALS}/" not in command.out
    cluster.kill_node(2)
    assert command.wait(600.0) == 0, command.out + command.err
    assert "failed" not in command.out
    assert [run.info.status for run in laboratory.runs()] == ["FINISHED"] * (NUM_TRIALS + 1)
    assert len({run.data.tags["ftlab.trial_key"] for run in laboratory.trial_runs()}) == NUM_TRIALS
    journal = laboratory.journal()
    assert len(journal) == NUM_TRIALS
    for events in journal.values():
        assert [event for event in events if event in ("finished", "collapsed")] == events[-1:]
    assert max(events.count("trial") for events in journal.values()) > 1, "no trial had to move to another node"
    pd.testing.assert_frame_equal(laboratory.trials(STUDY), undisturbed)
    assert checkpoints.names() == []
    assert sorted(path.name for path in laboratory.home.iterdir()) == [
        "artifacts",
        "cache",
        "locks",
        "mlflow.db",
        "mlflow.db.lock",
        "ray",
        "trials",
    ]


def test_a_node_with_other_code_is_refused_before_anything_is_computed(
    laboratory: Any, cluster: RayNodes, tmp_path: Path
) -> None:
    package = tmp_path / "other" / "ftlab"
    shutil.copytree(Path(__file__).parents[2] / "platform" / "ftlab", package)
    source = package / "methods" / "moco.py"
    source.write_text(f"{source.read_text()}# other\n")
    laboratory.surroundings["PYTHONPATH"] = str(package.parent)
    command = laboratory.start_sweep("exp")
    assert command.wait() == 1
    assert "Every node must have the driver's version of ftlab and its packages, but there is ftlab code" in command.err
    assert "first epoch" not in command.out


def test_a_node_that_lacks_a_package_which_adds_something_is_refused_by_its_name(
    laboratory: Any, cluster: RayNodes, tmp_path: Path
) -> None:
    install_elsewhere(tmp_path / "site")
    laboratory.surroundings["PYTHONPATH"] = str(tmp_path / "site")
    settings = {"method.name": "barlow_twins", "model.bn_groups": 1}
    laboratory.write_experiment("twins", seeds=1, cells=[{"name": "plain"}, {"name": "twins", "set": settings}])
    command = laboratory.start_sweep("twins")
    assert command.wait() == 1
    assert re.search(r"but there is elsewhere code [0-9a-f]+ on .*, absent on ", command.err)
    assert "first epoch" not in command.out


def test_a_client_of_ray_is_told_what_to_use_instead(laboratory: Any) -> None:
    laboratory.surroundings["RAY_ADDRESS"] = "ray://127.0.0.1:10001"
    command = laboratory.start_sweep("exp")
    assert command.wait() == 1
    assert "from elsewhere use `ray job submit`" in command.err
