"""Read experiments and profiles from YAML, apply dotted overrides, and name the errors in them."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from ftlab.config.experiment import ExperimentConfig, ProfileConfig
from ftlab.config.names import check_name
from ftlab.config.search import SearchConfig
from ftlab.config.section import models_in
from ftlab.config.sections.method_choice import method_name
from ftlab.config.setting import Setting, Trait
from ftlab.config.trial import TrialConfig, method_sections, setting_fields, settings_with
from ftlab.config.weights_file import WeightsConfig
from ftlab.config.yaml_text import Document, Location, parse_yaml, read_yaml
from ftlab.errors import ConfigError, nearest

RELATIVE = re.compile(r"(\d+(?:\.\d+)?)x")
UNION_BRANCH = re.compile(r"[-\[]")

ModelT = TypeVar("ModelT", bound=BaseModel)


def experiments_folder() -> Path:
    """Return the folder of experiment files: ``FTLAB_EXPERIMENTS``, else that of a project here, else ftlab's own.

    A project is here if the working folder has ``experiments/profiles/``, as `ftlab init` writes it.
    """
    configured = os.environ.get("FTLAB_EXPERIMENTS")
    if configured:
        return Path(configured)
    own = Path.cwd() / "experiments"
    return own if (own / "profiles").is_dir() else shipped_experiments()


def shipped_experiments() -> Path:
    """Return the folder of ftlab's own experiment files: that of the wheel, else the checkout's."""
    package = Path(__file__).parents[1]
    in_wheel = package / "experiments"
    return in_wheel if in_wheel.is_dir() else package.parents[1] / "experiments"


def load_experiment(name: str) -> ExperimentConfig:
    """Load ``experiments/<name>.yaml``.

    Raises:
        ConfigError: No such experiment (the nearest is named), it is a search, or the file breaks the schema.
    """
    file = _read("experiment", name, experiments_folder())
    if "space" in file.content:
        raise ConfigError(f"{file.path} must be an experiment, but is a search; run it with: make search EXP={name}")
    return _validate(ExperimentConfig, file.content, file.place).written_in(file)


def load_search(name: str) -> SearchConfig:
    """Load the search in ``experiments/<name>.yaml``.

    Raises:
        ConfigError: No such search (the nearest is named), it is an experiment, or the file breaks the schema.
    """
    file = _read("search", name, experiments_folder())
    if "space" not in file.content and {"cells", "grid"} & set(file.content):
        raise ConfigError(f"{file.path} must be a search, but is an experiment; run it with: make sweep EXP={name}")
    return _validate(SearchConfig, file.content, file.place)


def load_profile(name: str) -> ProfileConfig:
    """Load ``experiments/profiles/<name>.yaml``.

    Raises:
        ConfigError: No such profile (the nearest is named), or the file or a trial in it breaks the schema.
    """
    file = _read("profile", name, experiments_folder() / "profiles")
    profile = _validate(ProfileConfig, file.content, file.place)
    _validate(TrialConfig, profile.trial, file.place, within=("trial",))
    for method in profile.methods:
        _check_method(profile, method, file)
    return profile


def parse_overrides(assignments: Sequence[str]) -> dict[str, Setting]:
    """Turn ``["train.epochs=5"]`` into ``{"train.epochs": 5}``; values are read as YAML, those of paths literally.

    Raises:
        ConfigError: An assignment has no ``=``, is no YAML, or names a setting that another one sets too.

    >>> parse_overrides(["train.epochs=5", "transform.lambda_extrapolation=[1, 1.5]"])
    {'train.epochs': 5, 'transform.lambda_extrapolation': [1, 1.5]}
    """
    overrides: dict[str, Setting] = {}
    for assignment in assignments:
        name, separator, value = assignment.partition("=")
        if not separator or not name:
            raise ConfigError(f"an override must read name=value, but got {assignment!r}; e.g. train.epochs=5.")
        if name in overrides:
            raise ConfigError(
                f"a setting must be overridden once, but {name!r} is twice: {assignment!r} is the second."
            )
        overrides[name] = (value or None) if name in settings_with(Trait.PATH) else _parse_value(assignment, value)
    return overrides


def check_weights_file(content: Mapping[str, Any]) -> WeightsConfig:
    """Return weights made elsewhere from their settings, as a command line gives them.

    Raises:
        ConfigError: A setting is unknown, or its value breaks a rule.
    """
    return _validate(WeightsConfig, content, lambda _: "weights")


def resolve_trial(
    profile: ProfileConfig, settings: Mapping[str, Setting], place: Callable[[str], str] = lambda _: "settings"
) -> TrialConfig:
    """Lay settings by dotted name over a profile and check the result.

    The settings that the profile has for the trial's method lie between both.

    Args:
        profile: The scale of the run.
        settings: Values by dotted name, e.g. ``{"method.key_momentum": 0.9}``. A text like ``2x`` multiplies the
            profile's number, or the default, so that an experiment means the same at every scale.
        place: Returns the place where a setting is written, for messages, by its dotted name.

    Raises:
        ConfigError: A name is unknown (the nearest is named) or a value breaks a rule.
    """
    values: dict[str, Any] = {section: dict(content) for section, content in profile.trial.items()}
    own = method_name(values.get("method", {}))
    method = settings.get("method.name", own)
    if method != own:
        # What the profile says of its own method means nothing to another.
        values.pop("method", None)
    defaults = _defaults(str(method))
    for name, value in (*profile.methods.get(str(method), {}).items(), *settings.items()):
        check_setting_name(name, place(name))
        section, _, key = name.partition(".")
        content, last = (values.setdefault(section, {}), key) if key else (values, name)
        content[last] = _scale(name, value, content.get(last, defaults.get(name, setting_fields()[name].default)))
    sections = {name: _checked_section(name, content) for name, content in values.items()}
    return _validate(TrialConfig, sections, lambda location: place(".".join(map(str, location[:2]))))


def _checked_section(name: str, content: Any) -> Any:
    """Return a section of a trial, checked by itself once for the many trials that have the same; else its content."""
    try:
        return _section(name, to_json(content, inf_nan_mode="constants")) if isinstance(content, dict) else content
    except (KeyError, TypeError, ValueError):  # the check of the whole trial names what is wrong, and where
        return content


@lru_cache(maxsize=1_000)
def _section(name: str, content: bytes) -> Any:
    return _adapters()[name].validate_python(from_json(content))


@cache
def _adapters() -> Mapping[str, TypeAdapter[Any]]:
    return {name: TypeAdapter(kind) for name, kind in get_type_hints(TrialConfig, include_extras=True).items()}


def check_setting_name(name: str, place: str = "settings") -> None:
    """Raise a `ConfigError` that names the nearest setting unless ``name`` is the dotted name of one."""
    if name not in setting_fields():
        raise ConfigError(f"{place}: a setting must be known, but got {name!r}.{nearest(name, setting_fields())}")


def flatten(config: TrialConfig) -> dict[str, Setting]:
    """Return every setting of a trial by dotted name."""
    flat: dict[str, Setting] = {}
    for section, content in config.model_dump(mode="json").items():
        if isinstance(content, dict):
            flat.update({f"{section}.{key}": value for key, value in content.items()})
        else:
            flat[section] = content
    return flat


def _check_method(profile: ProfileConfig, method: str, file: Document) -> None:
    """Check the settings that a profile has for a method, alone and over those of all trials."""
    if method not in method_sections():
        place = file.place(("methods", method))
        raise ConfigError(f"{place}: a method must be known, but got {method!r}.{nearest(method, method_sections())}")
    for name in profile.methods[method]:
        if name in ("method.name", "seed") or name.startswith("data."):
            raise ConfigError(
                f"{file.place(('methods', method, name))}: settings for a method must leave its name, the seed and "
                f"the data alone, but got {name!r}; remove it there."
            )
    resolve_trial(profile, {"method.name": method}, lambda name: file.place(("methods", method, name)))


@cache
def _defaults(method: str) -> Mapping[str, Setting]:
    """Return the default of every setting of a trial by dotted name, with those of its method."""
    fields = method_sections()[method].model_fields.items() if method in method_sections() else ()
    return {**flatten(TrialConfig()), **{f"method.{key}": field.default for key, field in fields}}


def _scale(name: str, value: Setting, profile_value: Any) -> Setting:
    factor = RELATIVE.fullmatch(value) if isinstance(value, str) else None
    if factor is None or name in settings_with(Trait.PATH):
        return value
    if isinstance(profile_value, bool) or not isinstance(profile_value, int | float):
        raise ConfigError(f"{name}={value} multiplies the profile's number, but the profile gives {profile_value!r}.")
    scaled = float(factor[1]) * profile_value
    return round(scaled) if isinstance(profile_value, int) and scaled.is_integer() else scaled


def _parse_value(assignment: str, value: str) -> Setting:
    try:
        return parse_yaml(value, "the value")  # type: ignore[no-any-return] # the schema of the setting checks it
    except ConfigError as error:
        raise ConfigError(f"the value of an override must be YAML, but got {assignment!r}: {error}") from error


def _read(kind: str, name: str, folder: Path) -> Document:
    check_name(kind, name)
    path = folder / f"{name}.yaml"
    if not path.is_file():
        if (other := path.with_suffix(".yml")).is_file():
            raise ConfigError(f"{kind} must be a file that ends in .yaml, but got {other}; rename it to {path.name}.")
        known = [file.stem for file in folder.glob("*.yaml")]
        raise ConfigError(f"{kind} must be a file in {folder}, but got {name!r}.{nearest(name, known)}")
    file = read_yaml(path)
    if not isinstance(file.content, dict):
        raise ConfigError(f"{path} must hold a mapping, but got {type(file.content).__name__}.")
    return file


def _validate(
    model: type[ModelT], content: Mapping[str, Any], place: Callable[[Location], str], within: Location = ()
) -> ModelT:
    """Return the content as a schema.

    Args:
        model: The schema.
        content: The content.
        place: Returns the place of a part of it, for messages, by its keys and indexes.
        within: Keys that lead to the content from the place's root.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = dict.fromkeys(_explain(model, problem, place, within) for problem in error.errors())
        raise ConfigError("\n".join(lines)) from error


