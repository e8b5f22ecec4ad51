"""Commands of a GPU day: each in a process group of its own, within its time, its output kept."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class Done:
    """The end of a command.

    Attributes:
        status: Exit status; None if its time was over.
        output: Its output.
        seconds: Time that it took.
    """

    status: int | None
    output: str
    seconds: float

    @property
    def complaint(self) -> str:
        """The last line, for a command that failed."""
        if self.status is None:
            return f"stopped after {self.seconds:.0f} s"
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        return lines[-1] if lines else f"exit status {self.status}"


class Runner:
    """Runs one command after another until a deadline.

    Args:
        deadline: Value of ``time.monotonic`` at which everything ends.
        environment: Variables of the commands.
        log: File that their output is added to.
    """

    def __init__(self, deadline: float, environment: Mapping[str, str], log: Path) -> None:
        self._deadline = deadline
        self._environment = dict(environment)
        self._log = log

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline, at least 0."""
        return max(0.0, self._deadline - time.monotonic())

    def run(self, command: Sequence[str], seconds: float, **variables: str) -> Done:
        """Run a command for at most so many seconds; then it, and all that it started, is ended.

        Args:
            command: The command.
            seconds: Its time, cut at the deadline.
            **variables: Further environment.
        """
        started = time.monotonic()
        limit = min(seconds, self.seconds_left)
        with self._log.open("ab") as log:
            log.write(f"\n$ {' '.join(command)}\n".encode())
            log.flush()
            begin = log.tell()
            process = subprocess.Popen(
                command,
                env={**self._environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                status: int | None = process.wait(limit)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                end_group(process)
        with self._log.open("rb") as log:
            log.seek(begin)
            output = log.read().decode(errors="replace")
        return Done(status, output, time.monotonic() - started)

    @contextmanager
    def beside(self, command: Sequence[str], **variables: str) -> Iterator[None]:
        """Run a command beside others until the block is left; then it is ended if it goes on."""
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                command,
                env={**self._environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield
        finally:
            end_group(process)


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it started: asked to at first, then killed."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
