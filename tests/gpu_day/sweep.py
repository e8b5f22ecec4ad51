"""The sweep on a GPU day: Ray Tune with measured packing, MLflow on SQLite, and a worker that is killed.

Eight short trials, as many at a time as `trials_per_device: auto` finds; once the first has recorded epochs, one worker
is killed by SIGKILL. Then the same command again, which must train nothing, and the store is compared with the journal.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import yaml
from commands import end_group
from mlflow import MlflowClient
from rows import Goal, Row
from store_audit import audit_store

from ftlab.estimate.packing import SAFETY_FACTOR, WORKER_BYTES
from ftlab.tracking.tracking_uri import default_tracking_uri

MOMENTA = [0.9, 0.99, 0.996, 0.999]
SEEDS = 2
NUM_TRIALS = len(MOMENTA) * SEEDS
AT_A_TIME = 4


def main() -> None:
    """Run the sweep twice, and write what was found to ``sweep.json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--small", action="store_true")
    arguments = parser.parse_args()
    laboratory = Laboratory(arguments.home, on_gpu=arguments.device == "cuda", epochs=60 if arguments.small else 200)
    rows: list[Row] = []

    def keep(*found: Row) -> None:
        rows.extend(found)
        (arguments.output / "sweep.json").write_text(
            json.dumps({"rows": [asdict(row) for row in rows]}), encoding="utf-8"
        )
        for row in found:
            print(" | ".join(row.cells), flush=True)

    disturbed = laboratory.sweep(disturb=True)
    keep(
        Row("sweep: trials that were to be trained", disturbed.first("new"), "", Goal(NUM_TRIALS)),
        Row("sweep: exit status", disturbed.status, "", Goal(0, at_least=False)),
        Row("sweep: workers killed", disturbed.killed, "", Goal(1)),
        Row("sweep: trials at a time", disturbed.most_at_a_time),
        Row("sweep: seconds", round(disturbed.seconds, 1), "s"),
    )
    again = laboratory.sweep(disturb=False)
    keep(
        Row("the same again: trials trained", again.first("new"), "", Goal(0, at_least=False)),
        Row("the same again: trials reused", again.first("reused"), "", Goal(NUM_TRIALS)),
        Row("the same again: seconds", round(again.seconds, 1), "s"),
    )
    client = MlflowClient(tracking_uri=laboratory.tracking_uri)
    audit = audit_store(client, laboratory.home / "trials", without=("train_seconds", "epoch_seconds"))
    journals = len(list((laboratory.home / "trials").glob("*.jsonl")))
    keep(
        Row("trials in the journal", journals, "", Goal(NUM_TRIALS)),
        *(Row(f"store: {name}", len(found), "", Goal(0, at_least=False)) for name, found in asdict(audit).items()),
    )
    set_aside = laboratory.set_aside()
    if disturbed.peak_bytes and set_aside:
        keep(
            Row("memory of a slot", round(disturbed.peak_bytes / 1e6), "MB"),
            Row("memory of a slot / set aside for it", disturbed.peak_bytes / set_aside, "", Goal(1.0, at_least=False)),
        )
    else:
        keep(Row("memory of a slot", None, "not told by this machine"))


class Ended:
    """The end of a sweep.

    Args:
        status: Exit status.
        output: Its output.
        seconds: Its duration.
        watch: The observations meanwhile.

    Attributes:
        killed: Number of workers that were killed.
        most_at_a_time: Most workers that trained at a time.
        peak_bytes: Most memory that one of them held.
    """

    def __init__(self, status: int, output: str, seconds: float, watch: "Watch") -> None:
        self.status = status
        self.seconds = seconds
        self.killed = watch.killed
        self.most_at_a_time = watch.most_at_a_time
        self.peak_bytes = max(watch.peak_bytes.values(), default=0)
        self._output = output

    def first(self, word: str) -> int | None:
        """Return the number before a word in the line that says what is to be trained; None if there is none."""
        found = re.search(rf"\d+ trials: .*?(\d+) {word}", self._output)
        return int(found[1]) if found else None