def _explain(
    model: type[BaseModel], problem: Mapping[str, Any], place: Callable[[Location], str], within: Location
) -> str:
    # pydantic appends the branch of a union, e.g. constrained-float; no key of ours looks like that.
    spelled, models = _walk(model, problem["loc"][:-1])
    # The last part is a key, whatever its name.
    parts = [part for part in (*within, *spelled, *problem["loc"][-1:]) if not UNION_BRANCH.search(str(part))]
    location = ".".join(map(str, parts))
    return f"{place(tuple(parts))}: {_message(problem, location, models)}"


def _message(problem: Mapping[str, Any], location: str, models: Sequence[type[BaseModel]]) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        known = list(dict.fromkeys(key for kind in models for key in kind.model_fields))
        return f"{location} is not a known key.{nearest(str(problem['loc'][-1]), known)}"
    if problem["type"] == "union_tag_invalid":
        tag, choices = problem["ctx"]["tag"], re.findall(r"'([^']*)'", problem["ctx"]["expected_tags"])
        return (
            f"{location}.{problem['ctx']['discriminator'][1:-1]} must be known, but got {tag!r}.{nearest(tag, choices)}"
        )
    if problem["type"] == "value_error" and message.startswith("must "):
        return f"{location} {message}"
    if problem["type"] in ("value_error", "missing"):
        return f"{location}: {message}" if location else message
    return f"{location}: {message}, but got {problem['input']!r}."


def _walk(model: type[BaseModel], location: Sequence[int | str]) -> tuple[list[int | str], list[type[BaseModel]]]:
    """Return a location without the tags of unions, as a user spells it, and the schemas that lie there."""
    spelled: list[int | str] = []
    models = [model]
    for part in location:
        # A union's branch is named by its tag; everything else that is no field is a key or an index.
        tagged = [kind for kind in models if part in _tags(kind)]
        if len(models) > 1 and tagged:
            models = tagged
            continue
        spelled.append(part)
        fields = [kind.model_fields[str(part)].annotation for kind in models if str(part) in kind.model_fields]
        models = [nested for annotation in fields for nested in models_in(annotation)] or models
    return spelled, models


def _tags(model: type[BaseModel]) -> tuple[object, ...]:
    tag = model.model_fields.get("kind") or model.model_fields.get("name")
    return get_args(tag.annotation) if tag else ()
