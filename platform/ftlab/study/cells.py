"""The cells of an experiment: their settings, their names, and the rules for both."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ftlab.config.experiment import GroupBaseline
from ftlab.config.setting import Setting, Settings, Trait
from ftlab.config.trial import TrialConfig, settings_with
from ftlab.errors import ConfigError, nearest
from ftlab.reporting.table.baselines import Baseline, find_group_baselines
from ftlab.study.identity import DATA_PREFIX


@dataclass(frozen=True)
class CellSpec:
    """A row of the table before its trials exist.

    Attributes:
        name: Label of the row, unique in its experiment.
        settings: Settings of the cell by dotted name.
        config: The resolved trial of the cell with seed 0.
        place: File and line of its settings, for messages.
        levels: Name of its level on each axis that has levels.
    """

    name: str
    settings: Mapping[str, Setting]
    config: TrialConfig
    place: str = "settings"
    levels: Mapping[str, str] = field(default_factory=dict)

    def with_seed(self, seed: int) -> TrialConfig:
        """Return the cell's trial with another seed."""
        return self.config if seed == self.config.seed else self.config.model_copy(update={"seed": seed})

    def axis_values(self, axes: Sequence[str]) -> Settings:
        """Return the value of each axis; None where the axis has no effect in the cell."""
        values = {**self.config.shown(), **self.levels}
        return {axis: values.get(axis) for axis in axes}


def check_names(cells: Sequence[CellSpec], of_grid: Collection[str]) -> None:
    """Check that names and settings are unique, and that no cell sets the seed or the data.

    Args:
        cells: The cells.
        of_grid: Names of those that the grid makes.

    Raises:
        ConfigError: One of these does not hold.
    """
    names: set[str] = set()
    made: dict[TrialConfig, str] = {}
    for cell in cells:
        if cell.name in names:
            raise ConfigError(f"{cell.place}: cells must have different names, but got {cell.name!r} twice.")
        names.add(cell.name)
        if "seed" in cell.settings:
            raise ConfigError(f"{cell.place}: seed cannot be an axis, but cell {cell.name!r} sets it; use seeds: n.")
        if any(axis.startswith(DATA_PREFIX) for axis in cell.settings):
            raise ConfigError(f"{cell.place}: cells share their data, but cell {cell.name!r} sets it; use a profile.")
        if cell.name in of_grid and (same := made.setdefault(cell.config, cell.name)) != cell.name:
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
    for cell in cells:
        for name in cell.config.without_effect(name for name in cell.settings if name not in switches):
            raise ConfigError(
                f"{cell.place}: a setting must have an effect, but {name!r} has none in cell {cell.name!r}; "
                "remove it there."
            )
    for name, value in overrides.items():
        # An empty value takes back what the profile sets, whether that has an effect or not.
        if value is None or name in switches:
            continue
        if all(any(cell.config.without_effect([name])) for cell in cells):
            raise ConfigError(f"a setting must have an effect, but {name!r} has none in any cell of the experiment.")
