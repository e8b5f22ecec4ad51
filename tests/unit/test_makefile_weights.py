"""What a user says of weights made elsewhere arrives at the command line as it was typed."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def printed(target: str, *variables: str) -> str:
    """Return the command of a target, which is not run."""
    command = ["make", "--dry-run", "--no-print-directory", target, "STAMP=", "EXP=momentum", *variables]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_weights_and_their_settings() -> None:
    described = [
        "WEIGHTS=my $weights.pth",
        "PREFIX=module.encoder_q.",
        "NAME=it's v2",
        "MEAN=0.5 0.4 0.3",
        "IMAGE_SIZE=224",
    ]
    expected = (
        "--weights 'my $weights.pth' --prefix 'module.encoder_q.' --name 'it'\\''s v2' --image-size '224' "
        "--mean '0.5 0.4 0.3'"
    )
    for target in ("evaluate", "features"):
        command = " ".join(printed(target, "ON=digits folder:/x", *described).split())
        assert f"--on 'digits' --on 'folder:/x' {expected}" in command
        assert "--kind" not in command


def test_a_trial_needs_no_profile() -> None:
    assert printed("features", "RUN=both seed 0").split() == [".venv/bin/ftlab", "features", "'both", "seed", "0'"]
    assert "--profile tiny" in printed("features", "WEIGHTS=a.pth", "PROFILE=tiny")
