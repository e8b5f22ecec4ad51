"""A setting: its value, and the traits that its field is annotated with."""

from enum import Enum, auto

Setting = str | int | float | bool | list[float] | None
Settings = dict[str, Setting]


class Trait(Enum):
    """A trait of a setting, in the annotation of its field, that the rest of the program reads.

    Attributes:
        ADDED: It was added when trials had been trained: its default is what was done before, and enters no key.
        SWITCH: It decides whether other settings have an effect.
        PATH: It leads to files on this machine; only the last part of its value means something elsewhere.
        UNMARKED: It is not part of a study's name.
        EPOCH_COST: It decides the cost of an epoch.
        FT_COST: It decides the cost that FT adds to an epoch.
        PROBE_COST: It decides the cost of a probe.
        CHECKPOINT_COST: It decides the size of a checkpoint.
    """

    ADDED = auto()
    SWITCH = auto()
    PATH = auto()
    UNMARKED = auto()
    EPOCH_COST = auto()
    FT_COST = auto()
    PROBE_COST = auto()
    CHECKPOINT_COST = auto()
