"""The reference of settings: those of a trial, and the keys of experiment, profile and search files."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from markdown_text import code, page, table
from pydantic import BaseModel
from since import release_of

from ftlab.config.experiment import (
    ExperimentConfig,
    GroupBaseline,
    NamedCell,
    ProfileConfig,
    PublishedReference,
    ResourcesConfig,
)
from ftlab.config.search import (
    ChoiceSpace,
    EarlyStoppingConfig,
    FloatSpace,
    IntSpace,
    RangeSpace,
    SamplerConfig,
    SearchConfig,
)
from ftlab.config.section import models_in
from ftlab.config.setting import Trait
from ftlab.config.trial import TrialConfig, method_sections

HEADER = ("name", "values", "default", "what it is", "since")
KINDS = {"integer": "whole number", "number": "number", "string": "text", "boolean": "`true`, `false`"}
FILES: Mapping[str, tuple[type[BaseModel], ...]] = {
    "An experiment: `experiments/NAME.yaml`": (ExperimentConfig, NamedCell, GroupBaseline, PublishedReference),
    "A profile: `experiments/profiles/NAME.yaml`": (ProfileConfig, ResourcesConfig),
    "A search: `experiments/NAME.yaml` with `space`": (
        SearchConfig,
        FloatSpace,
        IntSpace,
        ChoiceSpace,
        RangeSpace,
        SamplerConfig,
        EarlyStoppingConfig,
    ),
}

JsonSchema = Mapping[str, Any]


def settings_text() -> str:
    """Return the page of every setting of a trial, by section."""
    parts = [
        "Every setting of a trial by its dotted name, as written in `overrides`, `grid` and `cells` of an experiment, "
        'in the `trial` of a profile and in `SET="name=value"`. The default holds where the profile says nothing: '
        "`make config EXP=... PROFILE=...` prints what a cell really has.",
        "A number may also be written `2x`, a multiple of the profile's. What lies outside of the values named here, "
        "and a setting without an effect, is refused before anything is trained. Settings marked † are not part of "
        "a trial's name while they have their default, since trials were recorded before they were there. *Since* is "
        "the [release](../explanation/versions.md) that brought a setting.",
    ]
    for name, field in TrialConfig.model_fields.items():
        models = models_in(field.annotation)
        if name == "method":
            parts += [part for method, model in method_sections().items() for part in _method(method, model)]
        elif models:
            parts += [f"## `{name}`", _summary(models[0]), table(HEADER, rows(models[0], f"{name}."))]
    seeds = (
        "`seed` is no setting of a file: `seeds` of an experiment, or `SEEDS=5`, gives each cell the seeds 0, 1, ..."
    )
    return page("Settings", *parts, "## Seeds", seeds)


def files_text() -> str:
    """Return the page of the keys of each kind of file."""
    parts = [
        "The keys of the YAML files below `experiments/`. Editors complete and check them by the JSON schemas in "
        "`experiments/schema/`. Files are read as YAML 1.2: `yes`, `on` and `1:40` are texts."
    ]
    for title, models in FILES.items():
        parts.append(f"## {title}")
        for model in models:
            parts += [*([] if model is models[0] else [f"### {_words(model.__name__).capitalize()}"]), _summary(model)]
            parts.append(table(HEADER, rows(model)))
    return page("Files of experiments, profiles and searches", *parts)


def rows(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str, str, str, str]]:
    """Yield a row for each field of a schema.

    Args:
        model: The schema.
        prefix: Text before each name.
    """
    schema = model.model_json_schema()
    for name, field in model.model_fields.items():
        found = schema["properties"][name]
        mark = " †" if Trait.ADDED in field.metadata else ""
        default = "required" if field.is_required() else _default(found)
        meaning = found.get("description") or _of_its_own(field.annotation)
        values = values_text(found, schema.get("$defs", {}))
        yield code(prefix + name) + mark, values, default, meaning, release_of(model, name)


def values_text(schema: JsonSchema, definitions: JsonSchema) -> str:
    """Return the values that a field may have, in words.

    >>> values_text({"type": "integer", "minimum": 1, "maximum": 100}, {})
    'whole number, 1 to 100'
    >>> values_text({"type": "number", "exclusiveMinimum": 0.0, "exclusiveMaximum": 1.0}, {})
    'number, above 0 and below 1'
    """
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        found = definitions[name]
        return values_text(found, definitions) if found.get("type") != "object" else f"mapping: {_words(name)}"
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return " or ".join(dict.fromkeys(values_text(option, definitions) for option in options))
    if "const" in schema or "enum" in schema:
        return ", ".join(map(_value, schema.get("enum", [schema.get("const")])))
    kind = schema.get("type")
    if kind == "null":
        return "empty"
    if kind == "array":
        return _list(schema, definitions)
    if kind == "object":
        return "mapping"
    return KINDS.get(str(kind), "any value") + _bounds(schema)


def _list(schema: JsonSchema, definitions: JsonSchema) -> str:
    pair = schema.get("prefixItems")
    kinds = dict.fromkeys(values_text(item, definitions) for item in pair or [schema.get("items", {})])
    return f"{'pair' if pair else 'list'} of: {', '.join(kinds)}"


def _bounds(schema: JsonSchema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f", {_number(low)} to {_number(high)}"
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    bounds = [f"{word} {_number(schema[name])}" for name, word in words.items() if name in schema]
    return f", {' and '.join(bounds)}" if bounds else ""


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) and abs(value) < 1e12 else f"{value:g}"


def _default(schema: JsonSchema) -> str:
    default = schema.get("default")
    if isinstance(default, dict):
        return "its own"
    return "empty" if default in (None, [], ()) else _value(default)


def _value(value: object) -> str:
    return code({True: "true", False: "false"}[value] if isinstance(value, bool) else value)


def _method(name: str, model: type[BaseModel]) -> list[str]:
    return [f"## `method` of `{name}`", _summary(model), table(HEADER, rows(model, "method."))]


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").partition("\n\n")[0].replace("``", "`")


def _of_its_own(annotation: Any) -> str:
    """Return the meaning of a field that has no description: that of the schema which it holds."""
    models = models_in(annotation)
    return _summary(models[0]) if models else "The kind of this mapping."


def _words(name: str) -> str:
    """Return the name of a schema in words.

    >>> _words("EarlyStoppingConfig")
    'early stopping'
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("Config")).lower()
