"""The JSON schemas that let editors complete and check experiment, search and profile files."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from ftlab.config.experiment import ExperimentConfig, ProfileConfig
from ftlab.config.loading import RELATIVE
from ftlab.config.search import SearchConfig
from ftlab.config.section import models_in
from ftlab.config.sections.method_choice import DEFAULT
from ftlab.config.trial import TrialConfig, method_sections

JsonSchema = dict[str, Any]

MULTIPLE: JsonSchema = {"$ref": "#/$defs/Multiple"}
MULTIPLE_SCHEMA: JsonSchema = {
    "description": "A multiple of the profile's number, e.g. 2x.",
    "pattern": f"^{RELATIVE.pattern}$",
    "type": "string",
}
# Cells of an experiment and trials of a search share their data.
SHARED = "data."


def json_schemas() -> dict[str, JsonSchema]:
    """Return the schema of each kind of file by its name, with the possible values of each setting by dotted name."""
    return {
        "experiment": _schema_of_cells(ExperimentConfig, "grid", _values),
        "profile": _profile_schema(),
        "search": _schema_of_cells(SearchConfig, "space", _space),
    }


def _schema_of_cells(model: type[BaseModel], axes: str, axis: Callable[[str, JsonSchema], JsonSchema]) -> JsonSchema:
    schema, settings = model.model_json_schema(), _settings()
    schema["$defs"] |= {**_trial_schema()["$defs"], "Multiple": MULTIPLE_SCHEMA, **settings}
    of_all = {name: _reference(name) for name in settings}
    of_a_cell = {name: reference for name, reference in of_all.items() if not _is_shared(name)}
    schema["properties"]["overrides"] |= _mapping(of_all)
    schema["properties"][axes] |= _mapping({name: axis(name, settings[name]) for name in of_a_cell})
    if model is ExperimentConfig:
        levels = {"additionalProperties": _mapping(of_a_cell), "minProperties": 1, "type": "object"}
        schema["properties"][axes]["additionalProperties"] = levels
        combination = {"additionalProperties": {"type": "string"}, "minProperties": 1, "properties": of_a_cell}
        schema["properties"]["without"]["items"] |= combination
    schema["$defs"]["NamedCell"]["properties"]["set"] |= _mapping(of_a_cell)
    return schema


def _profile_schema() -> JsonSchema:
    schema, trial, settings = ProfileConfig.model_json_schema(), _trial_schema(), _settings()
    of_a_method = {name: _reference(name) for name in settings if name != "method.name" and not _is_shared(name)}
    schema["$defs"] |= {
        **trial["$defs"],
        "Multiple": MULTIPLE_SCHEMA,
        **settings,
        "SettingsOfAMethod": _mapping(of_a_method),
    }
    schema["properties"]["trial"] |= _mapping({section: trial["properties"][section] for section, _ in _sections()})
    schema["properties"]["methods"] |= _mapping(dict.fromkeys(method_sections(), _reference("SettingsOfAMethod")))
    return schema


def _trial_schema() -> JsonSchema:
    """Return the schema of a trial, in which a method must be named unless it is the default."""
    schema = TrialConfig.model_json_schema()
    for section in method_sections().values():
        if section is not DEFAULT:  # else settings that several methods have would be those of each
            schema["$defs"][section.__name__].setdefault("required", []).append("name")
    return schema


def _is_shared(name: str) -> bool:
    return name.startswith(SHARED)


def _mapping(properties: Mapping[str, JsonSchema]) -> JsonSchema:
    return {"additionalProperties": False, "properties": properties}


def _sections() -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield each section of a trial with its schema, or with each schema that it may have."""
    return ((name, model) for name, field in TrialConfig.model_fields.items() for model in models_in(field.annotation))


def _settings() -> dict[str, JsonSchema]:
    """Return the schema of each setting by dotted name, except the seed, since seeds are chosen by their number."""
    settings: dict[str, JsonSchema] = {}
    for section, model in _sections():
        for key, field in model.model_json_schema()["properties"].items():
            setting = settings.setdefault(f"{section}.{key}", {"anyOf": [], "description": field["description"]})
            setting["anyOf"].append(_reference(f"{model.__name__}/properties/{key}"))
            if _types(field) & {"integer", "number"}:
                setting["anyOf"].append(MULTIPLE)
    return settings


def _types(field: JsonSchema) -> set[str]:
    return {option.get("type", "") for option in field.get("anyOf", [field])}


def _values(name: str, setting: JsonSchema) -> JsonSchema:
    """Return the schema of an axis of a grid."""
    return {**_described(setting), "items": _reference(name), "minItems": 1, "type": "array"}


def _space(name: str, setting: JsonSchema) -> JsonSchema:
    """Return the schema of an axis of a search."""
    choice = {"allOf": [_reference("ChoiceSpace")], "properties": {"choices": {"items": _reference(name)}}}
    kinds = ("FloatSpace", "IntSpace") if MULTIPLE in setting["anyOf"] else ("RangeSpace",)
    return {**_described(setting), "anyOf": [choice, *map(_reference, kinds)]}


def _reference(name: str) -> JsonSchema:
    return {"$ref": f"#/$defs/{name}"}


def _described(setting: JsonSchema) -> JsonSchema:
    return {"description": setting["description"]}
