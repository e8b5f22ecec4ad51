"""The probing process: times a few real steps of one trial, alone or beside others, and measures its memory.

``python -m ftlab.tuning.probing`` reads a request from its input, answers ``{"ready": true}`` when it is warm, waits
for a line, measures, and answers ``{"measurement": ...}``; what a user can act on is answered as ``{"error": ...}``.
"""

import io
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from ftlab.build.data import load_images
from ftlab.build.trainer import make_device, make_probe, make_trainer
from ftlab.config.trial import TrialConfig
from ftlab.data.cache import ImageDataset
from ftlab.data.residency import ResidentImages
from ftlab.errors import ConfigError, FtlabError
from ftlab.training.probe import CHUNK, Features, ProbeSuite, few_shot_accuracy, knn_accuracy
from ftlab.training.trainer import Trainer
from ftlab.tuning.measurement import Measurement

WARM_UP_STEPS = 2
# Features of so many images tell what those of all would take.
MAX_TRAIN_IMAGES, MAX_TEST_IMAGES = 1024, 512
# Measured on digits: the results of an epoch, which every later checkpoint holds.
RESULT_BYTES = 1_100
# What a process takes of a GPU before it holds a tensor, which torch does not count: kernels and libraries.
CONTEXT_BYTES = 600 * 1024**2


class Stopwatch:
    """Takes the time of work on a device, which runs behind the host on CUDA.

    Args:
        device: Device of the work.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def now(self) -> float:
        """Wait for the device and return the time in seconds."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def seconds(self, run: Callable[[], object]) -> float:
        """Return the seconds of one call; a short one is made twice, because the first warms up."""
        for _ in range(2):
            started = self.now()
            run()
            taken = self.now() - started
            if taken > 0.5:
                break
        return taken


class TrialProbe:
    """A trial that is built to be measured.

    Args:
        config: The trial.
        home: Folder of caches.
        device: Device of the training.
    """

    def __init__(self, config: TrialConfig, home: Path, device: torch.device) -> None:
        self._config = config
        self._device = device
        self._watch = Stopwatch(device)
        self._dataset = load_images(config.data, home)
        self._warm_libraries()
        started = self._watch.now()
        self._trainer = make_trainer(config, self._dataset, device)
        self._build_seconds = self._watch.now() - started
        epochs_on = config.transform.epochs_on(config.train.epochs)
        epochs_off = [epoch for epoch in range(config.train.epochs) if epoch not in epochs_on]
        self._plain_epoch = epochs_off[0] if epochs_off else None
        self._transformed_epoch = epochs_on[0] if epochs_on else None

    def warm_up(self) -> None:
        """Make a few steps of each kind, so that what happens once is not measured."""
        for epoch in (self._plain_epoch, self._transformed_epoch):
            if epoch is not None:
                list(islice(self._trainer.steps(epoch), WARM_UP_STEPS))

    def measure(self, seconds: float) -> Measurement:
        """Measure the trial, with ``seconds`` for the steps of each kind of epoch."""
        timed = [
            (None, 0) if epoch is None else time_steps(self._trainer, epoch, seconds, self._watch)
            for epoch in (self._plain_epoch, self._transformed_epoch)
        ]
        knn_seconds, final_seconds = time_probes(self._config, self._dataset, self._trainer, self._device, self._watch)
        checkpoint_bytes = _checkpoint_bytes(self._trainer) + RESULT_BYTES * self._config.train.epochs
        return Measurement(
            plain_seconds=timed[0][0],
            transformed_seconds=timed[1][0],
            knn_seconds=knn_seconds,
            final_seconds=final_seconds,
            build_seconds=self._build_seconds,
            checkpoint_bytes=checkpoint_bytes,
            peak_bytes=peak_memory(self._device),
            num_steps=timed[0][1] + timed[1][1],
        )

    def _warm_libraries(self) -> None:
        """Build a trainer in vain: the first one in a process also loads libraries, which a warm worker has."""
        make_trainer(self._config, self._dataset, self._device)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def time_steps(trainer: Trainer, epoch: int, seconds: float, watch: Stopwatch) -> tuple[float, int]:
    """Return the seconds that the steps of an epoch would take, and the number of steps that were timed.

    Args:
        trainer: A warm trainer; its state is spent afterwards.
        epoch: 0-based epoch whose steps are timed, again and again until the time is over.
        seconds: Time to spend, at least two steps.
        watch: Takes the time.
    """
    steps = trainer.batches.steps_per_epoch
    estimates: list[float] = []
    num_steps = 0
    deadline = time.perf_counter() + seconds
    while not estimates or time.perf_counter() < deadline:
        run = trainer.steps(epoch)
        began = watch.now()
        next(run)  # draws the epoch's order and views too
        first = watch.now()
        num_more = 0
        for _ in run:
            num_more += 1
            if time.perf_counter() >= deadline:
                break
        each = (watch.now() - first) / num_more if num_more else first - began
        estimates.append(first - began + (steps - 1) * each)
        num_steps += 1 + num_more
    return median(estimates), num_steps


