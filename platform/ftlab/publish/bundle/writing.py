"""Write a bundle as a folder, and pack it into one file; the same bundle gives the same bytes."""

import gzip
import tarfile
from collections.abc import Callable, Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from ftlab.errors import ConfigError, ResultsError, nearest
from ftlab.publish.results_folder import load_provenance
from ftlab.storage.atomic import write_if_changed

CHECKSUMS = "SHA256SUMS"
# With the time of day, the bytes of two archives of one bundle would differ.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
FILE_MODE = 0o644
OTHER = "choose another folder: --output."


def checksums(files: Mapping[str, bytes]) -> bytes:
    """Return a file for ``sha256sum -c``."""
    return "".join(f"{sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)).encode()


def write_bundle(files: Mapping[str, bytes], folder: Path, study: str) -> None:
    """Write a bundle in place of an older one of the same study; files that a user added stay.

    Args:
        files: Content by path below the folder; must hold the checksums.
        folder: Created when missing.
        study: Name of the study.

    Raises:
        ResultsError: The folder holds something else, or a link in it leads out of it.
    """
    for name in _written_before(folder, study):
        if name not in files and _is_within(folder, folder / name):
            (folder / name).unlink(missing_ok=True)
    outside = [name for name in files if not _is_within(folder, folder / name)]
    if outside:
        raise ResultsError(f"a bundle must lie in its folder, but {folder / outside[0]} leads out of it; {OTHER}")
    for name, content in files.items():
        write_if_changed(folder / name, content)


def check_archive(ending: str) -> None:
    """Check that an archive may have that ending.

    Raises:
        ConfigError: It may not; the nearest ending is named.
    """
    if ending not in ARCHIVES:
        raise ConfigError(f"--archive must be a kind of archive, but got {ending!r}.{nearest(ending, ARCHIVES)}")


def archive_bundle(files: Mapping[str, bytes], folder: Path, ending: str) -> Path:
    """Pack a bundle into one file beside its folder, with the folder's name inside.

    Args:
        files: Content by path below the folder.
        folder: Folder of the bundle.
        ending: ``zip`` or ``tar.gz``.
    """
    path = folder.with_name(f"{folder.name}.{ending}")
    write_if_changed(path, ARCHIVES[ending]({f"{folder.name}/{name}": files[name] for name in sorted(files)}))
    return path


def _written_before(folder: Path, study: str) -> list[str]:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return []
    try:
        found = load_provenance(folder).origin.study
        listed = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except (ResultsError, OSError) as error:
        raise ResultsError(f"a bundle must not overwrite anything else, but {folder} is not empty; {OTHER}") from error
    if found != study:
        raise ResultsError(f"a bundle of {study} must not overwrite that of {found}, but got {folder}; {OTHER}")
    return [line.partition("  ")[2] for line in listed]


def _is_within(folder: Path, path: Path) -> bool:
    """Return whether a file lies in the folder when links on its path are followed; a link in its place is replaced."""
    return path.parent.resolve().is_relative_to(folder.resolve()) and ".." not in path.relative_to(folder).parts


def _zip(files: Mapping[str, bytes]) -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = ZipInfo(name, ZIP_TIME)
            entry.compress_type, entry.external_attr = ZIP_DEFLATED, FILE_MODE << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def _tar(files: Mapping[str, bytes]) -> bytes:
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), FILE_MODE
            archive.addfile(entry, BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0)


ARCHIVES: Mapping[str, Callable[[Mapping[str, bytes]], bytes]] = {"zip": _zip, "tar.gz": _tar}
