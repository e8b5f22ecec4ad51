"""The origin of a study's table, for the table's provenance."""

from ftlab.reporting.trace.provenance import Origin
from ftlab.tuning.identity import NUMERICS_VERSION
from ftlab.tuning.overrides import without_folder
from ftlab.tuning.seeding.auto import AUTO
from ftlab.tuning.spec import StudySpec
from ftlab.tuning.table_options import TableOptions


def table_origin(study: StudySpec, fingerprint: str, options: TableOptions) -> Origin:
    """Return the origin of a study's table.

    Args:
        study: The study.
        fingerprint: Digest of the data's content.
        options: Options of the table.
    """
    auto = options.auto
    seeds = AUTO if auto else None if options.all_seeds else len(study.seeds)
    # The folder of the files decides nothing, and may name a user.
    overrides = {name: without_folder(name, value) for name, value in study.overrides.items()}
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
