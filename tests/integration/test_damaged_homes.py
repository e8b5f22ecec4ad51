"""Five hundred damaged homes: each costs work or is a clear error, and none changes a number in silence."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
import yaml

from ftlab.cli.command_line import main
from ftlab.config.home import Home
from ftlab.estimate.cost import Costs
from ftlab.estimate.cost_store import CostStore
from ftlab.machine.hardware import find_hardware
from ftlab.storage.sealed_json import sealed
from ftlab.study.spec import load_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SEED = 20261128
NUM_PARTS, CASES_A_PART, NUM_PROCESSES = 50, 10, 20
MAX_SECONDS = 5.0  # of a processor, for the machine may be busy
MAX_WAIT = 45.0  # seconds; waiting takes no processor
MAX_MESSAGE = 3000  # characters, a screen and what is around it

TINY = ("--profile", "tiny")
TABLE = ("table", "exp", *TINY)
PLAN, MORE = ("plan", "exp", *TINY), ("plan", "exp", *TINY, "--seeds", "2")
SWEEP = ("sweep", "exp", *TINY)
DOCTOR = ("doctor", *TINY)
VERIFY, EXPLAIN = ("verify", "results"), ("explain", "results/exp/tiny")
BUNDLE = ("bundle", "exp", *TINY, "--results", "results", "--output", "bundled")
IMPORT = ("import-journal", "home")
TRAIN = ("train", *TINY, "--set", "method.key_momentum=0.9", "--seed", "0")
EXPORT = ("export-backbone", "trial seed 0", "--to", "timm", "--output", "weights.pth", "--force")

# Globs below the working folder, and the commands that read what they name.
FILES = {
    "home/mlflow.db": (TABLE, PLAN, VERIFY, EXPLAIN, SWEEP, DOCTOR, BUNDLE, TRAIN),
    "home/artifacts/*/*/artifacts/*": (TABLE, BUNDLE),
    "home/trials/*": (MORE, SWEEP, IMPORT, DOCTOR, TABLE),
    "home/cache/*/*.*": (PLAN, TABLE, SWEEP),
    "home/cache/index/*": (PLAN, SWEEP),
    "home/plans/*": (PLAN, SWEEP),
    "home/costs/*": (MORE,),
    "home/checkpoints/*": (PLAN, EXPORT, SWEEP),
    "home/locks/*": (SWEEP, TRAIN),
    "home/*": (DOCTOR, PLAN, SWEEP, VERIFY),
    "results/exp/tiny/*": (VERIFY, EXPLAIN, BUNDLE, TABLE),
    "results/exp/tiny/provenance.json": (VERIFY, EXPLAIN, BUNDLE),
    "results/exp/tiny/table.csv": (VERIFY, EXPLAIN, BUNDLE),
}

DEEP = 100_000
OTHER_TEXTS = (
    *(b"null", b"[]", b"{}", b"7", b'"text"', b"true", b"NaN", b"[NaN, Infinity]", b"9" * 400, b"-1", b"1e999"),
    *(b"[" * DEEP, b'{"a":' * DEEP + b"1" + b"}" * DEEP, b"", b"\n", b"\0" * 100, b"\xef\xbb\xbf{}", b"\xe9\xe8\xff"),
    *(b"SQLite format 3\0", b"PAR1PAR1", b"\x93NUMPY", b"PK\x03\x04", b"\xff\xfe{\0}\0", b'{"a":1,"a":2}'),
)
ODD_NAMES = (
    b"\xff\xfe.json",
    b"a\nb.jsonl",
    b"n" * 250,
    b"..jsonl",
    b" ",
    b"%s?#.npy",
    b"\x1b[31m.ckpt",
    "é.json".encode(),
)
OTHER_VALUES: tuple[Any, ...] = (
    None,
    [],
    {},
    "",
    "text",
    -1,
    0,
    1.5,
    True,
    float("nan"),
    10**400,
    "\ud800",
    [[]],
    {"a": 1},
)


class Damage(NamedTuple):
    """A way to damage a file.

    Attributes:
        name: Its name in messages of the test.
        inflict: Damages a file, by a source of chance.
    """

    name: str
    inflict: Callable[[Path, random.Random], object]


def rewritten(change: Callable[[bytes, random.Random], bytes]) -> Callable[[Path, random.Random], object]:
    def inflict(path: Path, chance: random.Random) -> object:
        return path.write_bytes(change(path.read_bytes(), chance))

    return inflict


def flipped(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content or b"\0")
    for _ in range(chance.choice((1, 1, 10, 1000))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def page_lost(content: bytes, chance: random.Random) -> bytes:
    """Return a text of which a later page of 4096 bytes is empty, random, or another one."""
    pages = max(2, len(content) // 4096)
    at, other = (4096 * chance.randrange(1, pages) for _ in range(2))
    page = chance.choice((bytes(4096), chance.randbytes(4096), content[other : other + 4096]))
    return content[:at] + page + content[at + 4096 :]


def other_values(content: bytes, chance: random.Random) -> bytes:
    """Return the lines of a text, one of which has a field less, or a field of another type, if it is JSON."""
    lines = content.split(b"\n")
    at = chance.randrange(len(lines))
    try:
        root = place = json.loads(lines[at])
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = chance.choice(keys)
            if not isinstance(place[key], dict | list) or not place[key] or chance.random() < 0.3:
                break
            place = place[key]
    except (ValueError, TypeError, IndexError, RecursionError):
        return flipped(content, chance)
    if chance.random() < 0.3:
        del place[key]
    else:
        place[key] = chance.choice(OTHER_VALUES)
    if isinstance(root, dict) and chance.random() < 0.5:  # as a file of before
        root.pop("checksum", None)
        root.pop("format", None)
    lines[at] = json.dumps(root).encode()
    return b"\n".join(lines)


def replace_with(make: Callable[[Path], object]) -> Callable[[Path, random.Random], object]:
    def inflict(path: Path, _: random.Random) -> None:
        path.unlink()
        make(path)

    return inflict


def stray(path: Path, chance: random.Random) -> None:
    """Put a file, a folder or a broken link of an odd name beside a file."""
    beside = Path(os.fsdecode(os.path.join(os.fsencode(path.parent), chance.choice(ODD_NAMES))))  # noqa: PTH118
    chance.choice((Path.touch, Path.mkdir, lambda new: new.symlink_to("nowhere"), os.mkfifo))(beside)


DAMAGES = (
    Damage("empty", rewritten(lambda _, __: b"")),
    Damage("half", rewritten(lambda content, _: content[: len(content) // 2])),
    Damage("last byte", rewritten(lambda content, _: content[:-1])),
    Damage("cut", rewritten(lambda content, chance: content[: chance.randrange(len(content) + 1)])),
    Damage("flipped", rewritten(flipped)),
    Damage("page", rewritten(page_lost)),
    Damage("other text", rewritten(lambda _, chance: chance.choice(OTHER_TEXTS))),
    Damage("other values", rewritten(other_values)),
    Damage("nul bytes", rewritten(lambda content, _: content.replace(b"e", b"\0"))),
    Damage("latin-1", rewritten(lambda content, _: content.replace(b"e", b"\xe9"))),
    Damage("mark", rewritten(lambda content, _: b"\xef\xbb\xbf" + content)),
    Damage("garbage", rewritten(lambda _, chance: chance.randbytes(5_000_000))),
    Damage("twice", rewritten(lambda content, _: content * 2)),
    Damage("gone", lambda path, _: path.unlink()),
    Damage("folder", replace_with(Path.mkdir)),
    Damage("loop", replace_with(lambda path: path.symlink_to(path))),
    Damage("broken link", replace_with(lambda path: path.symlink_to("nowhere"))),
    Damage("device", replace_with(lambda path: path.symlink_to(os.devnull))),
    Damage("pipe", replace_with(os.mkfifo)),
    Damage("stray", stray),
)


class Case(NamedTuple):
    """A damaged home, and a command that reads what is damaged.

    Attributes:
        where: Damage, file and command, in words.
        folder: Working folder of the command.
        command: The command.
    """

    where: str
    folder: Path
    command: tuple[str, ...]


def run(*arguments: str) -> int:
    """Run a command in this process, and return its exit status."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["ftlab", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0)


