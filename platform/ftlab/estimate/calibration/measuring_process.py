"""The calibrating process: times a few steps of one trial, alone or beside others, and measures its memory.

``python -m ftlab.estimate.calibration.measuring_process`` reads a request from its input, answers ``{"ready": true}``
when it is warm, waits for a line, measures, and answers ``{"measurement": ...}``; an error that a user can act on is
``{"error": ...}``.
"""

import io
import json
import os
import resource
import sys
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from ftlab.assembly.images import load_images
from ftlab.assembly.process import make_device
from ftlab.assembly.trial_parts import make_trainer
from ftlab.config.home import Home
from ftlab.config.trial import TrialConfig
from ftlab.errors import ConfigError, FtlabError
from ftlab.estimate.calibration.measurement import Measurement
from ftlab.estimate.calibration.probe_timing import time_probes
from ftlab.estimate.calibration.step_timing import Stopwatch, time_steps
from ftlab.training.backbone_store import KeptBackbone, encode_backbone
from ftlab.training.trainer import Trainer

WARM_UP_STEPS = 2
# Size of the results of an epoch, which every later checkpoint holds; measured on digits.
RESULT_BYTES = 1_100
PACKED_RESULT_BYTES = 1_000  # of it in the history of a kept backbone, which is compressed
# Memory of a GPU that a process takes for kernels and libraries before its first tensor; torch does not count it.
CONTEXT_BYTES = 600 * 1024**2


class CalibratedTrial:
    """A trial that is built to be calibrated.

    Args:
        config: The trial.
        home: Folder of caches.
        device: Device of the training.
    """

    def __init__(self, config: TrialConfig, home: Home, device: torch.device) -> None:
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
        """Make a few steps of each kind, so that one-time work is not measured."""
        for epoch in (self._plain_epoch, self._transformed_epoch):
            if epoch is not None:
                list(islice(self._trainer.steps(epoch), WARM_UP_STEPS))

    def measure(self, seconds: float) -> Measurement:
        """Return the measurement of the trial, with ``seconds`` for the steps of each kind of epoch."""
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
            backbone_bytes=_backbone_bytes(self._trainer) + PACKED_RESULT_BYTES * self._config.train.epochs,
        )

    def _warm_libraries(self) -> None:
        """Build a trainer that is not used: the first one in a process also loads libraries, which a worker has."""
        make_trainer(self._config, self._dataset, self._device)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def peak_memory(device: torch.device) -> int:
    """Return the highest memory use of this process, in bytes: of the GPU's memory, or else of the machine's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device) + CONTEXT_BYTES
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024
    except (OSError, StopIteration):
        # Less exact on Linux, where it begins with the memory of the process that started this one.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def _checkpoint_bytes(trainer: Trainer) -> int:
    buffer = io.BytesIO()
    torch.save(trainer.state_dict(), buffer)
    return buffer.tell()


def _backbone_bytes(trainer: Trainer) -> int:
    return len(encode_backbone(KeptBackbone(trainer.method.encoder.state_dict(), (), "", {})))


def main() -> None:
    """Answer one request, as the module describes."""
    # The output of libraries must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)

    def answer(content: dict[str, Any]) -> None:
        answers.write(json.dumps(content) + "\n")

    request = json.loads(sys.stdin.readline())
    try:
        torch.set_num_threads(request["threads"])
        config = TrialConfig.model_validate(request["config"])
        trial = CalibratedTrial(config, Home(request["home"]), make_device(request["device"]))
        trial.warm_up()
        answer({"ready": True})
        sys.stdin.readline()
        answer({"measurement": asdict(trial.measure(request["seconds"]))})
    except FtlabError as error:
        answer({"error": str(error)})
    except torch.OutOfMemoryError as error:
        answer({"error": str(ConfigError(f"a trial must fit its device, but alone on it ran out of memory: {error}"))})


if __name__ == "__main__":
    main()
