"""The schema of one trial: everything that decides its numbers, checked before any compute is spent."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, Field, model_validator
from pydantic.fields import FieldInfo

from ftlab.config.section import Section, models_in
from ftlab.config.sections.data_section import DataConfig
from ftlab.config.sections.method_choice import BUILT_IN, DEFAULT, added_methods, one_of
from ftlab.config.sections.method_section import MethodSection
from ftlab.config.sections.mixing_section import MixingConfig
from ftlab.config.sections.moco_section import MoCoSection
from ftlab.config.sections.model_section import ModelConfig
from ftlab.config.sections.probe_section import ProbeConfig
from ftlab.config.sections.train_section import TrainConfig
from ftlab.config.sections.transform_section import TransformConfig
from ftlab.config.sections.trial_section import NEVER, Effect, TrialSection, Whole
from ftlab.config.sections.views_section import ViewsConfig
from ftlab.config.setting import Settings, Trait

if TYPE_CHECKING:
    Method = MethodSection
else:
    Method = one_of((*BUILT_IN, *added_methods()))


MAX_SEED = 2**32 - 1  # what NumPy's and scikit-learn's generators take


class TrialConfig(Section):
    """One training with one seed."""

    seed: int = Field(0, ge=0, le=MAX_SEED, description="Seed of every random stream of the trial.")
    data: DataConfig = DataConfig()
    views: ViewsConfig = ViewsConfig()
    model: ModelConfig = ModelConfig()
    method: Method = DEFAULT()
    transform: TransformConfig = TransformConfig()
    mixing: MixingConfig = MixingConfig()
    train: TrainConfig = TrainConfig()
    probe: ProbeConfig = ProbeConfig()

    @property
    def epochs(self) -> int:
        """Length of the training."""
        return self.train.epochs

    @property
    def view_size(self) -> int:
        """Side of a view, in pixels."""
        return self.views.size or self.data.short_side or self.data.image_size

    @property
    def whole(self) -> Whole:
        """The trial as its sections see it."""
        queue = self.method if isinstance(self.method, MoCoSection) else None
        ft_epochs = self.transform.epochs_on(self.epochs)
        return Whole(
            epochs=self.epochs,
            batch_size=self.train.batch_size,
            view_size=self.view_size,
            small_size=self.views.small_size if self.views.small_crops else None,
            method_name=self.method.name,
            has_own_head=self.method.has_own_head,
            has_negatives=self.method.has_negatives,
            takes_small_crops=self.method.takes_small_crops,
            queue_size=queue.queue_size if queue else None,
            is_symmetric=queue is not None and queue.symmetric,
            negatives=self.transform.negatives,
            query_for_negatives=self.transform.query_for_negatives,
            positives_mixed=ft_epochs if self.transform.positives != "none" else range(0),
            hardest_mixed=ft_epochs if self.transform.negatives == "mochi" else range(0),
        )

    def effects(self) -> tuple[Effect, ...]:
        """Return the settings with an effect, by dotted name, as the sections declare them."""
        whole = self.whole
        parts = (_section_effects(name, section, whole) for name, section in self._sections())
        return (Effect("seed", self.seed), *chain.from_iterable(parts))

    def without_effect(self, names: Iterable[str]) -> Iterator[str]:
        """Yield those of some settings of sections, by dotted name, that have no effect."""
        whole = self.whole
        for name in names:
            section = name.partition(".")[0]
            if all(effect.name != name for effect in _section_effects(section, getattr(self, section), whole)):
                yield name

    def unused_additions(self) -> set[str]:
        """Return the dotted names of settings with `Trait.ADDED` that have their default, and so decide no number."""
        return {f"{name}.{key}" for name, section in self._sections() for key in section.unused_additions()}

    def effective(self, epochs: int | None = None) -> Settings:
        """Return the settings that have had an effect after ``epochs`` epochs, in canonical form.

        Trials that agree in them cannot differ by then. What has no effect is left out: the coefficient of a
        transformation that is off, FT that has not begun yet, a probe that has not been taken yet.

        Args:
            epochs: Number of epochs trained, from 1; None means all of them.
        """
        last = self.epochs if epochs is None else epochs
        return {effect.name: effect.value for effect in self.effects() if effect.since <= last}

    def shown(self) -> Settings:
        """Return the settings with an effect, in the form for people, with empty ones filled in.

        If settings have no effect, the setting that is the reason is included, e.g. ``transform.start`` if FT never
        begins.
        """
        found: Settings = {"seed": self.seed}
        whole = self.whole
        for name, section in self._sections():
            settings = section.settings(whole)
            found |= {f"{name}.{effect.name}": settings[effect.name] for effect in section.effects(whole)}
        return found

    def _sections(self) -> Iterator[tuple[str, TrialSection]]:
        return ((name, value) for name, value in self if isinstance(value, TrialSection))

    @model_validator(mode="after")
    def _check_across_sections(self) -> Self:
        batch_size, groups = self.train.batch_size, self.model.bn_groups
        if batch_size % groups:
            multiple = max(batch_size // groups, 2) * groups
            valid = f"batch_size: {multiple}" if self._takes(multiple) else f"bn_groups: {_most_groups(batch_size)}"
            raise ValueError(
                f"train.batch_size must be a multiple of model.bn_groups, but got batch_size={batch_size}, "
                f"bn_groups={groups}; nearest valid {valid}."
            )
        if batch_size // groups < 2:
            raise ValueError(
                "each group of batch normalisation needs at least 2 images, but got "
                f"batch_size={batch_size}, bn_groups={groups}; nearest valid bn_groups: {_most_groups(batch_size)}."
            )
        whole = self.whole
        for _, section in self._sections():
            section.check(whole)
        if self.train.warmup_epochs >= self.train.epochs:
            raise ValueError(
                "train.warmup_epochs must be less than train.epochs, but got "
                f"warmup_epochs={self.train.warmup_epochs}, epochs={self.train.epochs}; "
                f"nearest valid warmup_epochs: {self.train.epochs - 1}."
            )
        if self.data.class_list is not None and self.data.name != "folder":
            raise ValueError(
                f"data.class_list selects from a folder, but got data.name={self.data.name!r}; "
                "nearest valid name: 'folder'."
            )
        if self.data.short_side is not None and self.data.name != "folder":
            raise ValueError(
                f"data.short_side keeps the shape of a folder's images, but got data.name={self.data.name!r}; "
                "nearest valid: data.image_size, with an empty short_side."
            )
        return self

    def _takes(self, batch_size: int) -> bool:
        """Return whether a batch is within its bounds, and every section goes with it."""
        try:
            train = TrainConfig(**{**self.train.model_dump(), "batch_size": batch_size})
            trial = self.model_copy(update={"train": train})
            for _, section in trial._sections():
                section.check(trial.whole)
        except ValueError:
            return False
        return True


# Most sections of a study's cells are the same; the others of a full table fit beside them.
@lru_cache(maxsize=20_000)
def _section_effects(name: str, section: TrialSection, whole: Whole) -> tuple[Effect, ...]:
    unused = section.unused_additions()
    return tuple(
        Effect(f"{name}.{key}", value, NEVER if key in unused else since)
        for key, value, since in section.effects(whole)
    )


def _most_groups(batch_size: int) -> int:
    return max(groups for groups in range(1, batch_size // 2 + 1) if batch_size % groups == 0)


@cache
def method_sections() -> Mapping[str, type[BaseModel]]:
    """Return the section of every method by its name."""
    sections = models_in(TrialConfig.model_fields["method"].annotation)
    return {section.model_fields["name"].default: section for section in sections}


@cache
def setting_fields() -> Mapping[str, FieldInfo]:
    """Return the field of every setting of a trial by its dotted name."""
    fields: dict[str, FieldInfo] = {}
    for name, field in TrialConfig.model_fields.items():
        sections = models_in(field.annotation)
        if not sections:
            fields[name] = field
        for section in sections:
            fields |= {f"{name}.{key}": found for key, found in section.model_fields.items()}
    return fields


@cache
def settings_with(trait: Trait) -> tuple[str, ...]:
    """Return the dotted names of the settings that have a trait."""
    return tuple(name for name, field in setting_fields().items() if trait in field.metadata)
