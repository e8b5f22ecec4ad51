"""The names of what users have recorded: every shipped experiment keeps the keys of its trials, at every profile.

What is shipped anew (shipped.yaml) adds its lines with ``pytest tests/unit/test_trial_keys.py --update-snapshots``,
which changes no line that is there.
"""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import yaml

from ftlab.config.experiment import NamedCell
from ftlab.config.loading import load_profile, load_search, resolve_trial
from ftlab.search.scope import PROFILE_CELL, load_search_spec
from ftlab.study.cells import CellSpec
from ftlab.study.spec import load_study, make_trial

FOLDER = Path(__file__).parent
KEYS = FOLDER / "trial_keys.txt"
SHIPPED = yaml.safe_load((FOLDER / "shipped.yaml").read_text())

# Data that ftlab does not embed are the user's own: a constant shows as well whether settings name what they named.
FINGERPRINTS = {"digits": "a5c30de5c08194a6ec1957ccadfe4798"}
ANY_FINGERPRINT = "0" * 32


def cells_of(name: str, profile: str) -> tuple[list[CellSpec], int]:
    """Return the cells of an experiment, or the known configurations of a search, and the number of their seeds."""
    if name in SHIPPED["experiments"]:
        study = load_study(name, profile)
        return list(study.cells), len(study.seeds)
    search, scale = load_search(name), load_profile(profile)
    known = search.enqueue or [NamedCell(name=PROFILE_CELL)]
    trials = [resolve_trial(scale, {**search.overrides, **cell.set}) for cell in known]
    return [CellSpec(cell.name, cell.set, trial) for cell, trial in zip(known, trials, strict=True)], search.seeds


def keys_of(name: str, profile: str) -> Iterator[tuple[str, str]]:
    """Yield each key of an experiment at a profile behind what it names."""
    cells, num_seeds = cells_of(name, profile)
    for cell in cells:
        fingerprint = FINGERPRINTS.get(cell.config.data.name, ANY_FINGERPRINT)
        trials = [make_trial(cell, seed, fingerprint) for seed in range(num_seeds)]
        yield f"{name} {profile} | {cell.name} | cell", trials[0].cell_key
        if cell.config.data.name in FINGERPRINTS:
            yield f"{name} {profile} | {cell.name} | all checkpoints of seed 0", _digest(*trials[0].prefix_keys)
        for trial in trials:
            yield f"{name} {profile} | {cell.name} | seed {trial.config.seed}", trial.key


def _digest(*keys: str) -> str:
    return sha256(" ".join(keys).encode()).hexdigest()[:32]


def all_keys() -> Iterator[tuple[str, str]]:
    for name in (*SHIPPED["experiments"], *SHIPPED["searches"]):
        for profile in SHIPPED["only_at"].get(name, SHIPPED["profiles"]):
            yield from keys_of(name, profile)
    for name in SHIPPED["searches"]:
        yield f"{name} digits | search", load_search_spec(name, "digits").digest(FINGERPRINTS["digits"])


def read_keys() -> dict[str, str]:
    lines = KEYS.read_text().splitlines() if KEYS.exists() else []
    return dict(line.rsplit(" | ", 1) for line in lines)


def differences(recorded: dict[str, str], found: dict[str, str]) -> str:
    """Say what moved, for the one who moved it; empty where nothing did."""
    moved = [name for name, key in recorded.items() if found.get(name) != key]
    new = [name for name in found if name not in recorded]
    report = []
    if moved:
        report += ["Recorded trials are lost to their users. These keys must be what they were:", *moved]
    if new:
        report += ["What is shipped anew adds lines, by: pytest tests/unit/test_trial_keys.py --update-snapshots", *new]
    return "\n  ".join(report)


def test_every_shipped_trial_keeps_its_keys(update_snapshots: bool) -> None:
    keys = list(all_keys())
    found = dict(keys)
    assert len(found) == len(keys), "two things have one name"
    if update_snapshots:
        kept = {**found, **read_keys()}
        KEYS.write_text("".join(f"{name} | {kept[name]}\n" for name in sorted(kept)))
    report = differences(read_keys(), found)
    assert not report, report


def test_what_moved_is_named() -> None:
    recorded = {"queue digits | K=4 | cell": "a", "queue digits | K=4 | seed 0": "b", "queue tiny | K=4 | cell": "c"}
    assert differences(recorded, recorded) == ""
    report = differences(recorded, {**recorded, "queue digits | K=4 | seed 0": "x", "mine tiny | K=4 | cell": "y"})
    assert report.splitlines()[1:] == [
        "  queue digits | K=4 | seed 0",
        "  What is shipped anew adds lines, by: pytest tests/unit/test_trial_keys.py --update-snapshots",
        "  mine tiny | K=4 | cell",
    ]
    assert "must be what they were" in differences(recorded, {})
