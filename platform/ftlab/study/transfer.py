"""Transfer: what one data set taught is judged on another, by the probes of the trial."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from ftlab.config.home import Home
from ftlab.config.sections.data_section import DataConfig
from ftlab.config.sections.probe_section import ask_alone
from ftlab.config.trial import TrialConfig
from ftlab.config.weights_file import WeightsConfig
from ftlab.errors import ConfigError, nearest
from ftlab.reporting.printed.metric_labels import metric_name
from ftlab.study.fingerprint import check_data
from ftlab.study.identity import transfer_key
from ftlab.study.spec import StudySpec, Trial
from ftlab.training.evaluation.probe_metrics import PROBE_METRICS, optional_probes

FOLDER = "folder:"
# Of `ftlab.encoders.channel_adapter`.
PROTOCOL = "grey of colours by ITU-R BT.601, colours of grey by repeating it, mean and deviation of the pretraining"

_PROBES = tuple(f"{probe}:" for probe in PROBE_METRICS)
_IMBALANCE = re.compile(r"@(\d+(?:\.\d+)?)\Z")


class Place(NamedTuple):
    """Images elsewhere and the way that they are judged, as a user writes it: ``[PROBE:]IMAGES[@IMBALANCE]``.

    Attributes:
        probe: Name of the probe that is asked alone; empty for those of the trial.
        images: ``folder:PATH`` or the name of a data set.
        imbalance: Their ``data.imbalance``; None leaves them as they are.
    """

    probe: str
    images: str
    imbalance: float | None

    @property
    def name(self) -> str:
        """Name of the images: that of the data set, or of the last folder of its path, and of its long tail."""
        name = Path(self.images.removeprefix(FOLDER)).name if self.images.startswith(FOLDER) else self.images
        return name if self.imbalance is None else f"{name}@{self.imbalance:g}"


def parse_place(text: str) -> Place:
    """Return the parts of a place.

    >>> parse_place("finetune:folder:/data/cub@100")
    Place(probe='finetune', images='folder:/data/cub', imbalance=100.0)
    """
    probe, _, images = text.partition(":") if text.startswith(_PROBES) else ("", "", text)
    tail = _IMBALANCE.search(images)
    return Place(probe, images[: tail.start()], float(tail[1])) if tail else Place(probe, images, None)


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
            set; see `Place`.
        config: The trial.

    Raises:
        ConfigError: There is no data set of that name, the folder has no path, or the long tail is none.
    """
    _, images, imbalance = parse_place(place)
    if imbalance is not None and imbalance < 1:
        raise ConfigError(f"the imbalance of {images!r} must be at least 1, but got {imbalance:g}; nearest valid: @1.")
    if images.startswith(FOLDER):
        root, short_side = images.removeprefix(FOLDER), config.data.short_side
        if not root:
            raise ConfigError(f"ON=folder: must be followed by a path, but got {place!r}; e.g. folder:/data/cub.")
        size = config.view_size
        return DataConfig(name="folder", root=root, image_size=size, short_side=short_side, imbalance=imbalance)
    known = [name for name in _data_names() if name != "folder"]
    if images not in known:
        raise ConfigError(
            f"ON must be folder:PATH or the name of a data set, after a probe and a colon where it is asked alone, "
            f"but got {place!r}.{nearest(place, [*known, FOLDER, *(f'{probe}digits' for probe in _PROBES)])}"
        )
    return DataConfig(name=images, image_size=config.view_size, imbalance=imbalance)


def asked_of(trial: Trial, place: str) -> Trial:
    """Return a trial with the probe that a place asks alone, if it asks one."""
    return replace(trial, config=_asked(trial.config, place)) if parse_place(place).probe else trial


def task_columns(task: str, metrics: Sequence[str]) -> dict[str, str]:
    """Return the columns of a task, by the metrics that are shown of it.

    >>> task_columns("digits", ["knn/top1"]), task_columns("finetune:cub@10", ["knn/top1"])
    ({'knn/top1': 'digits, kNN top-1'}, {'finetune/top1': 'cub@10, fine-tuned top-1'})

    Args:
        task: Its name.
        metrics: Metrics of the study, shown where the task asks no probe alone.
    """
    probe, images, imbalance = parse_place(task)
    own = [metric for metric in PROBE_METRICS.get(probe, ()) if optional_probes(metric) <= {probe}]
    return {metric: f"{Place('', images, imbalance).name}, {metric_name(metric)}" for metric in own or metrics}


def task_name(place: str) -> str:
    """Return the name of a task: its probe, and the name of the images.

    >>> task_name("digits"), task_name("folder:/data/cub/"), task_name("linear:folder:/data/cub@100")
    ('digits', 'cub', 'linear:cub@100')
    """
    found = parse_place(place)
    return f"{found.probe}:{found.name}" if found.probe else found.name


def check_places(places: Sequence[str], metrics: Sequence[str] = ()) -> None:
    """Check that each place makes columns of its own.

    Args:
        places: The places.
        metrics: Metrics of the study.

    Raises:
        ConfigError: There is none, or two have the same name.
    """
    if not places:
        raise ConfigError(
            "an evaluation needs images, but got none, and neither experiment nor profile has them; "
            "e.g. ON=folder:/data/cub, ON=digits."
        )
    tasks = [task_name(place) for place in places]
    names = [*tasks, *(column for task in tasks for column in task_columns(task, metrics).values())]
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


def seen_by_weights(weights: WeightsConfig, place: str, config: TrialConfig) -> TrialConfig:
    """Return a trial with images elsewhere, in the size that weights see, and the probes that are asked there.

    Args:
        weights: The weights.
        place: The images, see `data_of`.
        config: The trial, whose probes and seed are kept.

    Raises:
        ConfigError: There is no data set of that name, or the folder has no path.
    """
    if weights.image_size is not None:
        config = config.model_copy(update={"views": config.views.model_copy(update={"size": weights.image_size})})
    return _asked(config, place).model_copy(update={"data": data_of(place, config)})


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


def as_trial(transfer: AnyTransfer) -> Trial:
    """Return an evaluation as if it were a trial on the other images."""
    if isinstance(transfer, WeightsTransfer):
        cell_key = transfer.key
    else:
        cell = transfer.trial.config.model_copy(update={"seed": 0})
        cell_key = transfer_key(cell, transfer.trial.fingerprint, transfer.config, transfer.fingerprint)
    return Trial(transfer.key, cell_key, transfer.row, transfer.config, transfer.fingerprint)


def _asked(config: TrialConfig, place: str) -> TrialConfig:
    probe = parse_place(place).probe
    return config.model_copy(update={"probe": ask_alone(config.probe, probe)}) if probe else config


def _data_names() -> tuple[str, ...]:
    names = DataConfig.model_json_schema()["properties"]["name"]["enum"]
    return tuple(map(str, names))
