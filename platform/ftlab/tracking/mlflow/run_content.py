"""The content of a run in MLflow beside its tags: settings, every point of every metric, every file."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from typing import NamedTuple

from ftlab.tracking.mlflow.connection import open_artifacts
from ftlab.tracking.tracking_uri import SERVERS

# isort: split
# The variables that MLflow reads when it is imported are set by now.
from mlflow import MlflowClient
from mlflow.entities import Run

_REQUESTS_AT_ONCE = 4  # more would burden a server that checks a password at each


class Point(NamedTuple):
    """A value of a metric; NaN equals NaN here, since the value is text that reads back as the same number."""

    step: int
    timestamp: int  # milliseconds
    value: str


@dataclass(frozen=True)
class RunContent:
    """The content of a run.

    Attributes:
        params: Settings by dotted name.
        points: The history of each metric by name.
        files: SHA-256 of each file by its path in the run.
    """

    params: Mapping[str, str] = field(default_factory=dict)
    points: Mapping[str, frozenset[Point]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def num_points(self) -> int:
        """Number of values over all metrics."""
        return sum(map(len, self.points.values()))

    def lacking(self, other: "RunContent") -> "RunContent":
        """Return the content that the other lacks; content that it has with another value is not included."""
        return RunContent(
            {name: value for name, value in self.params.items() if name not in other.params},
            {name: _missing(points, other.points.get(name, frozenset())) for name, points in self.points.items()},
            {path: digest for path, digest in self.files.items() if path not in other.files},
        )

    def differences(self, other: "RunContent") -> list[str]:
        """Return the differences to the other in words; empty if there are none."""
        return [
            *_value_differences("parameter", self.params, other.params),
            *_point_differences(self.points, other.points),
            *_value_differences("file", self.files, other.files),
        ]


def read_content(client: MlflowClient, run: Run, folder: Path) -> RunContent:
    """Read the content of a run.

    Args:
        client: The store.
        run: The run, as it was last read; its metrics and files are read again.
        folder: Empty folder that the files are downloaded to.

    Raises:
        TrackingError: Its files do not lie in a folder of its own.
    """
    run_id, names = run.info.run_id, list(run.data.metrics)
    is_server = str(client.tracking_uri).startswith(SERVERS)
    with ThreadPoolExecutor(_REQUESTS_AT_ONCE if is_server else 1) as pool:
        histories = pool.map(lambda name: client.get_metric_history(run_id, name), names)
        points = {
            name: frozenset(Point(point.step, point.timestamp, repr(float(point.value))) for point in history)
            for name, history in zip(names, histories, strict=True)
        }
    return RunContent(dict(run.data.params), points, _load_files(client, run, folder))


def _load_files(client: MlflowClient, run: Run, folder: Path) -> dict[str, str]:
    repository = open_artifacts(run.info.artifact_uri, run.info.run_id, client.tracking_uri)
    if not repository.list_artifacts():
        return {}  # MLflow refuses to load nothing
    repository.download_artifacts("", str(folder))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): _digest(path) for path in files}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _missing(points: frozenset[Point], found: frozenset[Point]) -> frozenset[Point]:
    taken = {point.step for point in found - points}
    return frozenset(point for point in points - found if point.step not in taken)


def _value_differences(kind: str, expected: Mapping[str, str], found: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            yield f"{kind} {name}: {expected.get(name, 'absent')} in the source, {found.get(name, 'absent')} there"


def _point_differences(
    expected: Mapping[str, frozenset[Point]], found: Mapping[str, frozenset[Point]]
) -> Iterator[str]:
    for name in sorted(expected.keys() | found.keys()):
        differing = expected.get(name, frozenset()) ^ found.get(name, frozenset())
        if differing:
            step = min(point.step for point in differing)
            here, there = _values(expected, name, step), _values(found, name, step)
            yield f"metric {name}, step {step}: {here} in the source, {there} there"


def _values(points: Mapping[str, frozenset[Point]], name: str, step: int) -> str:
    found = sorted(point for point in points.get(name, ()) if point.step == step)
    return " and ".join(f"{point.value} at {point.timestamp}" for point in found) or "absent"
