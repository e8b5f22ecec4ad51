"""No name leaves the folder that it belongs to."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ftlab.config.loading import load_experiment, load_profile, load_search
from ftlab.data.sets.catalogue import DatasetSource, open_reader
from ftlab.errors import ConfigError, DataError, ResultsError, TrackingError
from ftlab.publish.bundle.writing import checksums, write_bundle
from ftlab.reporting.trace.definition import TableDefinition
from ftlab.reporting.trace.provenance import Origin, Provenance, parse_provenance, provenance_text
from ftlab.study.overrides import overrides_suffix
from ftlab.tracking.mlflow.artifact_address import check_artifact_address

WriteExperiment = Callable[..., None]
OUTSIDE = [
    "../secrets",
    "../../etc/passwd",
    "/etc/passwd",
    "a/b",
    "..",
    ".hidden",
    "-rf",
    "a\nb",
    "a\x00b",
    "",
    "a" * 200,
]
RUN = "0123456789abcdef" * 2
SERVER = "http://ann:pw@lab:5000"


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_is_no_path(name: str, write_experiment: WriteExperiment, tmp_path: Path) -> None:
    write_experiment("secrets", folder=tmp_path, cells=[{"name": "a"}])
    for load in (load_experiment, load_search, load_profile):
        with pytest.raises(ConfigError, match=r"\w+ must have a name, not a path"):
            load(name)


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_published_table_is_no_path(name: str, write_experiment: WriteExperiment) -> None:
    # Its file would be read, and go into bundles under that name: the bundle's archive would unpack over it.
    write_experiment("evil", cells=[{"name": "a"}], published={"table": name})
    with pytest.raises(ConfigError, match=r"published\.table: String should match pattern"):
        load_experiment("evil")


@pytest.mark.parametrize("value", ["../../x", "/etc/x", "a/../../b"])
def test_an_override_makes_no_folder_above(value: str) -> None:
    for name in ("data.root", "method.name"):
        assert "/" not in overrides_suffix({name: value})


def test_a_class_list_names_folders_of_its_root_alone(tmp_path: Path) -> None:
    for name in ("photos/train/cat", "photos/test/cat", "private"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "classes.txt").write_text("cat\n../../private\n")
    source = DatasetSource("folder", tmp_path / "photos", 8, class_list=tmp_path / "classes.txt")
    with pytest.raises(DataError, match=r"names the class '../../private', which has no folder"):
        open_reader(source, tmp_path)


def make_bundle(**more: bytes) -> dict[str, bytes]:
    definition = TableDefinition("exp", (), "knn/top1", "?", None, "", None, None)
    provenance = Provenance(Origin("exp/tiny", "exp", "tiny", {}, 2, None, "f00d", 1), definition, (), {})
    files = {"provenance.json": provenance_text(provenance).encode(), **more}
    return {**files, "SHA256SUMS": checksums(files)}


def test_links_in_a_bundle_of_others_lead_nowhere(tmp_path: Path) -> None:
    folder, outside = tmp_path / "bundle", tmp_path / "outside"
    outside.mkdir()
    (outside / "table.csv").write_text("mine")
    write_bundle(make_bundle(), folder, "exp/tiny")
    (folder / "figures").symlink_to(outside)
    (folder / "table.csv").symlink_to(outside / "table.csv")
    with pytest.raises(ResultsError, match=r"must lie in its folder, but .*figures/curves.png leads out of it"):
        write_bundle(make_bundle(**{"figures/curves.png": b"1"}), folder, "exp/tiny")
    write_bundle(make_bundle(**{"table.csv": b"1"}), folder, "exp/tiny")
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"table.csv": "mine"}
    assert (folder / "table.csv").read_bytes() == b"1"


@pytest.mark.parametrize("name", ["../evil", "spec/../../evil"])
def test_a_member_of_a_bundle_stays_in_its_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="leads out of it"):
        write_bundle(make_bundle(**{name: b"1"}), tmp_path / "bundle", "exp/tiny")
    assert not list(tmp_path.rglob("evil"))


def test_a_provenance_of_others_is_bounded_data() -> None:
    for text in ("[" * 100_000, json.dumps({"digest": "", "format": []}), '{"__class__": "os.system"}'):
        with pytest.raises(ResultsError):
            parse_provenance(text, "provenance.json")


@pytest.mark.parametrize(
    "address",
    [
        f"file:///data/artifacts/momentum/{RUN}/artifacts",
        f"/data/artifacts/momentum/{RUN}/artifacts",
        f"mlflow-artifacts:/1/{RUN}/artifacts",
        f"mlflow-artifacts://lab:5000/1/{RUN}/artifacts",
        f"s3://bucket/mlflow/1/{RUN}/artifacts",
    ],
)
def test_the_own_folder_of_a_run_is_used(address: str) -> None:
    check_artifact_address(address, RUN, SERVER)


@pytest.mark.parametrize(
    "address",
    [
        "file:///home/ann/.ssh",
        f"file:///home/{RUN}/artifacts/../../ann",
        f"file:///home/ann/%2e%2e/{RUN}/artifacts",
        f"http://evil.example/{RUN}/artifacts",
        f"mlflow-artifacts://evil.example/1/{RUN}/artifacts",
        f"mlflow-artifacts://lab:5000@evil.example/1/{RUN}/artifacts",
        f"ftp://evil.example/{RUN}/artifacts",
        f"runs:/{RUN}/artifacts",
        f"dbfs:/{RUN}/artifacts",
        f"file:///data/{RUN[::-1]}/artifacts",
    ],
)
def test_a_store_cannot_name_another_folder_or_server(address: str) -> None:
    with pytest.raises(TrackingError, match="must lie in its own folder"):
        check_artifact_address(address, RUN, SERVER)
    with pytest.raises(TrackingError, match="must lie in its own folder"):
        check_artifact_address("file:///../artifacts", "..", SERVER)
