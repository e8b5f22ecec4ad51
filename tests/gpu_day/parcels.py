"""Parcels: what a machine without a network lacks, in folders small enough to be sent there one at a time.

Needs Python alone. A file that is larger than a parcel goes in pieces; each parcel says what its pieces are pieces of.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

MANIFEST = "parcel.json"
THIS_PYTHON = "{}.{}".format(*sys.version_info)


class ParcelError(Exception):
    """A parcel is damaged or does not fit this machine."""


@dataclass(frozen=True)
class Whole:
    """A file that travels.

    Attributes:
        name: Its name: a wheel, or an archive of images.
        pieces: Names of its pieces in order.
        digest: SHA-256 of its content.
    """

    name: str
    pieces: tuple[str, ...]
    digest: str


@dataclass(frozen=True)
class Parcel:
    """The contents of a folder.

    Attributes:
        python: Version of Python that the wheels are for, e.g. ``3.12``.
        wholes: The files that the pieces of this folder and of its fellows make up.
        digests: SHA-256 of each piece in this folder.
    """

    python: str
    wholes: tuple[Whole, ...]
    digests: dict[str, str]


def write_parcel(folder: Path, parcel: Parcel) -> None:
    """Write the contents of a folder beside its pieces."""
    (folder / MANIFEST).write_text(json.dumps(asdict(parcel), indent=1) + "\n", encoding="utf-8")


def read_parcel(folder: Path) -> Parcel:
    """Read the contents of a folder.

    Raises:
        ParcelError: It has none.
    """
    try:
        fields = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        wholes = tuple(Whole(each["name"], tuple(each["pieces"]), each["digest"]) for each in fields["wholes"])
        parcel = Parcel(fields["python"], wholes, dict(fields["digests"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ParcelError(
            f"a parcel must hold {MANIFEST} as `make gpu-day-pack` writes it, but {folder}: {error}"
        ) from error
    for name in (*parcel.digests, *(name for whole in wholes for name in (whole.name, *whole.pieces))):
        if Path(name).name != name:
            raise ParcelError(f"a piece must have a plain name, but got {name!r} in {folder}.")
    return parcel


class Store:
    """A store that puts the pieces of parcels together.

    Args:
        folder: Created when the first parcel comes.

    Attributes:
        site: Packages that were installed, for ``PYTHONPATH``.
    """

    def __init__(self, folder: Path) -> None:
        self._pieces = folder / "pieces"
        self.files = folder / "files"
        self.site = folder / f"site-{THIS_PYTHON}"

    def take(self, folder: Path) -> list[str]:
        """Take in a parcel; with the last of those that belong together, install the wheels.

        Returns:
            Names of the files of which pieces are still missing.

        Raises:
            ParcelError: A piece is damaged, or the wheels are for another Python or cannot be installed.
        """
        parcel = read_parcel(folder)
        if parcel.python != THIS_PYTHON:
            raise ParcelError(
                f"a parcel must be for this Python, {THIS_PYTHON}, but {folder} is for {parcel.python}; "
                f"make gpu-day-pack FOR={THIS_PYTHON} makes one."
            )
        for directory in (self._pieces, self.files):
            directory.mkdir(parents=True, exist_ok=True)
        for name, digest in parcel.digests.items():
            if _digest(folder / name) != digest:
                raise ParcelError(f"a piece must be what was packed, but {folder / name} was damaged; send it again.")
            shutil.copyfile(folder / name, self._pieces / name)
        missing = [whole.name for whole in parcel.wholes if not self._join(whole)]
        if not missing:
            self._install()
        return missing

    def _join(self, whole: Whole) -> bool:
        target = self.files / whole.name
        if target.exists():
            return True
        pieces = [self._pieces / name for name in whole.pieces]
        if not all(piece.exists() for piece in pieces):
            return False
        joined = target.with_suffix(".joining")
        with joined.open("wb") as file:
            for piece in pieces:
                file.write(piece.read_bytes())
                piece.unlink()
        if _digest(joined) != whole.digest:
            raise ParcelError(f"{whole.name} must be what was packed, but its pieces make up another file.")
        joined.rename(target)
        return True

    def _install(self) -> None:
        """Install all wheels at once, anew: pip replaces a folder that is there, also one that packages share."""
        wheels = sorted(self.files.glob("*.whl"))
        listing, names = self.site / ".wheels", "\n".join(path.name for path in wheels)
        if not wheels or (listing.exists() and listing.read_text() == names):
            return
        shutil.rmtree(self.site, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile"]
        command += ["--disable-pip-version-check", "--no-cache-dir", "--target", str(self.site)]
        done = subprocess.run([*command, *map(str, wheels)], capture_output=True, text=True)
        if done.returncode:
            raise ParcelError(f"the wheels must install, but pip said: {done.stderr.strip() or done.stdout.strip()}")
        listing.write_text(names)


def make_parcels(files: Iterable[Path], limit: int, target: Path, python: str) -> list[Path]:
    """Copy files into as few folders ``part-1``, ``part-2`` ... of a size as first-fit finds, large ones in pieces.

    Args:
        files: The files that travel.
        limit: Most bytes of a folder.
        target: Folder in which the folders are made.
        python: Version of Python that the wheels are for.

    Returns:
        The folders.
    """
    pieces = [piece for path in files for piece in _cut(path, limit)]
    bins: list[list[_Piece]] = []
    for piece in sorted(pieces, key=lambda piece: -piece.size):
        home = next((each for each in bins if sum(one.size for one in each) + piece.size <= limit), None)
        if home is None:
            bins.append([piece])
        else:
            home.append(piece)
    wholes = _wholes(pieces)
    return [_write(target / f"part-{number}", each, wholes, python) for number, each in enumerate(bins, 1)]


@dataclass(frozen=True)
class _Piece:
    path: Path
    number: int
    count: int
    start: int
    size: int

    @property
    def name(self) -> str:
        return self.path.name if self.count == 1 else f"{self.path.name}.{self.number}"

    def read(self) -> bytes:
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(self.size)


def _cut(path: Path, limit: int) -> list[_Piece]:
    size = path.stat().st_size
    count = -(-size // limit)
    each = -(-size // count)
    starts = range(0, size, each)
    return [_Piece(path, number, count, start, min(each, size - start)) for number, start in enumerate(starts)]


def _wholes(pieces: Sequence[_Piece]) -> tuple[Whole, ...]:
    paths = dict.fromkeys(piece.path for piece in pieces)
    return tuple(
        Whole(path.name, tuple(piece.name for piece in pieces if piece.path == path), _digest(path)) for path in paths
    )


def _write(folder: Path, pieces: Sequence[_Piece], wholes: tuple[Whole, ...], python: str) -> Path:
    folder.mkdir(parents=True)
    for piece in pieces:
        (folder / piece.name).write_bytes(piece.read())
    write_parcel(folder, Parcel(python, wholes, {piece.name: _digest(folder / piece.name) for piece in pieces}))
    return folder


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            digest = sha256()
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise ParcelError(f"every piece of a parcel must be there, but {path}: {error}") from error
    return digest.hexdigest()
