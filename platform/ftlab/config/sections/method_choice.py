"""The choice among the methods' sections by the name of the method."""

import logging
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union

from pydantic import BeforeValidator, Field

from ftlab.config.sections.infomin_section import InfoMinSection
from ftlab.config.sections.method_section import MethodSection
from ftlab.config.sections.moco_section import MoCoSection
from ftlab.config.sections.simclr_section import SimCLRSection
from ftlab.config.sections.simsiam_section import SimSiamSection
from ftlab.config.sections.swav_section import SwAVSection
from ftlab.errors import ConfigError
from ftlab.plugins import load_plugin, plugin_names

_logger = logging.getLogger(__name__)

DEFAULT = MoCoSection
BUILT_IN: tuple[type[MethodSection], ...] = (
    MoCoSection,
    SimCLRSection,
    InfoMinSection,
    SwAVSection,
    SimSiamSection,
)
BUILT_IN_NAMES = frozenset(section.model_fields["name"].default for section in BUILT_IN)


def added_methods() -> Iterator[type[MethodSection]]:
    """Yield the sections of other packages' methods; one that cannot be imported is left out with a warning."""
    for name in plugin_names("methods"):
        try:
            section = load_plugin("methods", name, type)
        except ConfigError as error:
            # Commands that do not need it must work.
            _logger.warning("%s It is left out.", error)
            continue
        if not issubclass(section, MethodSection) or section.model_fields["name"].default != name:
            _logger.warning("The method %r must name a MethodSection of that name, but does not. It is left out.", name)
        elif name in BUILT_IN_NAMES:
            _logger.warning("A method must not have the name of a built-in one, but %r has. It is left out.", name)
        else:
            yield section


def one_of(sections: tuple[type[MethodSection], ...]) -> Any:
    """Return the type of a section that is one of some, told apart by ``name``; without a name it is `DEFAULT`."""
    if len(sections) == 1:
        return sections[0]
    choice: Any = Union[sections]  # noqa: UP007 - known at run time only
    return Annotated[choice, Field(discriminator="name"), BeforeValidator(_with_name)]


def _with_name(content: Any) -> Any:
    return {"name": method_name(content), **content} if isinstance(content, Mapping) else content


def method_name(content: Mapping[str, Any]) -> Any:
    """Return the name of the method in the content of a section."""
    return content.get("name", DEFAULT.model_fields["name"].default)
