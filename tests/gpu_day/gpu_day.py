"""A day with a GPU, in minutes: tests, the step, packing, a study; its table is printed last.

`make gpu-day` needs torch and torchvision as they are on the machine, and takes what else is missing from
``.gpu-day/pack``, which `make gpu-day-pack` made at home. It ends by itself, and each part leaves what it found in the
output folder.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from commands import Runner
from figures import PACKING, STEP, Benchmark
from parcels import ParcelError, Store, read_parcel
from rows import Row, Table, read_row

ROOT = Path(__file__).parents[2]
PACK = ROOT / ".gpu-day"
STORE = Path(os.environ.get("FTLAB_GPU_DAY", "~/.cache/ftlab/gpu-day")).expanduser()
FOLDERS = ("platform", "tests/benchmarks", "tests/gpu_day", "tests/integration/services")
TEST_SECONDS, STEP_SECONDS, PACKING_SECONDS = 75.0, 150.0, 60.0
MAX_FAILURES = 30
# To print the table, and for what was asked to end.
CLOSING_SECONDS = 10.0


def main() -> None:
    """Take in the parcels; then run the parts, or the sweep."""
    arguments = parse_arguments()
    started = time.monotonic()
    store = Store(STORE)
    try:
        for folder in arguments.unpack or sorted(PACK.glob("pa[cr][kt]*")):
            missing = store.take(folder) if fits(folder) or arguments.unpack else []
            if missing:
                print(f"{folder.name} is in; {len(missing)} files are still missing, {missing[0]} among them")
        if arguments.unpack:
            return
        day = Day(arguments, store, started + 60 * arguments.minutes)
        day.sweep() if arguments.ray else day.run()
    except ParcelError as error:
        sys.exit(f"error: {error}")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=8.0, help="everything ends after so many")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--output", type=Path, default=ROOT / "results/gpu-day")
    parser.add_argument("--photographs", type=Path, help="folder with train/ and test/, in place of the pack's")
    parser.add_argument("--about", type=Path, default=PACK / "pack/about.json", help="what was noted at home")
    parser.add_argument("--small", action="store_true", help="sizes that a laptop's cores can do")
    parser.add_argument("--ray", action="store_true", help="run the sweep on Ray and MLflow, and nothing else")
    parser.add_argument("--unpack", type=Path, nargs="+", help="take in these parcels, and do nothing else")
    return parser.parse_args()


def fits(folder: Path) -> bool:
    """Return whether a parcel's wheels are for this Python: an installed environment needs none."""
    return read_parcel(folder).python == "{}.{}".format(*sys.version_info)


