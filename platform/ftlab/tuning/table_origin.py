"""What a study asks of its table, in the words of the table's provenance."""

from pathlib import Path

from ftlab.reporting.trace.provenance import Origin
from ftlab.tuning.identity import NUMERICS_VERSION
from ftlab.tuning.overrides import PATHS
from ftlab.tuning.seeding.auto import AUTO, AutoSeeds
from ftlab.tuning.spec import StudySpec


def table_origin(study: StudySpec, fingerprint: str, *, all_seeds: bool, auto: AutoSeeds | None) -> Origin:
    """Return the origin of a study's table.

    Args:
        study: The study.
        fingerprint: Digest of the data's content.
        all_seeds: Whether every recorded seed of a cell counts, or only the study's; of no effect with ``auto``.
        auto: The rule that gave the seeds and its bound; None where every cell has the same.
    """
    seeds = AUTO if auto else None if all_seeds else len(study.seeds)
    overrides = {
        # Where the files lie decides nothing, and may name a user.
        name: Path(value).name if name in PATHS and isinstance(value, str) else value
        for name, value in study.overrides.items()
    }
    return Origin(
        study=study.results_name,
        experiment=study.experiment,
        profile=study.profile_name,
        overrides=overrides,
        seeds=seeds,
        max_trials=auto.max_trials if auto else None,
        fingerprint=fingerprint,
        numerics=NUMERICS_VERSION,
    )