class Laboratory:
    """A home with one experiment and one profile.

    Args:
        home: FTLAB_HOME.
        on_gpu: Whether trials train on a GPU.
        epochs: Length of a trial.
    """

    def __init__(self, home: Path, *, on_gpu: bool, epochs: int) -> None:
        self.home = home
        self.tracking_uri = default_tracking_uri(home)
        self._on_gpu = on_gpu
        experiments = home / "experiments"
        (experiments / "profiles").mkdir(parents=True)
        experiment = {"question": "Does a sweep hold on this machine?", "seeds": SEEDS, "baseline": "key_momentum=0.99"}
        experiment["grid"] = {"method.key_momentum": MOMENTA}
        threads = max(1, (os.cpu_count() or 1) // AT_A_TIME)
        profile = {
            "description": "Digits, for the machine's sake",
            "metric": "probe/few_shot_top1",
            "protocol": "digits, short, one GPU",
            "trial": {"method": {"queue_size": 1024}, "train": {"epochs": epochs, "batch_size": 128}},
            "resources": {
                "device": "auto",
                "cpus_per_trial": threads,
                "gpus_per_trial": 1.0 if on_gpu else 0.0,
                "trials_per_device": "auto",
                "max_failures": 2,
                "checkpoint_seconds": 2,
            },
        }
        (experiments / "gpu_day.yaml").write_text(yaml.safe_dump(experiment), encoding="utf-8")
        (experiments / "profiles" / "gpu_day.yaml").write_text(yaml.safe_dump(profile), encoding="utf-8")
        ours = {
            "FTLAB_HOME": str(home),
            "FTLAB_EXPERIMENTS": str(experiments),
            "MLFLOW_TRACKING_URI": self.tracking_uri,
        }
        self._environment = {**os.environ, **ours}

    def sweep(self, *, disturb: bool) -> Ended:
        """Run the sweep to its end."""
        started = time.monotonic()
        command = [sys.executable, "-m", "ftlab", "sweep", "gpu_day", "--profile", "gpu_day"]
        command += ["--results", str(self.home / "results")]
        process = subprocess.Popen(
            command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        watch = Watch(self.home, on_gpu=self._on_gpu, disturb=disturb)
        thread = threading.Thread(target=watch.run, args=(lambda: process.poll() is not None,))
        thread.start()
        try:
            output, _ = process.communicate()
        finally:
            end_group(process)
            thread.join()
        text = output.decode(errors="replace")
        print(text, flush=True)
        return Ended(process.returncode, text, time.monotonic() - started, watch)

    def set_aside(self) -> float:
        """Return the bytes that packing sets aside for a trial, by what was measured; 0 if nothing was."""
        found = [json.loads(path.read_text()) for path in (self.home / "costs").glob("*.json")]
        peak = max((size for costs in found for size in costs["peak_bytes"].values()), default=0)
        return SAFETY_FACTOR * peak + (0 if self._on_gpu or not peak else WORKER_BYTES)


class Watch:
    """Watches the workers of a sweep, and kills one of them once epochs are recorded.

    Args:
        home: FTLAB_HOME of the sweep; its workers have it in their environment.
        on_gpu: Whether memory is that of the GPU.
        disturb: Whether a worker is killed.

    Attributes:
        killed: Number of workers that were killed.
        most_at_a_time: Most workers that trained at a time.
        peak_bytes: By process, the most memory that was seen.
    """

    def __init__(self, home: Path, *, on_gpu: bool, disturb: bool) -> None:
        self._home = home
        self._on_gpu = on_gpu
        self._disturb = disturb
        self.killed = 0
        self.most_at_a_time = 0
        self.peak_bytes: dict[int, int] = {}

    def run(self, is_over: Callable[[], bool]) -> None:
        """Look twice a second until the sweep is over."""
        while not is_over():
            workers = self._workers()
            self.most_at_a_time = max(self.most_at_a_time, len(workers))
            held = gpu_bytes() if self._on_gpu else {pid: process_bytes(pid) for pid in workers}
            for pid in workers:
                self.peak_bytes[pid] = max(self.peak_bytes.get(pid, 0), held.get(pid, 0))
            if self._disturb and not self.killed and workers and self._has_epochs():
                with suppress(ProcessLookupError):
                    os.kill(workers[0], signal.SIGKILL)
                    self.killed += 1
            time.sleep(0.5)

    def _workers(self) -> list[int]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended
                command = (process / "cmdline").read_bytes()
                if re.match(rb"ray::\w*Trainable", command) and self._is_ours(process):
                    found.append(int(process.name))
        return sorted(found)

    def _is_ours(self, process: Path) -> bool:
        # Ray's workers move to a folder of their own below the home, and overwrite their environment with a title.
        environment = (process / "environ").read_bytes().split(b"\0")
        return f"FTLAB_HOME={self._home}".encode() in environment or (process / "cwd").resolve().is_relative_to(
            self._home.resolve()
        )

    def _has_epochs(self) -> bool:
        return any('"event":"epochs"' in path.read_text() for path in (self._home / "trials").glob("*.jsonl"))


def gpu_bytes() -> dict[int, int]:
    """Return the bytes of GPU memory that each process holds, as NVIDIA's driver tells; nothing without it."""
    command = ["nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    lines = (line.split(",") for line in done.stdout.splitlines())
    return {int(line[0]): int(line[1]) * 1024**2 for line in lines if len(line) == 2 and line[1].strip().isdecimal()}


def process_bytes(pid: int) -> int:
    """Return the most memory that a process has held, in bytes; 0 if it has ended."""
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024
    return 0


if __name__ == "__main__":
    main()