def close_stores() -> None:
    """Close MLflow's connections, of which each case leaves some."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Store

    for engine in (*Registry._engine_map.values(), *Store._engine_map.values()):
        engine.dispose()


def scores(folder: Path) -> dict[str, float]:
    """Return the mean of each cell of the table that has one."""
    table = pd.read_csv(folder / "results" / "exp" / "tiny" / "table.csv")
    return dict(table[["cell", "mean"]].dropna().itertuples(index=False))


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory, tiny_profile: dict[str, Any]) -> Iterator[Path]:
    """A folder with a home of two trials, every kind of file in it, the results of their table, and experiments."""
    folder = tmp_path_factory.mktemp("intact")
    grid = {"method.key_momentum": [0.9, 0.5]}
    experiment = {"question": "Which?", "seeds": 1, "grid": grid, "baseline": "key_momentum=0.9"}
    (folder / "experiments" / "profiles").mkdir(parents=True)
    (folder / "experiments" / "exp.yaml").write_text(yaml.safe_dump(experiment))
    (folder / "experiments" / "profiles" / "tiny.yaml").write_text(yaml.safe_dump(tiny_profile))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("FTLAB_HOME", str(folder / "home"))
        patch.setenv("FTLAB_EXPERIMENTS", str(folder / "experiments"))
        patch.setenv("OMP_NUM_THREADS", "1")
        for momentum in grid["method.key_momentum"]:
            assert run("train", *TINY, "--set", f"method.key_momentum={momentum}", "--seed", "0") == 0
        assert run(*SWEEP) == 0
        home = Home(str(folder / "home"))
        CostStore(home, find_hardware(load_study("exp", "tiny").profile.resources, together=1)).add(Costs())
        home.shared("plans").write("0123456789abcdef.json", sealed({"study": "another", "checkpoints": ["a"]}))
        home.shared("checkpoints").write("a.ckpt", b"of another study")
        close_stores()
        yield folder


def damaged(number: int, intact: Path, folder: Path) -> Case:
    """Copy the intact folder, and damage a file of the copy."""
    chance = random.Random(f"{SEED} {number}")  # noqa: S311
    folder = folder / str(number)
    folder.mkdir()
    for name in ("home", "results"):
        shutil.copytree(intact / name, folder / name)
    kind = list(FILES)[number % len(FILES)]
    path = chance.choice(sorted(path for path in folder.glob(kind) if path.is_file()))
    damage, command = chance.choice(DAMAGES), chance.choice(FILES[kind])
    damage.inflict(path, chance)
    return Case(f"{number}: {damage.name} of {path.relative_to(folder)}, {command[0]}", folder, command)


def enter(case: Case, intact: Path, patch: pytest.MonkeyPatch) -> None:
    """Make a damaged home the one of the next command; what is imported goes to another one."""
    patch.chdir(case.folder)
    patch.setenv("FTLAB_EXPERIMENTS", str(intact / "experiments"))
    patch.setenv("FTLAB_HOME", str(case.folder / ("other" if case.command is IMPORT else "home")))


def faults(case: Case, status: int, out: str, err: str, intact: Path) -> Iterator[str]:
    """Yield everything that a command must not do with a damaged home."""
    if status not in (0, 1):
        yield f"exit status {status}"
    if "Traceback" in out + err:
        yield f"a traceback: {err[-2000:]}"
    if status == 1 and not (err or case.command is DOCTOR):
        yield "an error without a message"
    if max(map(len, err.splitlines()), default=0) > MAX_MESSAGE:
        yield f"a message of {len(err)} characters"
    if status == 0 and case.command in (TABLE, SWEEP) and not scores(case.folder).items() <= scores(intact).items():
        yield f"other numbers: {scores(case.folder)}"
    table = Path("results", "exp", "tiny", "table.csv")
    if status == 0 and case.command is VERIFY and (case.folder / table).read_bytes() != (intact / table).read_bytes():
        yield "another table is as recorded"


@pytest.mark.parametrize("part", range(NUM_PARTS))
def test_damaged_homes(
    part: int, intact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Nothing is trained or calibrated, and pictures, which take most of the time, are not drawn.
    monkeypatch.setattr("ftlab.workers.session.RaySession.start", lambda _: None)
    monkeypatch.setattr("ftlab.engine.study_session.StudySession.train", lambda *_, **__: {})
    monkeypatch.setattr("ftlab.cli.plan_command.MAX_CALIBRATIONS", 0)
    monkeypatch.setattr("ftlab.publish.table_files.write_training_figures", lambda *_: [])
    monkeypatch.setattr("ftlab.publish.table_files.draw_axis_figure", lambda *_: [])
    found = []
    for number in range(part * CASES_A_PART, (part + 1) * CASES_A_PART):
        case = damaged(number, intact, tmp_path)
        enter(case, intact, monkeypatch)
        started, entered = time.process_time(), time.monotonic()
        try:
            status = run(*case.command)
        except Exception as error:  # every one is a fault, and all are to be seen
            found.append(f"{case.where}: raised {''.join(traceback.format_exception(error)[-3:])}")
            continue
        finally:
            close_stores()
        if (seconds := time.process_time() - started) > MAX_SECONDS:
            found.append(f"{case.where}: {seconds:.1f} s")
        if (waited := time.monotonic() - entered) > MAX_WAIT:
            found.append(f"{case.where}: waited for {waited:.0f} s")
        found += [f"{case.where}: {fault}" for fault in faults(case, status, *capsys.readouterr(), intact)]
        monkeypatch.chdir(tmp_path)
        shutil.rmtree(case.folder)
    assert not found, "\n".join(found)


def test_twenty_of_them_as_processes(intact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = NUM_PARTS * CASES_A_PART
    found = []
    for number in range(first, first + NUM_PROCESSES):
        case = damaged(number, intact, tmp_path)
        enter(case, intact, monkeypatch)
        command = (sys.executable, "-m", "ftlab", *case.command)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        found += [f"{case.where}: {fault}" for fault in faults(case, done.returncode, done.stdout, done.stderr, intact)]
    assert not found, "\n".join(found)
