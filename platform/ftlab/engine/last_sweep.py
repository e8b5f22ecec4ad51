"""The end of a study's last sweep: the same command shows it again while all that it read and wrote is the same."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from sysconfig import get_paths

from pydantic import TypeAdapter

from ftlab.config.home import Home, ftlab_home
from ftlab.config.loading import experiments_folder
from ftlab.engine.exclusive import exclusive
from ftlab.errors import StorageError
from ftlab.publish.table_options import TableOptions
from ftlab.storage.atomic import require_writable
from ftlab.storage.digests import code_digest, files_digest
from ftlab.storage.local import LocalFolder
from ftlab.storage.location import is_uri
from ftlab.storage.sealed_json import Shape, load_sealed, sealed
from ftlab.study.fingerprint import check_data
from ftlab.study.identity import cell_key
from ftlab.study.spec import StudySpec
from ftlab.terminal.console import say
from ftlab.terminal.heard_warnings import HeardWarnings
from ftlab.terminal.phase import phase
from ftlab.terminal.table_listing import TableListing, print_listing
from ftlab.tracking.tracking_uri import store_file

# What a sweep with nothing to train reads below the home beside the images and the store: files of the store, the
# journal, the floors, and what studies keep of backbones and checkpoints.
READ = ("artifacts", "trials", "floors", "tables", "plans")
# What SQLite keeps beside its file where a process was killed.
BESIDE = ("", "-journal", "-wal")

_SHAPE: Shape = {"digest": str, "files": [str], "shown": str}


@dataclass(frozen=True)
class Shown:
    """The output of a sweep with nothing to train.

    Attributes:
        before: Lines above the table.
        listing: The table.
        after: Lines below it, each with the command or address that ends it.
    """

    before: tuple[str, ...]
    listing: TableListing
    after: tuple[tuple[str, str], ...]

    def print(self) -> None:
        """Print everything."""
        for line in self.before:
            say(line)
        print_listing(self.listing)
        for line, command in self.after:
            say(line, command)


class LastSweep:
    """Keeps what the last sweep of a study showed, with a digest of all that decides it.

    These are the study, the options, the images, the code and its libraries, the tracking store, the journal, and the
    files of the table. Nothing is kept where the records lie on a server or in an object store.

    Args:
        study: The study.
        options: Options of its table.
        folder: Folder of its table.
        home: Folder of everything ftlab keeps.

    Attributes:
        heard: Listens while the study is swept: after a warning nothing is kept, as the next sweep must warn too.
    """

    def __init__(self, study: StudySpec, options: TableOptions, folder: Path, home: Home) -> None:
        self.options = options
        self.folder = folder
        self._study = study
        self._home = home
        self._store = None if is_uri(home.location) else store_file(home.local)
        self._kept = LocalFolder(home / "sweeps")
        self._name = f"{sha256(f'{study.results_name} {folder.absolute()}'.encode()).hexdigest()[:16]}.json"
        # Now, because a file may be edited before the sweep ends.
        self._code = code_digest(Path(__file__).parents[1])
        self.heard = HeardWarnings()

    def load(self) -> Shown | None:
        """Return what the last sweep showed; None if something has changed since.

        Raises:
            DataError: The images are missing or unfit.
        """
        if self._store is None:
            return None
        kept = load_sealed(self._kept, self._name, _SHAPE, "the next sweep reads everything again")
        if kept is not None:
            with suppress(OSError):  # what cannot be read is no longer as it was
                if kept["digest"] == self._digest(self._store, [self.folder / name for name in kept["files"]]):
                    return TypeAdapter(Shown).validate_json(kept["shown"])
        return None

    def keep(self, shown: Shown, paths: Sequence[Path]) -> None:
        """Keep what a sweep showed that has nothing left to do.

        Args:
            shown: The output of the next one.
            paths: Files of the table, in its folder.
        """
        if self._store is None or self.heard.any:
            return
        names = [path.relative_to(self.folder).as_posix() for path in paths]
        told = TypeAdapter(Shown).dump_json(shown).decode()
        # Where it cannot be kept, the next sweep takes as long as this one.
        with suppress(OSError, StorageError):
            content = {"digest": self._digest(self._store, paths), "files": names, "shown": told}
            self._kept.write(self._name, sealed(content))

    def _digest(self, store: Path, paths: Sequence[Path]) -> str:
        study, home = self._study, self._home.local
        data = check_data(study.data, (cell.config for cell in study.cells), self._home)
        # They hold the code of the packages that the study takes parts of.
        keys = [cell_key(cell.config, data.fingerprint) for cell in study.cells]
        experiments = experiments_folder()
        published = [experiments / "published" / f"{study.published[0]}.csv"] if study.published else []
        places = [str(path) for path in (self.folder, home, store)]
        told = (study, self.options, places, data, keys, self._code, sys.version, _installed())
        digests = (
            files_digest(experiments, published),
            files_digest(home, (path for name in READ for path in (home / name).rglob("*"))),
            files_digest(store.parent, (store.with_name(f"{store.name}{end}") for end in BESIDE)),
            files_digest(self.folder, paths),
        )
        return sha256(repr((told, digests)).encode()).hexdigest()


def show_again(study: StudySpec, options: TableOptions, results: Path) -> bool:
    """Show the end of a study's last sweep if nothing has changed since; return whether it was shown.

    Args:
        study: The study to sweep.
        options: Options of the table.
        results: Folder of tables and figures.

    Raises:
        FtlabError: Another process sweeps the same study, or something that the sweep needs is wrong.
    """
    folder, home = results / study.results_name, ftlab_home()
    require_writable(folder)
    with exclusive(home, study), phase("reading the images and the records"):
        shown = LastSweep(study, options, folder, home).load()
    if shown is not None:
        shown.print()
    return shown is not None


def _installed() -> list[str]:
    """Return the names and versions of the installed packages."""
    places = {get_paths()[name] for name in ("purelib", "platlib")}
    return sorted(path.name for place in places for path in Path(place).glob("*.dist-info"))
