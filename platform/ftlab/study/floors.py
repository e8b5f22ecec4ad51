"""The floors of a table: the accuracies of raw pixels and of an encoder that was never trained."""

from dataclasses import dataclass
from enum import StrEnum

from ftlab.config.trial import TrialConfig
from ftlab.reporting.table.baselines import baseline_names
from ftlab.study.cells import CellSpec
from ftlab.study.identity import floor_key
from ftlab.study.spec import StudySpec

MAX_PIXELS = 32  # side in pixels above which a classifier of raw pixels costs more than it tells


class FloorKind(StrEnum):
    """The kinds of floors, named as the rows of a table are."""

    PIXELS = "raw pixels"
    UNTRAINED = "random initialisation"


@dataclass(frozen=True)
class Floor:
    """An evaluation without a training, with one seed.

    Attributes:
        key: Digest of everything that decides its numbers.
        kind: The features that are judged.
        config: The trial whose data, encoder and probes it shares.
        fingerprint: Digest of the data's content.
    """

    key: str
    kind: FloorKind
    config: TrialConfig
    fingerprint: str


def reference_cell(study: StudySpec) -> CellSpec:
    """Return the cell whose data, encoder and probes the floors share: the first baseline, or else the first cell."""
    baselines = baseline_names(study.baseline)
    return next((cell for cell in study.cells if cell.name in baselines), study.cells[0])


def find_floors(study: StudySpec, fingerprint: str) -> list[Floor]:
    """Return the floors of a study's table, those of its baseline, or else of its first cell, for each seed.

    Args:
        study: The study.
        fingerprint: Digest of the data's content.
    """
    cell = reference_cell(study)
    kinds = [FloorKind.UNTRAINED]
    if cell.config.view_size <= MAX_PIXELS:
        kinds = [FloorKind.PIXELS, *kinds]
    configs = [cell.with_seed(seed) for seed in study.seeds]
    return [
        Floor(floor_key(kind, config, fingerprint), kind, config, fingerprint) for kind in kinds for config in configs
    ]
