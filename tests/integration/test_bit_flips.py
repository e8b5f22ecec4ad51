"""A thousand flipped bits in the files of a home: each costs work at most, and none a number."""

import json
import random
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from ftlab.config.home import Home
from ftlab.data.cache.decode_once import DatasetSource, ImageDataset, load_dataset
from ftlab.running.checkpoints import CheckpointCollector
from ftlab.storage.sealed_json import sealed
from ftlab.tracking.journal import Journal
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.records import Outcome, StudyRecord, TrialRecord, TrialStatus
from ftlab.tracking.timings import read_timings
from ftlab.tracking.writer import TrackingWriter
from ftlab.training.epoch_result import EpochResult

NUM_FLIPS = 1000
KEY = "0123456789abcdef" * 2

pytestmark = pytest.mark.slow


def load(home: Path) -> ImageDataset:
    return load_dataset(DatasetSource("digits", None, 8), home)


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small home: the digits, a trial of four epochs, and a plan."""
    home = tmp_path_factory.mktemp("intact")
    load(home)
    journal = Journal(home / "trials")
    trial = TrialRecord(KEY, KEY, 0, "exp/tiny", "plain seed 0", {"train.epochs": "4"}, {"git.commit": "abc"})
    journal.append_trial(trial)
    for epoch in range(1, 5):
        metrics = {"probe/top1": 80 + epoch / 7, "train_seconds": 1.0, "epoch_seconds": 1.5}
        steps = {"step": [1.0 * epoch], "scores/positive_mean": [0.5]}
        journal.append_epochs(KEY, [EpochResult(epoch, 1.7e9 + epoch, metrics, {"scores/positive": [1, 2]}, steps)])
    journal.append_outcome(KEY, Outcome(TrialStatus.FINISHED))
    (home / "plans").mkdir()
    (home / "plans" / "0123.json").write_bytes(sealed({"study": "exp/tiny", "checkpoints": ["a", "b"]}))
    return home


def replayed(home: Path) -> tuple[object, ...] | None:
    """Return what a new store gets of the trial; None if it must be trained again."""
    tracker = MemoryTracker()
    tracker.open_study(StudyRecord("exp", "exp/tiny"))
    journal = Journal(home / "trials")
    writer = TrackingWriter(tracker, journal, flush_seconds=60.0)
    delivered = writer.replay([KEY])
    writer.close()
    read_timings(home / "trials" / f"{KEY}.jsonl")
    if not delivered:
        assert journal.outcome(KEY) is None, "nobody would train it again"
        return None
    return tracker.trials[KEY], tracker.epochs[KEY], tracker.outcomes[KEY]


def files_of(home: Path) -> Mapping[str, list[Path]]:
    cache = [path for path in (home / "cache").rglob("*") if path.suffix in (".npy", ".json")]
    return {"cache": cache, "trials": [*(home / "trials").iterdir()], "plans": [*(home / "plans").iterdir()]}


def test_a_thousand_flipped_bits_change_no_number(
    intact: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = random.Random(17)  # noqa: S311 - no secret
    known, record = load(intact), replayed(intact)
    assert record is not None
    home = tmp_path / "flipped"
    shutil.copytree(intact, home)
    for number in range(NUM_FLIPS):
        caplog.clear()
        part = ("cache", "trials", "plans")[number % 3]
        path = chosen.choice(files_of(home)[part])
        content = bytearray(path.read_bytes())
        place = chosen.randrange(min(len(content), 2000) if path.suffix == ".npy" else len(content))
        content[place] ^= 1 << chosen.randrange(8)
        path.write_bytes(content)
        where = f"flip {number}: {path.relative_to(home)}, byte {place}"
        if part == "cache":
            found = load(home)
            assert (found.fingerprint, found.class_names) == (known.fingerprint, known.class_names), where
            assert (found.channel_mean, found.channel_std) == (known.channel_mean, known.channel_std), where
            for name in ("train_images", "train_labels", "test_images", "test_labels"):
                assert np.array_equal(getattr(found, name), getattr(known, name)), where
            shutil.rmtree(home / "cache")
            shutil.copytree(intact / "cache", home / "cache")
        elif part == "trials":
            assert replayed(home) in (None, record), where
        else:
            collector = CheckpointCollector(Home(str(home)), "another study")
            collector.collect()
            assert "is damaged" in caplog.text, where
        if part != "cache":
            shutil.rmtree(home / part)
            shutil.copytree(intact / part, home / part)
    assert json.loads((home / "plans" / "0123.json").read_bytes())["checkpoints"] == ["a", "b"]
