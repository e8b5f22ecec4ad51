"""The command ``doctor``, which looks for anything that would stop a sweep."""

import json
from collections import Counter
from typing import Annotated

import typer
from rich.text import Text

from ftlab.cli.options import Profile
from ftlab.doctor.checkup import check_up
from ftlab.doctor.finding import Finding, Level
from ftlab.doctor.surroundings import find_surroundings
from ftlab.terminal.console import console, say

app = typer.Typer()

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")]

_COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.FAULT: "bold red"}
_NAME_WIDTH = 15


@app.command()
def doctor(profile: Profile = "digits", as_json: AsJson = False) -> None:
    """Check this installation: versions, device, disks, clock, data of a profile, tracking store and Ray.

    Each check prints one line, and each fault the remedy below it. The exit status is 1 if there is a fault; a warning
    stops no sweep. The command creates and changes nothing.
    """
    levels = Counter[Level]()
    findings = {}
    for name, finding in check_up(find_surroundings(profile)):
        levels[finding.level] += 1
        findings[name] = finding
        if not as_json:
            _print_line(name, finding)
    if as_json:
        console.print(_document(findings), markup=False, highlight=False, soft_wrap=True)
    else:
        say(f"{levels[Level.OK]} ok, {levels[Level.WARNING]} warnings, {levels[Level.FAULT]} faults")
    raise typer.Exit(1 if levels[Level.FAULT] else 0)


def _print_line(name: str, finding: Finding) -> None:
    line = Text.assemble((f"{finding.level:8}", _COLOURS[finding.level]), f"{name:{_NAME_WIDTH}}", finding.message)
    console.print(line, highlight=False, soft_wrap=True)
    if finding.fix:
        say(f"{'':8}{'':{_NAME_WIDTH}}to do: {finding.fix}")


def _document(findings: dict[str, Finding]) -> str:
    checks = [
        {
            "check": name,
            "level": str(finding.level),
            "message": finding.message,
            "fix": finding.fix,
        }
        for name, finding in findings.items()
    ]
    return json.dumps({"checks": checks}, indent=2)
