"""The rows of an experiment as its file writes them: cells by name, and the combinations of a grid."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

from ftlab.config.experiment import ExperimentConfig
from ftlab.config.setting import Setting, Settings
from ftlab.config.trial import setting_fields
from ftlab.config.yaml_text import Location
from ftlab.errors import ConfigError, nearest
from ftlab.study.overrides import spell

RESERVED = "cell"  # the column of the rows' names, in our tables and in published ones


@dataclass(frozen=True)
class WrittenRow:
    """A row of an experiment.

    Attributes:
        name: Label of the row.
        settings: Its settings by dotted name.
        location: Keys and indexes that lead to it in the file.
        places: Keys and indexes that lead to each of its settings.
        levels: Name of its level on each axis that has levels.
        is_of_grid: Whether the grid makes it.
    """

    name: str
    settings: Settings
    location: Location
    places: Mapping[str, Location]
    levels: Mapping[str, str] = field(default_factory=dict)
    is_of_grid: bool = False


def written_rows(experiment: ExperimentConfig, name: str) -> list[WrittenRow]:
    """Return the rows of an experiment: its cells, then every combination of the grid's axes, the last axis fastest.

    Args:
        experiment: The experiment.
        name: Its name, for messages.

    Raises:
        ConfigError: Axes share a name or a setting, what is left out is no combination of the grid, or no row is left.
    """
    _check_axes(experiment, name)
    _check_left_out(experiment, name)
    rows = [*_cells(experiment), *_of_grid(experiment)]
    if not rows:
        raise ConfigError(f"{experiment.place('without') or name}: an experiment needs a row, but all are left out.")
    return rows


def cell_label(settings: Mapping[str, Setting]) -> str:
    """Return a label from settings, e.g. ``key_momentum=0.99``.

    >>> cell_label({"transform.positives": "interpolate", "transform.alpha_extrapolation": 2.0})
    'positives=interpolate alpha_extrapolation=2.0'
    """
    return " ".join(f"{name.rpartition('.')[2]}={spell(value)}" for name, value in settings.items())


def _cells(experiment: ExperimentConfig) -> Iterator[WrittenRow]:
    for number, cell in enumerate(experiment.cells):
        location: Location = ("cells", number, "set")
        yield WrittenRow(cell.name, cell.set, location, {name: (*location, name) for name in cell.set})


def _of_grid(experiment: ExperimentConfig) -> Iterator[WrittenRow]:
    grid = experiment.grid
    for values in product(*grid.values()) if grid else ():
        point: Settings = dict(zip(grid, values, strict=True))
        if any(combination.items() <= point.items() for combination in experiment.without):
            continue
        settings: Settings = {}
        levels: dict[str, str] = {}
        places: dict[str, Location] = {}
        for axis, value in point.items():
            of_axis = grid[axis]
            if isinstance(of_axis, list):
                settings[axis], places[axis] = value, ("grid", axis)
            else:
                levels[axis] = level = str(value)
                settings |= of_axis[level]
                places |= {name: ("grid", axis, level, name) for name in of_axis[level]}
        yield WrittenRow(cell_label(point), settings, ("grid",), places, levels, is_of_grid=True)


def _check_left_out(experiment: ExperimentConfig, name: str) -> None:
    for number, combination in enumerate(experiment.without):
        place = experiment.place("without", number) or name
        if not combination:
            raise ConfigError(f"{place}: what is left out must name values of the grid, but names none; remove it.")
        for axis, value in combination.items():
            if axis not in experiment.grid:
                raise ConfigError(
                    f"{place}: what is left out must name axes of the grid, but got {axis!r}."
                    f"{nearest(axis, experiment.grid)}"
                )
            values = list(experiment.grid[axis])
            if value not in values:
                raise ConfigError(
                    f"{place}: what is left out must be a value of {axis!r}, but got {value!r}."
                    f"{nearest(spell(value), map(spell, values))}"
                )


def _check_axes(experiment: ExperimentConfig, name: str) -> None:
    """Check that an axis of levels is no setting, and that no two axes set the same one."""
    setters: dict[str, str] = {}
    for axis, values in experiment.grid.items():
        place = experiment.place("grid", axis) or name
        if isinstance(values, dict) and ("." in axis or axis in setting_fields() or axis == RESERVED):
            raise ConfigError(
                f"{place}: an axis of levels must have a name of its own, without a dot, but got {axis!r}; "
                "a setting has a list of values."
            )
        for setting in [axis] if isinstance(values, list) else [name for level in values.values() for name in level]:
            if (other := setters.setdefault(setting, axis)) != axis:
                raise ConfigError(
                    f"{place}: a setting must lie on one axis of the grid, but {setting!r} lies on {other!r} and "
                    f"{axis!r}."
                )
