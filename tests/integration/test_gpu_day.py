"""A GPU day on this machine's cores: in this environment, and in one that has what a GPU machine has."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from sklearn.datasets import load_digits

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests/gpu_day/gpu_day.py"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits as JPEG files of 32 pixels, 60 a class to train on and 10 to test on."""
    folder = tmp_path_factory.mktemp("photographs") / "digits"
    digits = load_digits()
    for label in range(10):
        images = digits.images[digits.target == label][:70]
        for number, pixels in enumerate(images):
            target = folder / ("train" if number < 60 else "test") / str(label)
            target.mkdir(parents=True, exist_ok=True)
            image = Image.fromarray((pixels * 15.9).astype("uint8")).resize((32, 32)).convert("RGB")
            image.save(target / f"{number}.jpg")
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "FTLAB_GPU_DAY": str(tmp_path / "store"), "FTLAB_HOME": str(tmp_path / "home")}


def day(python: Path | str, *arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [str(python), str(SCRIPT), "--device", "cpu", "--small", *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)


def assert_the_day_is_whole(output: Path) -> None:
    """Each part left a figure, the study at least one seed of every cell, and all of it in a few small files."""
    content = json.loads((output / "gpu-day.json").read_text())
    figures = {row["what"]: row for row in content["rows"]}
    for name in ("ResNet-18", "ResNet-50, 224 px"):
        assert figures[f"{name}: images/s"]["value"] > 0
    for name in ("FT on / off, K 1,024, without encoders", "2 small trials at once / one"):
        assert figures[name]["value"] > 0
    assert "passed" in figures["tests/gpu"]["unit"]
    assert "failed" not in figures["tests/gpu"]["unit"]
    cells = json.loads((output / "study.json").read_text())["cells"]
    assert len(cells) == 5
    assert all("0" in values for values in cells.values())
    files = [path for path in output.rglob("*") if path.is_file()]
    assert len(files) <= 8
    assert max(path.stat().st_size for path in files) < 16e6


def test_a_day_ends_in_time_and_its_records_make_a_table_at_home(
    photographs: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    started = time.monotonic()
    done = day(
        sys.executable,
        "--minutes",
        "5",
        "--photographs",
        str(photographs),
        "--output",
        str(output),
        environment=environment,
    )
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - started < 310
    assert_the_day_is_whole(output)
    with tarfile.open(output / "journal.tar.gz") as packed:
        packed.extractall(tmp_path / "records", filter="data")
    for told in ("trials: brought in", "trials: there already\nnothing was added"):
        imported = ftlab(environment, "import-journal", str(tmp_path / "records" / "trials"))
        assert imported.returncode == 0, imported.stderr
        assert told in imported.stdout
    table = json.loads((output / "study.json").read_text())["command"].split("SET=")[1].strip('"')
    settings = [f"--set={setting}" for setting in table.replace("/path/to", str(photographs.parent)).split()]
    made = ftlab(
        environment,
        "table",
        "components",
        "--profile",
        "cifar10",
        "--seeds",
        "1",
        *settings,
        "--results",
        str(tmp_path),
    )
    assert made.returncode == 0, made.stderr
    assert "not recorded yet" not in made.stdout


def test_other_pixels_than_at_home_stop_the_day_at_once(
    photographs: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    command: list[str | Path] = [
        sys.executable,
        ROOT / "tests/gpu_day/study.py",
        "--device",
        "cpu",
        "--output",
        tmp_path,
        "--check",
    ]
    command += ["--home", tmp_path / "home", "--photographs", photographs, "--fingerprint", "0" * 32]
    paths = [str(ROOT / folder) for folder in ("platform", "tests/benchmarks", "tests/gpu_day")]
    done = subprocess.run(
        command, env={**environment, "PYTHONPATH": os.pathsep.join(paths)}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert f"must have the pixels that they have at home, {'0' * 32}, but here they are" in done.stderr


def test_a_day_that_is_killed_leaves_what_it_had(
    photographs: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    command: list[str | Path] = [
        sys.executable,
        SCRIPT,
        "--device",
        "cpu",
        "--small",
        "--photographs",
        photographs,
        "--output",
        output,
    ]
    process = subprocess.Popen(command, env=environment, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL)
    table = output / "gpu-day.json"
    while not (table.exists() and json.loads(table.read_text())["rows"]):
        time.sleep(0.2)
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert [row["what"] for row in json.loads(table.read_text())["rows"]] == ["tests/gpu"]
    assert "tests/gpu" in (output / "gpu-day.md").read_text()


def test_a_day_stops_by_itself(photographs: Path, environment: dict[str, str], tmp_path: Path) -> None:
    output = tmp_path / "out"
    started = time.monotonic()
    done = day(
        sys.executable,
        "--minutes",
        "1",
        "--photographs",
        str(photographs),
        "--output",
        str(output),
        environment=environment,
    )
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - started < 70
    assert "stopped after" in done.stdout


def test_the_parts_for_a_machine_without_a_network_are_enough(
    photographs: Path, gpu_python: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    packs = tmp_path / "packs"
    command: list[str | Path] = [
        sys.executable,
        ROOT / "tests/gpu_day/pack.py",
        "--photographs",
        photographs,
        "--output",
        packs,
        "--all",
    ]
    subprocess.run(command, check=True, env={**environment, "PYTHONPATH": str(ROOT / "tests/gpu_day")})
    folders = sorted(packs.iterdir())
    assert max(sum(path.stat().st_size for path in folder.iterdir()) for folder in folders) < 56e6
    # A proxy that leads nowhere: whoever asks a network gets an error.
    offline = {
        **environment,
        "https_proxy": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "PIP_NO_INDEX": "1",
    }
    for folder in folders:
        taken = day(gpu_python, "--unpack", str(folder), environment=offline)
        assert taken.returncode == 0, taken.stderr
    assert "are still missing" not in taken.stdout
    output = tmp_path / "out"
    about = str(packs / "pack" / "about.json")
    done = day(gpu_python, "--minutes", "5", "--about", about, "--output", str(output), environment=offline)
    assert done.returncode == 0, done.stderr
    assert_the_day_is_whole(output)
    swept = day(gpu_python, "--ray", "--minutes", "8", "--output", str(tmp_path / "ray"), environment=offline)
    assert swept.returncode == 0, swept.stdout + swept.stderr
    assert "missed" not in swept.stdout


@pytest.fixture(scope="module")
def gpu_python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An environment as a GPU machine has it: Python 3.12, torch 2.11, and none of what sweeps need."""
    interpreter = next(filter(runs, interpreters()), None)
    if interpreter is None:
        pytest.skip("needs an interpreter of Python 3.12")
    folder = tmp_path_factory.mktemp("gpu-machine")
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "--quiet", "--seed", "--python", interpreter, folder / "venv"], check=True)
    python = folder / "venv/bin/python"
    there = ["torch==2.11.0", "torchvision==0.26.0", "pandas", "scikit-learn", "scipy"]
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *there], check=True)
    yield python
    shutil.rmtree(folder)


def interpreters() -> Iterator[str]:
    """Yield what may be a Python 3.12, versions that pyenv keeps first: its shim may name none."""
    yield from map(str, sorted(Path("~/.pyenv/versions").expanduser().glob("3.12.*/bin/python3.12")))
    if found := shutil.which("python3.12"):
        yield found


def runs(interpreter: str) -> bool:
    """Return whether an interpreter starts."""
    return subprocess.run([interpreter, "-c", ""], capture_output=True).returncode == 0


def ftlab(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "ftlab", *arguments], env=environment, capture_output=True, text=True)
