from importlib import import_module
from pathlib import Path

from typer.main import get_command, get_group

from ftlab import cli
from ftlab.cli.command_line import app


def test_every_command_of_every_file_is_found_by_its_name() -> None:
    files = sorted(path.stem for path in Path(cli.__file__).parent.glob("*_command.py"))
    assert len(files) > 10
    written = {name for file in files for name in get_group(import_module(f"ftlab.cli.{file}").app).commands}
    commands = get_command(app)
    context = commands.make_context("ftlab", ["doctor"])
    assert set(commands.list_commands(context)) == written  # type: ignore[attr-defined]
    assert {commands.get_command(context, name).name for name in written} == written  # type: ignore[attr-defined]
    assert commands.get_command(context, "docter") is None  # type: ignore[attr-defined]
