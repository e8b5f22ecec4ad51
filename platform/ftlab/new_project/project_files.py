"""The files of a new project: copies of the shipped experiments, and a package with an example of a method."""

import re
import shutil
import sys
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

from ftlab.config.loading import shipped_experiments
from ftlab.errors import ConfigError

TEMPLATE = Path(__file__).parent / "template"
PACKAGE = "own_package"  # its name in the template
ENVIRONMENT = "environment.mk"


def write_project(folder: Path) -> str:
    """Write a project into a folder that is new or empty, and return the name of its package.

    Args:
        folder: Its last part, with ``_`` for what no name may hold, becomes the name of the package.

    Raises:
        ConfigError: The folder holds something, or the name is that of a module that is there already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"a project needs a folder that is new or empty, but {folder} is not.")
    name = _package_name(folder.resolve().name)
    shutil.copytree(shipped_experiments(), folder / "experiments")
    for source in sorted(TEMPLATE.rglob("*")):
        if source.is_file() and "__pycache__" not in source.parts:
            target = folder / source.relative_to(TEMPLATE).as_posix().replace(PACKAGE, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source.read_text(encoding="utf-8").replace(PACKAGE, name), encoding="utf-8")
    (folder / ENVIRONMENT).write_text(f"PYTHON ?= {sys.executable}\n", encoding="utf-8")
    return name


def _package_name(folder_name: str) -> str:
    name = re.sub(r"\W+", "_", folder_name).lower()
    problem = _problem(name)
    if problem:
        raise ConfigError(
            f"the last part of a project's path names its package, so it must be a new name of a Python module, but "
            f"{folder_name!r} makes {name!r}, which {problem}; e.g. {'my_' + name.lstrip('_')}."
        )
    return name


def _problem(name: str) -> str:
    if not name.isidentifier() or iskeyword(name):
        return "is none"
    return "is there already" if find_spec(name) else ""
