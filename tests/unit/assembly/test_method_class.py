"""The class of a method is checked before it is built."""

from typing import ClassVar, Literal

import pytest

from ftlab.assembly.trial_parts import method_class
from ftlab.config.sections.method_section import MethodSection
from ftlab.errors import ConfigError


class HalfSection(MethodSection):
    """A method of which nothing is written."""

    implementation: ClassVar[str] = "ftlab.methods.method:PretrainingMethod"
    name: Literal["half"] = "half"


def test_a_method_that_is_not_whole_is_refused() -> None:
    message = (
        r"the method 'half' must define build, step and detect_collapse, but .* has no build and no detect_collapse"
    )
    with pytest.raises(ConfigError, match=message):
        method_class(HalfSection())
