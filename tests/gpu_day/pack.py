"""Prepare a GPU day at home: wheels that the GPU machine lacks, photographs, and what they are to be there.

`make gpu-day-pack` makes ``.gpu-day/pack``; with ``--all`` also ``.gpu-day/part-1`` and so on, with Ray, MLflow and
what they need, for the sweep on the GPU. Reaches a package index, as `make setup` does.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

from parcels import make_parcels

from ftlab.assembly.images import load_images
from ftlab.config.home import Home
from ftlab.config.sections.data_section import DataConfig
from ftlab.machine.facts import collect_provenance

ROOT = Path(__file__).parents[2]
LOCKS = (ROOT / "requirements.lock", ROOT / "tests/benchmarks/requirements.lock")
PLATFORM = "x86_64-manylinux_2_28"
WHEEL_PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014", "manylinux1")

# What training and its tests need beside torch, and the peer of the step's benchmark.
TRAINING = ("pydantic", "pyyaml", "pytest", "pytest-timeout", "lightly")
# A machine for deep learning has these with all they need; --have names what another one has.
THERE = ("torch", "torchvision", "numpy", "pandas", "scikit-learn", "scipy")
# Carried in any case: other versions decode other pixels, or are too old for pydantic.
ALWAYS = ("pillow", "typing-extensions")
WITHOUT_WHEEL = ("antlr4-python3-runtime",)
PAGES = ("dash", "optuna-dashboard")  # no sweep needs them

PART_BYTES = 55_000_000
PACK_BYTES = 58_000_000
ARCHIVE = "photographs.tar"
IMAGE_SIZE = 32  # of the profile that the study trains at


def main() -> None:
    """Make the parcels, and say what they weigh."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / ".gpu-day")
    parser.add_argument("--photographs", type=Path, help="archive or folder with train/<class>/* and test/<class>/*")
    parser.add_argument("--python", default="3.12", help="version of Python of the GPU machine")
    parser.add_argument("--have", type=Path, help="packages of the GPU machine, as `pip freeze` lists them there")
    parser.add_argument("--all", action="store_true", help="also Ray, MLflow and what they need, in parts")
    arguments = parser.parse_args()
    if arguments.output.exists():
        shutil.rmtree(arguments.output)
    there = names_in(arguments.have.read_text()) if arguments.have else set(resolve(THERE, arguments.python))
    training = missing(TRAINING, there, arguments.python)
    with TemporaryDirectory() as temporary:
        wheels = download(training, arguments.python, Path(temporary) / "pack")
        about: dict[str, object] = {"commit": commit()}
        if arguments.photographs:
            archive, about["photographs"] = photographs(arguments.photographs, Path(temporary))
            wheels.append(archive)
        pack, *others = make_parcels(wheels, PACK_BYTES, arguments.output, arguments.python)
        if others:
            sys.exit(
                f"error: pack and photographs must weigh at most {PACK_BYTES / 1e6:.0f} MB; take fewer photographs."
            )
        pack = pack.rename(arguments.output / "pack")
        (pack / "about.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        folders = [pack]
        if arguments.all:
            more = {
                name: pin for name, pin in missing(runtime(), there, arguments.python).items() if name not in training
            }
            files = download(more, arguments.python, Path(temporary) / "all")
            folders += make_parcels(files, PART_BYTES, arguments.output, arguments.python)
    for folder in folders:
        print(f"{folder}: {weight(folder) / 1e6:.1f} MB")
    print(f"the checkout weighs {weight_of_checkout() / 1e6:.1f} MB more")


def runtime() -> tuple[str, ...]:
    """Return the packages that a sweep needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [re.split(r"[\[=<>~! ]", dependency)[0] for dependency in project["dependencies"]]
    return tuple(name for name in needed if name not in PAGES)


def missing(roots: tuple[str, ...], there: set[str], python: str) -> dict[str, str]:
    """Return the pinned packages, by name, that some packages need and the GPU machine has not."""
    found = resolve((*roots, *ALWAYS), python)
    return {name: pin for name, pin in found.items() if name in ALWAYS or name not in there}


def resolve(roots: tuple[str, ...], python: str) -> dict[str, str]:
    """Return ``name==version`` by name, of packages and all that they need, at the versions of the project's locks."""
    command = ["uv", "pip", "compile", "-", "--quiet", "--no-header", "--no-annotate", "--no-emit-index-url"]
    command += ["--python-version", python, "--python-platform", PLATFORM]
    for lock in LOCKS:
        command += ["--constraint", str(lock)]
    done = subprocess.run(
        [Path(sys.executable).parent / command[0], *command[1:]], input="\n".join(roots), capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(
            f"error: the packages of the locks must resolve for Python {python}, but uv said: {done.stderr.strip()}"
        )
    pins = [line.split(";")[0].strip() for line in done.stdout.splitlines() if "==" in line]
    return {canonical(pin.split("==")[0]): pin for pin in pins}


def names_in(freeze: str) -> set[str]:
    """Return the names in a list of ``name==version`` lines."""
    return {canonical(re.split(r"[=@ ]", line)[0]) for line in freeze.splitlines() if line.strip()}


def canonical(name: str) -> str:
    """Return a package's name as indexes spell it.

    >>> canonical("Typing_Extensions[all]")
    'typing-extensions'
    """
    return re.sub(r"[-_.]+", "-", name.partition("[")[0]).lower()


def download(pins: dict[str, str], python: str, target: Path) -> list[Path]:
    """Download the wheels; build those that no index has."""
    pip = [sys.executable, "-m", "pip"]
    options = ["--quiet", "--disable-pip-version-check", "--no-deps"]
    platforms = [option for name in WHEEL_PLATFORMS for option in ("--platform", f"{name}_x86_64")]
    only = ["--only-binary=:all:", "--implementation", "cp", "--python-version", python, *platforms]
    built = [pin for name, pin in pins.items() if name in WITHOUT_WHEEL]
    found = [pin for name, pin in pins.items() if name not in WITHOUT_WHEEL]
    subprocess.run([*pip, "download", *options, *only, "--dest", target, *found], check=True)
    if built:
        subprocess.run([*pip, "wheel", *options, "--wheel-dir", target, *built], check=True)
    return sorted(target.glob("*.whl"))


def photographs(source: Path, folder: Path) -> tuple[Path, dict[str, object]]:
    """Return an archive of the photographs, and what they must be where they are unpacked."""
    unpacked = folder / "photographs"
    if source.is_dir():
        shutil.copytree(source, unpacked / source.name)
        archive = folder / f"{ARCHIVE}.xz"
        with tarfile.open(archive, "w:xz") as packed:
            packed.add(source, arcname=source.name)
    else:
        archive = folder / (ARCHIVE + "".join(source.suffixes[-1:]))
        shutil.copyfile(source, archive)
        with tarfile.open(source) as packed:
            packed.extractall(unpacked, filter="data")
    roots = [
        path.parent for path in sorted(unpacked.rglob("train")) if path.is_dir() and (path.parent / "test").is_dir()
    ]
    if not roots:
        sys.exit(f"error: photographs must lie in train/<class>/ and test/<class>/, but {source} has no such folders.")
    data = DataConfig(name="folder", root=str(roots[0]), image_size=IMAGE_SIZE)
    fingerprint = load_images(data, Home(str(folder / "home"))).fingerprint
    root = str(roots[0].relative_to(unpacked))
    return archive, {"archive": archive.name, "root": root, "fingerprint": fingerprint}


def commit() -> str:
    """Return what identifies the checkout; a copy of it without a repository cannot tell."""
    facts = collect_provenance()
    return facts["git.commit"] + ("-dirty" if facts["git.dirty"] == "true" else "")


def weight(folder: Path) -> int:
    """Return the bytes of the files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def weight_of_checkout() -> int:
    """Return the bytes of the files that git tracks."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
    return sum((ROOT / name).stat().st_size for name in listed.split("\0") if name and (ROOT / name).is_file())


if __name__ == "__main__":
    main()
