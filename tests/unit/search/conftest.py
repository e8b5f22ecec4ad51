import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import log10
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest

from ftlab.config.experiment import ProfileConfig
from ftlab.config.search import SearchConfig
from ftlab.config.trial import TrialConfig
from ftlab.search.ledger import SearchLedger
from ftlab.search.recorded import RecordedTrials
from ftlab.search.scope import SearchSpec, resolve_search
from ftlab.search.storage import open_storage
from ftlab.search.suggestion_feed import SearchFeed
from ftlab.study.spec import Trial
from ftlab.tracking.journal import Journal
from ftlab.tracking.records import Outcome, TrialStatus, trials_frame
from ftlab.training.epoch_result import EpochResult

MakeSearch = Callable[..., SearchSpec]

FT = {"transform.positives": "extrapolate", "transform.negatives": "interpolate"}
SPACE: dict[str, Any] = {
    "transform.alpha_extrapolation": {"kind": "float", "low": 0.1, "high": 10.0, "scale": "log"},
    "transform.start": {"kind": "float", "low": 0.0, "high": 0.8, "step": 0.1},
    "method.temperature": {"kind": "float", "low": 0.03, "high": 0.5, "scale": "log"},
}
HAND_MADE = {"name": "hand-made", "set": {"transform.start": 0.3}}
METRIC = "probe/few_shot_top1"


@pytest.fixture(scope="session")
def specs() -> dict[str, SearchSpec]:
    """The searches that were resolved: hundreds of trials are tried for each."""
    return {}


@pytest.fixture
def make_search(profile: ProfileConfig, specs: dict[str, SearchSpec]) -> MakeSearch:
    """Resolve a search from its fields: `make_search(space={...}, trials=3)`; `user` are the user's overrides."""

    def make(*, user: dict[str, Any] | None = None, num_trials: int | None = None, **fields: Any) -> SearchSpec:
        content = {"question": "Which?", "trials": 6, "overrides": FT, "space": SPACE, **fields}
        key = repr((content, num_trials, user))
        if key not in specs:
            config = SearchConfig.model_validate(content)
            specs[key] = resolve_search("s", config, "tiny", profile, num_trials, user)
        return specs[key]

    return make


def accuracy(config: TrialConfig) -> float:
    """A made-up accuracy with its optimum at temperature 0.2, start 0.2 and alpha 1, in percent."""
    temperature, transform = config.method.temperature, config.transform
    distances = (log10(temperature / 0.2), transform.start - 0.2, log10(transform.alpha_extrapolation))  # type: ignore[operator]
    return 90.0 - 20.0 * distances[0] ** 2 - 20.0 * distances[1] ** 2 - 5.0 * distances[2] ** 2


def epochs_of(value: float, *, num_epochs: int = 2, seconds: float = 36.0) -> list[EpochResult]:
    """Epochs that end at an accuracy; each has a kNN accuracy and takes 0.01 hours."""
    metrics = [{"knn/top1": value - num_epochs + epoch, "train_seconds": seconds} for epoch in range(1, num_epochs + 1)]
    metrics[-1][METRIC] = value
    return [EpochResult(number, 0.0, values) for number, values in enumerate(metrics, 1)]


@dataclass
class Laboratory:
    """One process that searches; the next one on the same folder continues, as after a kill."""

    spec: SearchSpec
    folder: Path
    stored: pd.DataFrame = field(default_factory=lambda: trials_frame([]))
    fingerprint: str = "data"
    claim: Callable[[str], bool] = lambda _: True

    def __post_init__(self) -> None:
        self.storage = open_storage(f"sqlite:///{self.folder}/optuna.db")
        self.ledger = SearchLedger(self.spec, self.fingerprint, self.storage)
        self.journal = Journal(self.folder / "trials")
        recorded = RecordedTrials(self.journal, self.stored, study=self.spec.name, metric=METRIC, devices=1.0)
        self.feed = SearchFeed(self.spec, self.fingerprint, self.ledger, recorded, claim=self.claim)
        self.trained: list[Trial] = []

    def next_trial(self) -> Trial:
        """Return the next trial that must be trained."""
        assignment = self.feed.next_assignment()
        assert assignment is not None
        self.trained.append(assignment.trial)
        return assignment.trial

    def end(self, trial: Trial, value: float | None = None, status: TrialStatus = TrialStatus.FINISHED) -> None:
        """End a trial with an accuracy, its made-up one unless another is given."""
        self.feed.epochs_trained(trial, epochs_of(accuracy(trial.config) if value is None else value))
        self.feed.trial_ended(trial, Outcome(status))

    def train(self, num_trials: int | None = None) -> None:
        """Train one trial after another, to the end of the search or some of them."""
        done = 0
        while done != num_trials and not self.feed.is_exhausted:
            assignment = self.feed.next_assignment()
            if assignment is None:
                break
            self.trained.append(assignment.trial)
            self.end(assignment.trial)
            done += 1

    @property
    def rows(self) -> list[tuple[str, str]]:
        """Name and status of every trial on record that has ended."""
        return [(row.name, row.status) for row in self.ledger.rows()]

    def close(self) -> None:
        """Let the database go."""
        self.storage.remove_session()
        self.storage.engine.dispose()


OpenLaboratory = Callable[..., Laboratory]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new database; making its tables takes longer than most tests, so that they work on copies."""
    path = tmp_path_factory.mktemp("searches") / "optuna.db"
    open_storage(f"sqlite:///{path}").engine.dispose()
    return path


@pytest.fixture
def open_laboratory(tmp_path: Path, empty_database: Path) -> Iterator[OpenLaboratory]:
    """Open a process that searches: `open_laboratory(spec)`; again for the next process on the same files."""
    shutil.copy(empty_database, tmp_path)
    opened: list[Laboratory] = []

    def open_one(spec: SearchSpec, **options: Any) -> Laboratory:
        opened.append(Laboratory(spec, tmp_path, **options))
        return opened[-1]

    yield open_one
    for laboratory in opened:
        laboratory.close()


@pytest.fixture
def random_study() -> optuna.Study:
    """An Optuna study that draws at random, the same each time."""
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=7))
