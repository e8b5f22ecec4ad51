"""The cells of an experiment: their settings, their names, and the rules for both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from ftlab.config.experiment import GroupBaseline
from ftlab.config.setting import Setting, Settings, Trait
from ftlab.config.trial import TrialConfig, settings_with
from ftlab.errors import ConfigError, nearest
from ftlab.reporting.table.baselines import Baseline, find_group_baselines
from ftlab.study.identity import DATA_PREFIX
from ftlab.study.overrides import spell


@dataclass(frozen=True)
class CellSpec:
    """A row of the table before its trials exist.

    Attributes:
        name: Label of the row, unique in its experiment.
        settings: Settings of the cell by dotted name.
        config: The resolved trial of the cell with seed 0.
        place: File and line of its settings, for messages.
    """

    name: str
    settings: Mapping[str, Setting]
    config: TrialConfig
    place: str = "settings"

    def with_seed(self, seed: int) -> TrialConfig:
        """Return the cell's trial with another seed."""
        return self.config.model_copy(update={"seed": seed})

    def axis_values(self, axes: Sequence[str]) -> Settings:
        """Return the value of each axis; None where the axis has no effect in the cell."""
        shown = self.config.shown()
        return {axis: shown.get(axis) for axis in axes}


def grid_rows(grid: Mapping[str, Sequence[Setting]]) -> list[tuple[str, Settings]]:
    """Return name and settings of every combination of the axes' values, the last axis fastest."""
    if not grid:
        return []
    combinations = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    return [(cell_label(combination), combination) for combination in combinations]


def cell_label(settings: Mapping[str, Setting]) -> str:
    """Return a label from settings, e.g. ``key_momentum=0.99``.

    >>> cell_label({"transform.positives": "interpolate", "transform.alpha_extrapolation": 2.0})
    'positives=interpolate alpha_extrapolation=2.0'
    """
    return " ".join(f"{name.rpartition('.')[2]}={spell(value)}" for name, value in settings.items())


def check_names(cells: Sequence[CellSpec]) -> None:
    """Check that names and settings are unique, and that no cell sets the seed or the data.

    Raises:
        ConfigError: One of these does not hold.
    """
    names: set[str] = set()
    of_grid: dict[TrialConfig, str] = {}
    for cell in cells:
        if cell.name in names:
            raise ConfigError(f"{cell.place}: cells must have different names, but got {cell.name!r} twice.")
        names.add(cell.name)
        if "seed" in cell.settings:
            raise ConfigError(f"{cell.place}: seed cannot be an axis, but cell {cell.name!r} sets it; use seeds: n.")
        if any(axis.startswith(DATA_PREFIX) for axis in cell.settings):
            raise ConfigError(f"{cell.place}: cells share their data, but cell {cell.name!r} sets it; use a profile.")
        if cell.name == cell_label(cell.settings) and (same := of_grid.setdefault(cell.config, cell.name)) != cell.name:
            raise ConfigError(
                f"{cell.place}: rows of a grid must differ, but {same!r} and {cell.name!r} have the same settings."
            )


def find_baseline(
    cells: Sequence[CellSpec], axes: Sequence[str], baseline: str | GroupBaseline | None, place: str
) -> Baseline:
    """Return the baseline of the cells, or of each group of them.

    Args:
        cells: The cells.
        axes: Dotted names that tell them apart.
        baseline: The baseline as an experiment states it.
        place: File and line, for messages.

    Raises:
        ConfigError: It is the name of no cell, or not of one cell in each group.
    """
    if isinstance(baseline, GroupBaseline):
        rows = {cell.name: cell.axis_values(axes) for cell in cells}
        return find_group_baselines(rows, baseline.within, baseline.cell, place)
    names = {cell.name for cell in cells}
    if baseline is not None and baseline not in names:
        raise ConfigError(f"{place}: baseline must name a cell, but got {baseline!r}.{nearest(baseline, names)}")
    return baseline


def check_effects(cells: Sequence[CellSpec], overrides: Mapping[str, Setting]) -> None:
    """Check that every setting has an effect.

    Args:
        cells: Cells; each of their settings must have an effect in its cell.
        overrides: Settings of all cells; each must have an effect in one of them.

    Raises:
        ConfigError: A setting has no effect.
    """
    # A switch decides whether other settings have an effect; setting one is never without.
    switches = settings_with(Trait.SWITCH)
    known = {cell.name: {*(effect.name for effect in cell.config.effects()), *switches} for cell in cells}
    for cell in cells:
        for name in cell.settings:
            if name not in known[cell.name]:
                raise ConfigError(
                    f"{cell.place}: a setting must have an effect, but {name!r} has none in cell {cell.name!r}; "
                    "remove it there."
                )
    for name, value in overrides.items():
        # An empty value takes back what the profile sets, whether that has an effect or not.
        if value is not None and not any(name in names for names in known.values()):
            raise ConfigError(f"a setting must have an effect, but {name!r} has none in any cell of the experiment.")
