"""Copies of packages as an installer would leave them: sources, and the information on them beside."""

import shutil
from pathlib import Path

PACKAGE = Path(__file__).parent / "elsewhere"


def write_information(folder: Path, name: str, version: str, entry_points: str) -> None:
    """Write what an installer writes beside a package, in the place of what it wrote before.

    Args:
        folder: Folder on the path of modules.
        name: Name of the distribution.
        version: Its version.
        entry_points: Content of entry_points.txt.
    """
    for old in folder.glob("*.dist-info"):
        shutil.rmtree(old)
    information = folder / f"{name}-{version}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (information / "entry_points.txt").write_text(entry_points)


def install_elsewhere(folder: Path, version: str = "1.0") -> None:
    """Install the package of this folder, or another version of it with the code that is there."""
    if not (folder / "elsewhere").exists():
        shutil.copytree(PACKAGE, folder / "elsewhere", ignore=shutil.ignore_patterns("__pycache__"))
    write_information(folder, "elsewhere", version, (PACKAGE.parent / "entry_points.txt").read_text())
