"""The command that makes the table of a study, as far as the study's name determines it."""

import re

from ftlab.config.setting import Trait
from ftlab.config.trial import settings_with

# Overrides are separated by a plus sign, which a number may also hold.
_NEXT = re.compile(r"\+(?=[a-z_]+(?:\.[a-z_]+)?=)")
# A study's name is cut if it is too long for a folder.
_CUT = re.compile(r"~[0-9a-f]{8}$")
# Characters that make and a shell take literally.
_PLAIN = re.compile(r"[\w.=+,\[\]-]*", re.ASCII)


def table_command(study: str) -> str:
    """Return the command that makes a study's table, without seeds, since a table includes all recorded ones.

    Args:
        study: Name of the study: experiment, profile, overrides.

    >>> table_command("components/cifar10+train.epochs=50+transform.lambda_interpolation=[0.1, 1.0]")
    'make table EXP=components PROFILE=cifar10 SET="train.epochs=50 transform.lambda_interpolation=[0.1,1.0]"'
    >>> table_command("components/imagenet100+data.root=flowers")
    'make table EXP=components PROFILE=imagenet100, with the SET of its sweep'
    """
    experiment, _, at = study.partition("/")
    profile, separator, marks = at.partition("+")
    command = f"make table EXP={experiment} PROFILE={profile}"
    if not separator:
        return command
    settings = [setting.replace(", ", ",") for setting in _NEXT.split(marks)]
    is_told = all(
        _PLAIN.fullmatch(setting) and setting.partition("=")[0] not in settings_with(Trait.PATH) for setting in settings
    )
    if not is_told or _CUT.search(study):
        return f"{command}, with the SET of its sweep"
    return f'{command} SET="{" ".join(settings)}"'
