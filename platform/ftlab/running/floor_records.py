"""The records of evaluations that are no part of a training, a file each; without torch."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from ftlab.config.home import Home
from ftlab.storage.local import LocalFolder
from ftlab.storage.sealed_json import Shape, load_sealed, nothing_or, number_within, sealed

_SHAPE: Shape = {
    "metrics": {str: number_within(0, 100)},
    "right": {str: [int]},
    "num_classes": int,
    "seconds?": nothing_or(number_within(0)),
}


@dataclass(frozen=True)
class FloorRecord:
    """The findings of a floor.

    Attributes:
        metrics: Accuracies in percent by metric.
        right: The test images that each probe classified rightly, see `ftlab.training.evaluation.right_images`.
        num_classes: Number of classes that the probes tell apart.
        seconds: Seconds that they took; None if they were not measured.
    """

    metrics: Mapping[str, float]
    right: Mapping[str, Sequence[int]]
    num_classes: int
    seconds: float | None = None


class FloorRecords:
    """Keeps the findings of floors, so that each is computed once.

    Args:
        home: Folder of everything ftlab keeps.
        folder: Folder of the files in it.
    """

    def __init__(self, home: Home, folder: str = "floors") -> None:
        self._folder = LocalFolder(home / folder)

    def load(self, key: str) -> FloorRecord | None:
        """Return the record of a floor; None if there is none, or if it is damaged and was set aside.

        Raises:
            StorageError: The file cannot be read.
        """
        fields = load_sealed(self._folder, f"{key}.json", _SHAPE)
        return None if fields is None else FloorRecord(**fields)

    def save(self, key: str, record: FloorRecord) -> None:
        """Keep the record of a floor.

        Raises:
            StorageError: The file cannot be written.
        """
        self._folder.write(f"{key}.json", sealed(asdict(record)))
