"""An overview of the files in experiments/: the question of each, its state at a profile, and its time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ftlab.config.home import Home
from ftlab.config.loading import experiments_folder, load_profile, load_search
from ftlab.engine.planning import name_trials
from ftlab.errors import ConfigError, DataError, FtlabError
from ftlab.study.spec import load_study
from ftlab.tracking.journal import Journal

# The head of a file says in a comment what its command took, on what machine, and at what profile.
_TIME = re.compile(r"^# Time: +(.*?)(?: with the .*)?$", re.MULTILINE)
_IS_SEARCH = re.compile(r"^space:", re.MULTILINE)


@dataclass(frozen=True)
class FileFacts:
    """The facts about a file.

    Attributes:
        name: Its name on the command line.
        question: The question that it answers, or what a profile is meant for.
        state: Number of its trials that have ended; empty for a profile.
        time: Time that it took, in the words of the file; empty if it does not say.
    """

    name: str
    question: str
    state: str = ""
    time: str = ""


def find_experiments(profile: str, home: Home) -> Iterator[FileFacts]:
    """Return the facts of every experiment, by name.

    Args:
        profile: Profile at which trials are counted; its data set is decoded the first time.
        home: Its journal tells the trials that ended.
    """
    ended = Journal(home / "trials").finished_keys()
    for path in _files(experiments_folder()):
        text = path.read_text(encoding="utf-8", errors="replace")
        if not _IS_SEARCH.search(text):
            yield _experiment(path.stem, profile, home, ended, _time(text))


def find_searches(profile: str, results: Path) -> Iterator[FileFacts]:
    """Return the facts of every search, by name.

    Args:
        profile: Profile whose results count.
        results: Folder of tables and figures.
    """
    for path in _files(experiments_folder()):
        text = path.read_text(encoding="utf-8", errors="replace")
        if _IS_SEARCH.search(text):
            folder = results / path.stem / profile
            try:
                question, state = load_search(path.stem).question, "has results" if folder.is_dir() else "no results"
            except ConfigError as error:
                question, state = _first_line(error), "wrong file"
            yield FileFacts(path.stem, question, state, _time(text))


def find_profiles() -> Iterator[FileFacts]:
    """Return the facts of every profile, by name."""
    for path in _files(experiments_folder() / "profiles"):
        try:
            yield FileFacts(path.stem, load_profile(path.stem).description)
        except ConfigError as error:
            yield FileFacts(path.stem, _first_line(error))


def _experiment(name: str, profile: str, home: Home, ended: set[str], time: str) -> FileFacts:
    try:
        study = load_study(name, profile)
    except ConfigError as error:
        return FileFacts(name, _first_line(error), "wrong file", time)
    try:
        trials = name_trials(study, home)
    except (ConfigError, DataError) as error:
        return FileFacts(name, f"{study.question} ({_first_line(error)})", "unknown", time)
    done = sum(trial.key in ended for trial in trials)
    return FileFacts(name, study.question, f"{done} of {len(trials)} trials", time)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.yaml"))


def _time(text: str) -> str:
    found = _TIME.search(text)
    return found[1].strip() if found else ""


def _first_line(error: FtlabError) -> str:
    return str(error).partition("\n")[0]
