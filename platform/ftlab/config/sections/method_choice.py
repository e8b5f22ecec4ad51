"""The choice among the methods' sections by the name of the method."""

from collections.abc import Mapping
from typing import Annotated, Any, Union

from pydantic import BeforeValidator, Field

from ftlab.config.sections.method_section import MethodSection
from ftlab.config.sections.moco_section import MoCoSection
from ftlab.plugins import plugins

DEFAULT = MoCoSection
BUILT_IN: tuple[type[MethodSection], ...] = (MoCoSection,)
ADDED = (plugin.value for plugin in plugins("methods").values())
METHODS = (*BUILT_IN, *(value for value in ADDED if isinstance(value, type) and issubclass(value, MethodSection)))


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
