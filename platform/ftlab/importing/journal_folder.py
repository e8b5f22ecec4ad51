"""Find the folder of another home's journal from a path that the user gives."""

from pathlib import Path

from ftlab.errors import TrackingError

RULE = "FROM must be a folder of <trial_key>.jsonl files, or a home that holds trials/"


def find_trial_files(folder: str, own: Path) -> list[Path]:
    """Return the files of another home's journal, including links and folders, in the order of their names.

    Args:
        folder: The home, which holds ``trials/``, or the folder of ``<trial_key>.jsonl`` itself.
        own: Folder of this home's journal.

    Raises:
        TrackingError: There is no such folder, it holds no journal, or the journal is this home's own.
    """
    try:
        chosen = _journal_folder(folder)
        if own.exists() and chosen.samefile(own):
            raise TrackingError(f"{RULE} of another home, but {chosen} is the journal of FTLAB_HOME itself.")
        names = [path.name for path in chosen.iterdir() if path.suffix == ".jsonl" and not path.name.startswith(".")]
    except OSError as error:
        raise TrackingError(f"{RULE}, but got {folder!r}: {error.strerror}.") from error
    if not names:
        raise TrackingError(f"{RULE}, but {chosen} holds no such file.")
    return [chosen / name for name in sorted(names)]


def _journal_folder(folder: str) -> Path:
    given = Path(folder)
    if not folder or not given.is_dir():
        is_there = bool(folder) and given.exists()
        raise TrackingError(f"{RULE}, but got {folder!r}: {'it is no folder' if is_there else 'it does not exist'}.")
    trials = given / "trials"
    if trials.is_symlink():
        raise TrackingError(f"{RULE}, but {trials} is a link; nearest valid: FROM={trials.resolve()}")
    return trials if trials.is_dir() else given