class Day:
    """One run of the parts.

    Args:
        arguments: Arguments of the user.
        store: The store with the parcels.
        deadline: Value of ``time.monotonic`` at which everything ends.
    """

    def __init__(self, arguments: argparse.Namespace, store: Store, deadline: float) -> None:
        self._arguments = arguments
        self._output: Path = arguments.output
        self._store = store
        if self._output.exists():
            shutil.rmtree(self._output)
        self._output.mkdir(parents=True)
        self._about = read_json(arguments.about)
        self._home = store.files.parent / "home"
        shutil.rmtree(self._home, ignore_errors=True)
        self._runner = Runner(deadline - CLOSING_SECONDS, self._environment(), self._output / "log.txt")
        self._table = Table(self._output, machine_facts(self._environment()))

    def run(self) -> None:
        """Check the photographs, then run parts 1 to 4; print the table."""
        photographs = self._photographs()
        if photographs and (refusal := self._check(photographs)):
            sys.exit(refusal)
        with self._compiling():
            self._test()
        self._measure(STEP, STEP_SECONDS)
        self._measure(PACKING, PACKING_SECONDS)
        self._train(photographs)
        print(self._table)

    def sweep(self) -> None:
        """Run part 5; print the table."""
        command = [*self._script("sweep.py"), "--output", str(self._output), "--home", str(self._home / "ray")]
        done = self._runner.run([*command, *(["--small"] if self._arguments.small else [])], self._runner.seconds_left)
        found = read_json(self._output / "sweep.json")
        rows = [read_row(row) for row in found.get("rows", [])]
        self._table.add(rows or [Row("sweep", None, done.complaint)])
        if done.status != 0:
            self._table.note([f"the sweep's script ended early: {done.complaint}"])
        print(self._table)
        sys.exit(0 if done.status == 0 else 1)

    def _environment(self) -> dict[str, str]:
        folders = [str(self._store.site), *(str(ROOT / folder) for folder in FOLDERS)]
        given = os.environ.get("PYTHONPATH")
        commit = os.environ.get("FTLAB_COMMIT") or str(self._about.get("commit", ""))
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([*folders, *([given] if given else [])]),
            "PYTHONUNBUFFERED": "1",
            "TORCHINDUCTOR_CACHE_DIR": str(self._home / "compiled"),
            **({"FTLAB_COMMIT": commit} if commit else {}),
        }

    def _photographs(self) -> list[str]:
        """Return the options that name the photographs; none where the digits serve."""
        if self._arguments.photographs:
            return ["--photographs", str(self._arguments.photographs)]
        packed: dict[str, Any] = self._about.get("photographs", {})
        archive = self._store.files / str(packed.get("archive"))
        if not packed or not archive.exists():
            return []
        target = self._store.files / "photographs"
        if not target.exists():
            fresh = target.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            with tarfile.open(archive) as content:
                content.extractall(fresh, filter="data")
            fresh.rename(target)
        return ["--photographs", str(target / packed["root"]), "--fingerprint", packed["fingerprint"]]

    def _check(self, photographs: list[str]) -> str:
        done = self._runner.run([*self._study(photographs), "--check"], 120.0)
        return "" if done.status == 0 else done.complaint

    def _test(self) -> None:
        command = [sys.executable, "-m", "pytest", str(ROOT / "tests/gpu"), "-q", "-rf", "--no-header", "--tb=short"]
        command += ["-p", "no:cacheprovider", "--rootdir", str(ROOT)]
        done = self._runner.run(command, TEST_SECONDS, FTLAB_TEST_DEVICE=self._arguments.device)
        counts = re.findall(r"(\d+) (passed|failed|skipped|errors?)", done.output.strip().rpartition("\n")[2])
        told = ", ".join(f"{number} {what}" for number, what in counts) or done.complaint
        self._table.add([Row("tests/gpu", None, f"{told} in {done.seconds:.0f} s")])
        failures = [line for line in done.output.splitlines() if line.startswith(("FAILED ", "ERROR "))]
        self._table.note(failures[:MAX_FAILURES])

    @contextmanager
    def _compiling(self) -> Iterator[None]:
        """Have the compiler fill its cache meanwhile: on a few cores, a ResNet takes it longer than a part may last."""
        compiled = [each for each in STEP if "--compile" in each.arguments and not self._arguments.small]
        with ExitStack() as stack:
            for benchmark in compiled:
                options = ["--steps", "1", "--rounds", "1"]
                command = [*self._benchmark(benchmark), *benchmark.arguments.split(), *options]
                stack.enter_context(self._runner.beside(command, FTLAB_BENCH=str(self._home / "compiling")))
            yield

    def _benchmark(self, benchmark: Benchmark) -> list[str]:
        script = str(ROOT / "tests/benchmarks" / f"{benchmark.script}.py")
        return [sys.executable, script, "--device", self._arguments.device]

    def _measure(self, benchmarks: tuple[Benchmark, ...], seconds: float) -> None:
        end = time.monotonic() + min(seconds, self._runner.seconds_left)
        for number, benchmark in enumerate(benchmarks):
            left = end - time.monotonic()
            reports = self._home / f"bench-{benchmark.script}-{number}"
            options = benchmark.small if self._arguments.small else benchmark.arguments
            if options is None:
                continue
            command = [*self._benchmark(benchmark), *options.split()]
            # What a GPU does in seconds, busy cores may take the whole part for.
            limit = left if self._arguments.small else min(left, benchmark.seconds)
            done = self._runner.run(command, max(0.0, limit), FTLAB_BENCH=str(reports))
            report = read_json(reports / f"{benchmark.script}.json")
            self._table.add(benchmark.rows(report) if report else [])
            if done.status != 0:
                self._table.add([Row(f"{benchmark.name}: ended early", None, done.complaint)])

    def _train(self, photographs: list[str]) -> None:
        seconds = self._runner.seconds_left
        self._runner.run([*self._study(photographs), "--seconds", f"{seconds - CLOSING_SECONDS:.0f}"], seconds)
        found = read_json(self._output / "study.json")
        cells: dict[str, dict[str, float]] = found.get("cells", {})
        whole = sorted(set.intersection(*(set(values) for values in cells.values()))) if cells else []
        data = "photographs" if photographs else "digits"
        self._table.add(
            [
                Row(f"components on {data}", None, f"{found.get('epochs', 0)} epochs, whole seeds: {len(whole)}"),
                *(
                    Row(f"components, {name}: {found['metric']}", sum(values.values()) / len(values), "%")
                    for name, values in cells.items()
                    if values
                ),
            ]
        )
        if found:
            command = found["command"].replace("<seeds>", str(max(1, len(whole))))
            self._table.note(["the records of the study, at home:", *(f"    {line}" for line in homecoming(command))])

    def _study(self, photographs: list[str]) -> list[str]:
        small = ["--small"] if self._arguments.small else []
        folders = ["--output", str(self._output), "--home", str(self._home)]
        return [*self._script("study.py"), *folders, *photographs, *small]

    def _script(self, name: str) -> list[str]:
        return [sys.executable, str(ROOT / "tests/gpu_day" / name), "--device", self._arguments.device]


def homecoming(table: str) -> list[str]:
    """Return the commands that bring the records into the store at home."""
    return ["mkdir -p gpu-day && tar xzf journal.tar.gz -C gpu-day", "make import-journal FROM=gpu-day/trials", table]


def machine_facts(environment: dict[str, str]) -> dict[str, str]:
    """Return card and versions, asked of another process: CUDA does not survive a fork."""
    script = (
        "import json, torch, _harness; "
        "print(json.dumps({'card': ', '.join(_harness.gpu_names()) or 'none', 'CUDA': str(torch.version.cuda), "
        "**_harness.installed_versions()}))"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: torch and the pack's packages must import, but: {done.stderr.strip().rpartition(chr(10))[2]}")
    facts: dict[str, str] = json.loads(done.stdout.strip().rpartition("\n")[2])
    return {
        **facts,
        "python": "{}.{}.{}".format(*sys.version_info),
        "commit": environment.get("FTLAB_COMMIT", "of git"),
    }


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a file; empty if there is none, or half of one."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content


if __name__ == "__main__":
    main()
