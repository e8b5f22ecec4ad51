"""Names that become paths: of experiments, searches, profiles and published tables."""

import re

from ftlab.errors import ConfigError

NAME = r"^\w[\w.-]{0,99}$"


def check_name(kind: str, name: str) -> None:
    """Check that a name cannot leave the folder that it is looked for in.

    Args:
        kind: Kind of the thing that is named, for the message.
        name: The name that the user wrote.

    Raises:
        ConfigError: It has other characters than letters, digits, ``_``, ``-`` and ``.``, begins with one of the last
            two, or is too long for a file name.
    """
    if not re.fullmatch(NAME.strip("^$"), name):
        raise ConfigError(
            f"{kind} must have a name, not a path, of at most 100 letters, digits, '_', '-' or '.', "
            f"but got {name[:120]!r}."
        )
