"""Calibrate the costs of a trial by a few of its steps, in other processes, so that this one never imports torch."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from statistics import fmean
from tempfile import TemporaryFile
from threading import Timer
from typing import IO, Any

from ftlab.config.experiment import ResourcesConfig
from ftlab.config.home import Home
from ftlab.config.trial import TrialConfig
from ftlab.errors import FtlabError
from ftlab.estimate.calibration.measurement import CalibrationRequest, Measurement
from ftlab.machine.hardware import device_setting

STEP_SECONDS = 2.0
TIME_LIMIT = 300.0
# More processes at a time tell no more about how they slow each other down.
MAX_TOGETHER = 8


def measure(
    config: TrialConfig,
    *,
    home: Home,
    resources: ResourcesConfig,
    together: int = 1,
    step_seconds: float = STEP_SECONDS,
    time_limit: float = TIME_LIMIT,
) -> Measurement:
    """Return the durations and memory of a trial while ``together`` trials like it run on its device.

    Args:
        config: The trial; its images should be in the cache already.
        home: Folder of caches.
        resources: Resources of a trial.
        together: Trials that share the device; at most `MAX_TOGETHER` are started.
        step_seconds: Time for the steps of each kind of epoch.
        time_limit: Longest time for everything, in seconds.

    Raises:
        FtlabError: The trial cannot be built or run, does not fit its device, or is not measured within the limit.
    """
    request = CalibrationRequest(config, home, device_setting(resources), resources.cpus_per_trial, step_seconds)
    with _processes(min(together, MAX_TOGETHER), resources.cpus_per_trial) as processes:
        timer = Timer(time_limit, _stop, [processes])
        timer.daemon = True
        timer.start()
        try:
            found = _converse(processes, request)
        except _SilentProcessError as error:
            if not timer.is_alive():
                raise FtlabError(
                    f"a calibration run must end within its limit, but took over {time_limit:g} s."
                ) from error
            raise FtlabError(f"a calibration run must measure the trial, but its process died: {error}") from error
        finally:
            timer.cancel()
    return _summary(found)


class _SilentProcessError(Exception):
    """A calibrating process ended without an answer; the message is its last line of errors."""


class _CalibratingProcess:
    def __init__(self, threads: int, complaints: IO[bytes]) -> None:
        self._complaints = complaints
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ftlab.estimate.calibration.measuring_process"],
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            encoding="utf-8",
        )

    def tell(self, line: str) -> None:
        try:
            self._process.stdin.write(f"{line}\n")  # type: ignore[union-attr] # it is a pipe
            self._process.stdin.flush()  # type: ignore[union-attr]
        except BrokenPipeError as error:
            raise _SilentProcessError(self._last_complaint()) from error

    def answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()  # type: ignore[union-attr] # it is a pipe
        if not line:
            raise _SilentProcessError(self._last_complaint())
        content: dict[str, Any] = json.loads(line)
        if "error" in content:
            raise FtlabError(content["error"])
        return content

    def stop(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self.stop()
        self._process.communicate()

    def _last_complaint(self) -> str:
        status = self._process.wait()
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), f"exit status {status}")


@contextmanager
def _processes(number: int, threads: int) -> Iterator[list[_CalibratingProcess]]:
    with ExitStack() as stack:
        started = []
        for _ in range(number):
            started.append(_CalibratingProcess(threads, stack.enter_context(TemporaryFile())))
            stack.callback(started[-1].close)
        yield started


def _stop(processes: Sequence[_CalibratingProcess]) -> None:
    for process in processes:
        process.stop()


def _converse(processes: Sequence[_CalibratingProcess], request: CalibrationRequest) -> list[Measurement]:
    for process in processes:
        process.tell(json.dumps(request.to_json()))
    for process in processes:
        process.answer()
    # All are warm: now they measure at the same time.
    for process in processes:
        process.tell("go")
    return [Measurement(**process.answer()["measurement"]) for process in processes]


def _summary(found: Sequence[Measurement]) -> Measurement:
    """Return the means of the durations and the highest peak."""

    def mean(name: str) -> Any:
        values = [getattr(one, name) for one in found]
        return None if None in values else fmean(values)

    names = ("plain_seconds", "transformed_seconds", "knn_seconds", "final_seconds", "build_seconds")
    means = {name: mean(name) for name in names}
    peak, steps = max(one.peak_bytes for one in found), sum(one.num_steps for one in found)
    return replace(found[0], **means, peak_bytes=peak, num_steps=steps)
