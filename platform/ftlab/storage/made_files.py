"""Files that are made from something, and made again only if that or the file itself has changed."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from ftlab.storage.atomic import write_if_changed


class MadeFiles:
    """The made files of a folder, with the digests that tell whether one is still as it was made.

    Args:
        folder: The folder; names of files are paths below it.
        contents: SHA-256 of each file as an earlier command left it, by name; None if that is not known.
        sources: Digest of everything that each file was made from then, by name; None if that is not known.

    Attributes:
        made_from: Digest of everything that each file is made from now, by name; filled by `make`.
    """

    def __init__(
        self, folder: Path, contents: Mapping[str, str] | None = None, sources: Mapping[str, str] | None = None
    ) -> None:
        self.made_from: dict[str, str] = {}
        self._folder = folder
        self._contents = contents or {}
        self._sources = sources or {}

    def make(self, paths: Sequence[Path], source: str, content: Callable[[], Sequence[bytes]]) -> list[Path]:
        """Make files that belong together, unless all are as they were made from the same source.

        Args:
            paths: Paths of the files, in the folder.
            source: Digest of everything that they are made from.
            content: Makes the content of each.

        Raises:
            ResultsError: A file cannot be written.

        Returns:
            The files.
        """
        names = [path.relative_to(self._folder).as_posix() for path in paths]
        if not all(self._is_current(name, path, source) for name, path in zip(names, paths, strict=True)):
            for path, made in zip(paths, content(), strict=True):
                write_if_changed(path, made)
        self.made_from.update(dict.fromkeys(names, source))
        return list(paths)

    def _is_current(self, name: str, path: Path, source: str) -> bool:
        if self._sources.get(name) != source or not path.is_file():
            return False
        # Making a file that cannot be read says why it cannot be written either.
        with suppress(OSError):
            return sha256(path.read_bytes()).hexdigest() == self._contents.get(name)
        return False
