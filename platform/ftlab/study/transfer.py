"""Transfer: what one data set taught is judged on another, by the probes of the trial."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ftlab.config.home import Home
from ftlab.config.sections.data_section import DataConfig
from ftlab.config.trial import TrialConfig
from ftlab.config.weights_file import WeightsConfig
from ftlab.errors import ConfigError, nearest
from ftlab.study.fingerprint import check_data
from ftlab.study.identity import transfer_key
from ftlab.study.spec import StudySpec, Trial

FOLDER = "folder:"
# Of `ftlab.encoders.channel_adapter`.
PROTOCOL = "grey of colours by ITU-R BT.601, colours of grey by repeating it, mean and deviation of the pretraining"


@dataclass(frozen=True)
class Transfer:
    """The evaluations of a trial's backbone on other images.

    Attributes:
        key: Digest of everything that decides its numbers.
        trial: The trial, whose backbone is kept.
        config: The trial with the data that is judged on.
        fingerprint: Digest of that data's content.
    """

    key: str
    trial: Trial
    config: TrialConfig
    fingerprint: str

    @property
    def name(self) -> str:
        """Short label for people."""
        return self.trial.name

    @property
    def row(self) -> str:
        """Row of the table over tasks that they belong to."""
        return self.trial.cell


@dataclass(frozen=True)
class WeightsTransfer:
    """The evaluations of weights that another program trained.

    Attributes:
        key: Digest of everything that decides their numbers.
        weights: The weights.
        digest: Digest of the weights.
        config: A trial with the data that is judged on, in the size that the weights see, its probes and seed.
        fingerprint: Digest of that data's content.
    """

    key: str
    weights: WeightsConfig
    digest: str
    config: TrialConfig
    fingerprint: str

    @property
    def name(self) -> str:
        """Short label for people."""
        return self.weights.row

    @property
    def row(self) -> str:
        """Row of the table over tasks that they belong to."""
        return self.weights.row


# Evaluations of a kept backbone, or of weights made elsewhere.
AnyTransfer = Transfer | WeightsTransfer


def data_of(place: str, config: TrialConfig) -> DataConfig:
    """Return the data settings of images elsewhere, in the size that a trial's encoder was trained with.

    Args:
        place: ``folder:`` with the path of a folder with ``train/`` and ``test/`` class folders, or the name of a data
            set.
        config: The trial.

    Raises:
        ConfigError: There is no data set of that name, or the folder has no path.
    """
    if place.startswith(FOLDER):
        root = place.removeprefix(FOLDER)
        if not root:
            raise ConfigError(f"ON=folder: must be followed by a path, but got {place!r}; e.g. folder:/data/cub.")
        return DataConfig(name="folder", root=root, image_size=config.view_size, short_side=config.data.short_side)
    known = [name for name in _data_names() if name != "folder"]
    if place not in known:
        raise ConfigError(
            f"ON must be folder:PATH or the name of a data set, but got {place!r}.{nearest(place, [*known, FOLDER])}"
        )
    return DataConfig(name=place, image_size=config.view_size)


def task_name(place: str) -> str:
    """Return the name of a task: that of the data set, or of the last folder of its path.

    >>> task_name("digits"), task_name("folder:/data/cub/")
    ('digits', 'cub')
    """
    return Path(place.removeprefix(FOLDER)).name if place.startswith(FOLDER) else place


def check_places(places: Sequence[str]) -> None:
    """Check that each place makes a column of its own.

    Raises:
        ConfigError: There is none, or two have the same name.
    """
    if not places:
        raise ConfigError(
            "an evaluation needs images, but got none, and neither experiment nor profile has them; "
            "e.g. ON=folder:/data/cub, ON=digits."
        )
    names = [task_name(place) for place in places]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"the names of tasks must differ, but {twice!r} is twice among {', '.join(places)}.")


def make_transfer(trial: Trial, data: DataConfig, fingerprint: str) -> Transfer:
    """Return the evaluations of a trial's backbone on other images, with their key.

    Args:
        trial: The trial.
        data: The other images, see `data_of`.
        fingerprint: Digest of their content.
    """
    elsewhere = trial.config.model_copy(update={"data": data})
    key = transfer_key(trial.config, trial.fingerprint, elsewhere, fingerprint)
    return Transfer(key, trial, elsewhere, fingerprint)


def as_trial(transfer: AnyTransfer) -> Trial:
    """Return an evaluation as if it were a trial on the other images."""
    cell_key = transfer.key
    if isinstance(transfer, Transfer):
        trial = transfer.trial
        cell = trial.config.model_copy(update={"seed": 0})
        cell_key = transfer_key(cell, trial.fingerprint, transfer.config, transfer.fingerprint)
    return Trial(transfer.key, cell_key, transfer.row, transfer.config, transfer.fingerprint)


def seen_by_weights(weights: WeightsConfig, place: str, config: TrialConfig) -> TrialConfig:
    """Return a trial with images elsewhere, in the size that weights see.

    Args:
        weights: The weights.
        place: The images, see `data_of`.
        config: The trial, whose probes and seed are kept.

    Raises:
        ConfigError: There is no data set of that name, or the folder has no path.
    """
    if weights.image_size is not None:
        config = config.model_copy(update={"views": config.views.model_copy(update={"size": weights.image_size})})
    return config.model_copy(update={"data": data_of(place, config)})


def check_images(data: DataConfig, configs: Sequence[TrialConfig], home: Home) -> str:
    """Return the fingerprint of images elsewhere, which the probes of trials must fit.

    Args:
        data: The images.
        configs: The trials, whose batches mean nothing there.
        home: Home of data sets and the cache.

    Raises:
        DataError: The images are missing or unfit.
        ConfigError: The probes do not fit them.
    """
    alone = [one.model_copy(update={"train": one.train.model_copy(update={"batch_size": 1})}) for one in configs]
    return check_data(data, alone, home).fingerprint


def check_weights(study: StudySpec) -> None:
    """Check that weights made elsewhere can be judged as a study's backbones are, each in a row of its own.

    Raises:
        ConfigError: Two rows have the same name, or the kNN probe looks at projections, which such weights do not have.
    """
    rows = [*(cell.name for cell in study.cells), *(one.row for one in study.weights)]
    twice = next((one for one in study.weights if rows.count(one.row) > 1), None)
    if twice is not None:
        raise ConfigError(
            f"each row of a table must have a name of its own, but {twice.row!r}, of {twice.file}, is there already; "
            f"nearest valid: NAME={twice.row}-2."
        )
    if study.weights and study.cells[0].config.probe.knn_features == "embedding":
        raise ConfigError(
            "weights made elsewhere have no projections, but got probe.knn_features='embedding'; "
            "nearest valid: probe.knn_features=backbone."
        )


def _data_names() -> tuple[str, ...]:
    names = DataConfig.model_json_schema()["properties"]["name"]["enum"]
    return tuple(map(str, names))
