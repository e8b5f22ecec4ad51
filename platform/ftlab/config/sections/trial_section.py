"""The base of a trial's sections: each declares which of its settings have an effect, and from which epoch on."""

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import model_validator

from ftlab.config.section import Section
from ftlab.config.setting import Setting, Settings, Trait

# For a setting that decides no number: it is the reason why others have no effect, or its value changes nothing.
NEVER = sys.maxsize


class Whole(NamedTuple):
    """A trial as its sections see it.

    Attributes:
        epochs: Length of the training.
        batch_size: Images of a step.
        view_size: Side of a view, in pixels.
        small_size: Side of a small crop, in pixels; None if there are none.
        method_name: Name of the method.
        has_own_head: Whether the method builds a projection head of its own.
        has_negatives: Whether the method contrasts with negatives.
        takes_small_crops: Whether the method takes small crops.
        queue_size: Number K of negatives in the queue of MoCo, or of a method that is built on it; None for another.
        is_symmetric: Whether both views of such a method are queries.
        negatives: Mixing of negatives, as ``transform.negatives`` says.
        query_for_negatives: Query that negatives are scored against, as ``transform.query_for_negatives`` says.
        positives_mixed: The 0-based epochs in which FT mixes positives.
        hardest_mixed: The 0-based epochs in which the hardest negatives of each query are mixed.
    """

    epochs: int
    batch_size: int
    view_size: int
    small_size: int | None
    method_name: str
    has_own_head: bool
    has_negatives: bool
    takes_small_crops: bool
    queue_size: int | None
    is_symmetric: bool
    negatives: str
    query_for_negatives: str
    positives_mixed: range
    hardest_mixed: range


class Effect(NamedTuple):
    """A setting that decides something in its trial.

    Attributes:
        name: Its name in the section; in a trial, its dotted name.
        value: Its value in canonical form: two values that cannot make a difference have the same form.
        since: Number of epochs trained, from 1, at which the state of the trial first depends on it; `NEVER` for a
            setting that is recorded and shown, but decides no number and enters no key.
    """

    name: str
    value: Setting
    since: int = 1


class TrialSection(Section):
    """Base of a trial's sections.

    A section declares in `settings` the meaning of an empty setting, and in `effects` the settings that have an effect.
    Names of trials and checkpoints, recorded parameters, costs, tables, searches and the error of a setting without
    effect all use these two methods, through the trial, so a new setting is added only to its section. Existing keys
    stay the same if its default changes nothing and its field has `Trait.ADDED`.
    """

    @model_validator(mode="before")
    @classmethod
    def _make_paths_absolute(cls, content: Any) -> Any:
        """Let settings with `Trait.PATH` mean the same file in every process, wherever it works."""
        if not isinstance(content, Mapping):
            return content
        return {**content, **{name: _absolute(name, content[name]) for name in _paths(cls) if name in content}}

    def settings(self, whole: Whole) -> Settings:
        """Return every setting by its name, with empty ones filled in.

        Args:
            whole: The trial.
        """
        del whole  # not needed in a section whose settings have no empty value to fill in
        return self.model_dump(mode="json")

    def effects(self, whole: Whole) -> list[Effect]:
        """Return the settings that have an effect; if two have the same name, the later one replaces the other.

        Without a declaration of its own, every setting of a section has an effect from the first epoch on.

        Args:
            whole: The trial.
        """
        return [Effect(name, value) for name, value in self.settings(whole).items()]

    def check(self, whole: Whole) -> None:
        """Check the section against the rest of its trial; nothing here.

        Args:
            whole: The trial.

        Raises:
            ValueError: They do not fit; the message names both settings and the nearest valid value.
        """

    def unused_additions(self) -> set[str]:
        """Return the names of settings with `Trait.ADDED` that have their default, which decides no number."""
        return {name for name, default in _added(type(self)).items() if getattr(self, name) == default}


@cache
def _paths(section: type[TrialSection]) -> tuple[str, ...]:
    """Return the names of a section's settings that lead to files."""
    return tuple(name for name, field in section.model_fields.items() if Trait.PATH in field.metadata)


@cache
def _added(section: type[TrialSection]) -> Mapping[str, object]:
    """Return the defaults of a section's settings with `Trait.ADDED`, by name."""
    fields = section.model_fields.items()
    return {name: field.get_default() for name, field in fields if Trait.ADDED in field.metadata}


def _absolute(name: str, value: Any) -> Any:
    """Return a path from the root of the file system on; anything that is no path stays what it is."""
    if not isinstance(value, str) or not value:
        return value
    try:
        return str(Path(value).expanduser().absolute())
    except (RuntimeError, OSError) as error:  # a user or a working folder that does not exist
        raise ValueError(f"{name} must lead to a file, but got {value!r}: {error}") from error
