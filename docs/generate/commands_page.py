"""The reference of commands: their arguments, options and exit statuses, and the targets of the Makefile."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from markdown_text import code, page, table
from typer import Context
from typer.main import get_command

from ftlab.cli.command_line import app
from ftlab.terminal.console import INTERRUPTED

MAKEFILE = Path(__file__).parents[2] / "Makefile"
STATUSES = (
    ("0", "Done. A collapse is a result, not an error."),
    ("1", "Something is wrong that a message names: a setting, a file, a store, a trial that failed, a difference."),
    ("2", "The command line is wrong: an unknown command or option, or a value that an option does not take."),
    (str(INTERRUPTED), "Stopped by Ctrl-C, a scheduler or a closed terminal; the same command goes on."),
)
WORDS = {int: "N", float: "NUMBER", Path: "PATH", list[Path]: "PATH ..."}
# Beside the general ones.
OWN_STATUSES = {
    "sweep": "1: a trial failed, or the tracking store did not take a record or a file; the same command tries again.",
    "search": "1: the tracking store did not take a record or a file; the next search brings it.",
    "verify": "1: a file differs from what the store says, or is missing.",
    "doctor": "1: a check found a fault.",
    "import-journal": "1: a record was not taken.",
}


def commands_text() -> str:
    """Return the page of every command with its options."""
    parts = [
        "`make` targets call `ftlab`, which installs as a command and runs as `python -m ftlab` too. In a checkout it "
        "is `.venv/bin/ftlab`; a project of your own has it in its environment. `--help` after a command prints what "
        "stands here; `ftlab --version` prints the versions of ftlab, its numerics and Python.",
        "## Exit statuses",
        table(("status", "meaning"), STATUSES),
    ]
    for name, command in commands().items():
        parts += [f"## `ftlab {name}`", command.help or "", f"    {_usage(name, command)}"]
        parts.append(table(("argument or option", "value", "default", "what it is"), _rows(command)))
        if name in OWN_STATUSES:
            parts.append(f"Exit status {OWN_STATUSES[name]}")
    parts += ["## Targets of the Makefile", table(("target", "what it does"), targets())]
    return page("Commands", *parts)


def commands() -> dict[str, Any]:
    """Return the commands by name, in the order of the help."""
    group: Any = get_command(app)
    context = Context(group)
    return {name: group.get_command(context, name) for name in group.list_commands(context)}


def targets() -> Iterator[tuple[str, str]]:
    """Yield each target of the Makefile with its comment."""
    for name, text in re.findall(r"^([a-z-]+):.*?## (.*)$", MAKEFILE.read_text("utf-8"), re.MULTILINE):
        yield code(f"make {name}"), text


def _usage(name: str, command: Any) -> str:
    arguments = [each.name.upper() for each in command.params if each.param_type_name == "argument"]
    options = ["[OPTIONS]"] if any(each.param_type_name == "option" for each in command.params) else []
    return " ".join(["ftlab", name, *options, *arguments])


def _rows(command: Any) -> Iterator[tuple[str, str, str, str]]:
    for each in command.params:
        if each.param_type_name == "argument":
            yield code(each.name.upper()), _kind(each), _default(each), each.help or ""
        else:
            names = ", ".join(map(code, [*each.opts, *each.secondary_opts]))
            yield names, "" if each.is_flag else _kind(each), _default(each), each.help or ""


def _kind(parameter: Any) -> str:
    kind = parameter.type_descriptor.annotation
    if get_origin(kind) is Literal:
        return ", ".join(map(code, get_args(kind)))
    words = parameter.metavar or WORDS.get(kind, "TEXT")
    bounds = f", {parameter.min:,} to {parameter.max:,}" if None not in (parameter.min, parameter.max) else ""
    return code(words) + bounds


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    default = parameter.default
    if parameter.param_type_name == "option" and parameter.is_flag:
        chosen = parameter.opts if default else parameter.secondary_opts
        return code(chosen[0]) if chosen else "off"
    return "" if default is None else code(default)
