from dataclasses import replace

import pytest

from ftlab.publish.bundle.readme import bundle_readme, sweep_again
from ftlab.reporting.trace.definition import TableDefinition
from ftlab.reporting.trace.provenance import Origin, Provenance, SourceTrial

TRIALS = (
    SourceTrial("a", "k0", 0, "finished", "r0", 90.0, "abc", "false"),
    SourceTrial("a", "k4", 4, "finished", "r4", 91.0, "def", "true"),
)
ORIGIN = Origin("exp/tiny", "exp", "tiny", {}, None, None, "f00d", 1)


@pytest.fixture
def provenance() -> Provenance:
    return Provenance(ORIGIN, TableDefinition("exp", (), "knn/top1", "Why?", None, "", None, None), TRIALS, {})


@pytest.mark.parametrize(
    ("asked", "command"),
    [
        ({}, "make sweep EXP=exp PROFILE=tiny SEEDS=5"),
        ({"seeds": 3}, "make sweep EXP=exp PROFILE=tiny SEEDS=3"),
        ({"seeds": "auto", "max_trials": 60}, "make sweep EXP=exp PROFILE=tiny SEEDS=auto MAX_TRIALS=60"),
        (
            {"seeds": 2, "overrides": {"train.epochs": 5, "transform.lambda_extrapolation": [1.0, 1.5]}},
            'make sweep EXP=exp PROFILE=tiny SEEDS=2 SET="train.epochs=5 transform.lambda_extrapolation=[1.0,1.5]"',
        ),
    ],
)
def test_the_command_trains_every_trial_of_the_table(
    asked: dict[str, object], command: str, provenance: Provenance
) -> None:
    assert sweep_again(replace(provenance, origin=replace(ORIGIN, **asked))) == command  # type: ignore[arg-type]


def test_the_command_asks_for_the_intervals_of_the_table(provenance: Provenance) -> None:
    bootstrapped = replace(provenance, definition=replace(provenance.definition, interval="bca"))
    assert sweep_again(bootstrapped) == "make sweep EXP=exp PROFILE=tiny SEEDS=5 INTERVAL=bca"


def test_every_file_is_described_and_facts_are_told(provenance: Provenance) -> None:
    files = ["table.csv", "spec/exp.yaml", "figures/a.png", "figure.pdf", "SHA256SUMS"]
    readme = bundle_readme(provenance, files, {"torch": ["2.14.0", "2.15.0"]}, unmeasured=1)
    for line in (
        "# exp/tiny",
        "Why? 0 cells, 2 trials; metric `knn/top1`.",
        "- `table.csv`: the table: a row a cell, numbers in full precision",
        "- `spec/`: the experiment, its profile and published numbers, as ftlab reads them",
        "- `figures/`: figures",
        "- `figure.pdf`: figure",
        "- 1 trials left no record of their epochs.",
        "- Commit of the trials: `abc`, `def` with uncommitted changes",
        "- Fingerprint of the data: `f00d`",
        "- Trained with: torch 2.14.0 or 2.15.0",
    ):
        assert line in readme.splitlines()
    assert "trials.csv`:" not in readme
