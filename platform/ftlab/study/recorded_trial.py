"""Find a recorded trial by a key, a run or a name."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from ftlab.errors import ConfigError
from ftlab.reporting.trace.explanation import FINGERPRINT
from ftlab.study.identity import cell_key, trial_key
from ftlab.study.recorded_params import config_from_params
from ftlab.study.spec import Trial
from ftlab.tracking.records import TRIAL_COLUMNS, TrialStatus, without_evaluations

if TYPE_CHECKING:
    import pandas as pd

SHORTEST_PREFIX = 4
NUM_LISTED = 8


@dataclass(frozen=True)
class RecordedTrial:
    """A trial that was trained to its end.

    Attributes:
        trial: The trial, with the keys that this version gives it.
        run_id: Identifier in the tracking store.
        study: Study that it was trained for.
        metrics: Last values by name, without durations.
        tags: The record of its code, data, hardware and versions.
    """

    trial: Trial
    run_id: str
    study: str
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


def find_recorded(recorded: "pd.DataFrame", wanted: str) -> RecordedTrial:
    """Return the trial of a key or run id, or of the first characters of one, or of a name.

    Args:
        recorded: One row a trial as ``Tracker.load_trials`` returns them.
        wanted: The key, id or name that the user wrote; at least 4 characters of a key or id.

    Raises:
        ConfigError: No trial matches, or several do; it was not trained to its end; this version would train another.
    """
    rows = [
        {str(name): value for name, value in row.items()} for row in without_evaluations(recorded).to_dict("records")
    ]
    row = _only_match(rows, wanted)
    if not TrialStatus(row["status"]).is_result:
        raise ConfigError(
            f"a trial must be trained to its end, but {row['name']} ({row['trial_key']}) is {row['status']}"
            f"{': ' + row['reason'] if row['reason'] else ''}; the sweep of {row['study']} goes on with it."
        )
    config, fingerprint = config_from_params(row["params"]), str(row["tags"].get(FINGERPRINT, ""))
    cell = str(row["name"]).removesuffix(f" seed {config.seed}")
    trial = Trial(trial_key(config, fingerprint), cell_key(config, fingerprint), cell, config, fingerprint)
    if trial.key != row["trial_key"]:
        raise ConfigError(
            f"a recorded trial must be one that this version trains, but {row['trial_key']} would be {trial.key} "
            f"today; nearest valid: ftlab {row['tags'].get('version.ftlab', 'of its time')}, "
            f"commit {row['tags'].get('git.commit', 'unknown')}."
        )
    metrics = {name: float(value) for name, value in row.items() if name not in TRIAL_COLUMNS and value == value}
    lasting = {name: value for name, value in metrics.items() if not name.endswith("_seconds")}
    return RecordedTrial(trial, str(row["run_id"]), str(row["study"]), lasting, row["tags"])


def _only_match(rows: list[dict[str, Any]], wanted: str) -> dict[str, Any]:
    found = _matches(rows, wanted)
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"{row['trial_key']} ({row['name']}, {row['study']})" for row in found[:NUM_LISTED])
        more = ", ..." if len(found) > NUM_LISTED else ""
        raise ConfigError(f"RUN must match one trial, but {wanted!r} matches {len(found)}: {listed}{more}.")
    names = get_close_matches(wanted, {str(row["name"]) for row in rows}, n=NUM_LISTED, cutoff=0.0)
    raise ConfigError(
        f"RUN must be the key, run or name of a recorded trial, but got {wanted!r}; "
        f"nearest names: {', '.join(names) or 'none, for no trial is recorded'}."
    )


def _matches(rows: list[dict[str, Any]], wanted: str) -> list[dict[str, Any]]:
    """Return the rows with exactly that key or run, else those whose key or run begins so, else those of that name."""
    identities = ("trial_key", "run_id")
    exact = [row for row in rows if wanted in (row[name] for name in identities)]
    begun = [row for row in rows if any(str(row[name]).startswith(wanted) for name in identities)]
    named = [row for row in rows if row["name"] == wanted]
    return exact or (begun if len(wanted) >= SHORTEST_PREFIX else []) or named