def time_probes(
    config: TrialConfig, dataset: ImageDataset, trainer: Trainer, device: torch.device, watch: Stopwatch
) -> tuple[float, float]:
    """Return the seconds of a kNN probe and of all probes at the end, scaled up from a part of the work.

    Args:
        config: The trial.
        dataset: Its images.
        trainer: Its trainer.
        device: Device of the training.
        watch: Takes the time.
    """
    part = _part(dataset)
    train, test = ResidentImages(part.train_images, device), ResidentImages(part.test_images, device)
    suite = make_probe(config, part, trainer.method.query_encoder, train, test, device)
    scale = (len(dataset.train_labels) + len(dataset.test_labels)) / (len(train) + len(test))
    extract = scale * watch.seconds(suite.extract)
    features = _random_features(dataset, suite.extract().train.shape[1], device)
    knn = extract + _knn_seconds(suite, features, watch)
    return knn, knn + _few_shot_seconds(suite, features, watch) + _linear_seconds(suite, features, watch)


def peak_memory(device: torch.device) -> int:
    """Return the most memory of a device that this process has held, in bytes; on the CPU, of the machine."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device) + CONTEXT_BYTES
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024
    except (OSError, StopIteration):
        # Less exact on Linux, where it begins with what the process that started this one held.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def _part(dataset: ImageDataset) -> ImageDataset:
    train, test = (
        _spread(len(dataset.train_labels), MAX_TRAIN_IMAGES),
        _spread(len(dataset.test_labels), MAX_TEST_IMAGES),
    )
    return replace(
        dataset,
        train_images=dataset.train_images[train],
        train_labels=dataset.train_labels[train],
        test_images=dataset.test_images[test],
        test_labels=dataset.test_labels[test],
    )


def _spread(num_images: int, most: int) -> np.ndarray:
    return np.linspace(0, num_images - 1, min(num_images, most)).astype(np.int64)


def _random_features(dataset: ImageDataset, feature_dim: int, device: torch.device) -> Features:
    generator = torch.Generator(device).manual_seed(0)
    train, test = (
        torch.randn(len(labels), feature_dim, generator=generator, device=device)
        for labels in (dataset.train_labels, dataset.test_labels)
    )
    train_labels = torch.tensor(dataset.train_labels, device=device)
    return Features(train, train_labels, test, torch.tensor(dataset.test_labels, device=device), dataset.num_classes)


def _knn_seconds(suite: ProbeSuite, features: Features, watch: Stopwatch) -> float:
    chunk = replace(features, test=features.test[:CHUNK], test_labels=features.test_labels[:CHUNK])
    seconds = watch.seconds(lambda: knn_accuracy(chunk, k=suite.knn_k, temperature=suite.knn_temperature))
    return seconds * len(features.test) / len(chunk.test)


def _few_shot_seconds(suite: ProbeSuite, features: Features, watch: Stopwatch) -> float:
    def run() -> None:
        few_shot_accuracy(
            features,
            num_labels=suite.few_shot_labels,
            num_draws=suite.few_shot_draws,
            generator=suite.make_generator(),
        )

    return watch.seconds(run)


def _linear_seconds(suite: ProbeSuite, features: Features, watch: Stopwatch) -> float:
    def run(epochs: int) -> None:
        replace(suite.linear, epochs=epochs)(
            features.train,
            features.train_labels,
            features.test,
            features.test_labels,
            num_classes=features.num_classes,
            generator=suite.make_generator(),
        )

    one, three = watch.seconds(lambda: run(1)), watch.seconds(lambda: run(3))
    return one + (suite.linear.epochs - 1) * max(0.0, three - one) / 2


def _checkpoint_bytes(trainer: Trainer) -> int:
    buffer = io.BytesIO()
    torch.save(trainer.state_dict(), buffer)
    return buffer.tell()


def main() -> None:
    """Answer one request; see the module."""
    # What a library prints must not end up among the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(content: dict[str, Any]) -> None:
        answers.write(json.dumps(content) + "\n")

    request = json.loads(sys.stdin.readline())
    try:
        torch.set_num_threads(request["threads"])
        config = TrialConfig.model_validate(request["config"])
        probe = TrialProbe(config, Path(request["home"]), make_device(request["device"]))
        probe.warm_up()
        answer({"ready": True})
        sys.stdin.readline()
        answer({"measurement": asdict(probe.measure(request["seconds"]))})
    except FtlabError as error:
        answer({"error": str(error)})
    except torch.OutOfMemoryError as error:
        answer({"error": str(ConfigError(f"a trial must fit its device, but alone on it ran out of memory: {error}"))})


if __name__ == "__main__":
    main()
