"""The base of the methods' sections."""

from typing import Annotated, ClassVar

from ftlab.config.sections.trial_section import TrialSection
from ftlab.config.setting import Trait


class MethodSection(TrialSection):
    """The settings of a pretraining method, under the key ``method`` of a trial.

    A subclass narrows ``name`` to a literal, the method's name, which is its default too, adds settings, and names the
    class that it configures. It imports no torch, because every command reads it.

    Attributes:
        has_own_head: Whether the method builds a projection head of its own, so that ``model.head`` has no effect.
        has_negatives: Whether the loss contrasts with negatives, which FT can mix.
        takes_small_crops: Whether it takes small crops beside the views, see `ftlab.methods.method.Views`.
        implementation: The `ftlab.methods.method.PretrainingMethod`, as ``package.module:Class``; imported by workers.
        name: Name of the method.
    """

    implementation: ClassVar[str]
    has_own_head: ClassVar[bool] = False
    has_negatives: ClassVar[bool] = True
    takes_small_crops: ClassVar[bool] = False

    name: Annotated[str, Trait.EPOCH_COST]
