from pathlib import Path

import pytest

import ftlab
from ftlab.errors import ConfigError
from ftlab.machine.software import FOLDERS, Software, check_software, code_digest, installed_software

DRIVER = Software("driver", {"ftlab numerics": "1", "torch": "2.15.0"})


def test_the_same_software_passes() -> None:
    check_software(installed_software(), [installed_software(), installed_software()])


def test_what_differs_is_named_with_its_host() -> None:
    nodes = [
        Software("equal", dict(DRIVER.versions)),
        Software("older", {**DRIVER.versions, "torch": "2.14.0"}),
        Software("bare", {"torch": "2.15.0"}),
    ]
    with pytest.raises(ConfigError) as caught:
        check_software(DRIVER, nodes)
    assert "torch 2.15.0 on driver, 2.14.0 on older; ftlab numerics 1 on driver, absent on bare." in str(caught.value)
    assert "equal" not in str(caught.value)


def test_what_decides_numbers_is_compared() -> None:
    assert set(installed_software().versions) == {
        "ftlab numerics",
        "ftlab code",
        "python",
        "torch",
        "torchvision",
        "numpy",
        "ray",
    }
    assert all((Path(ftlab.__file__).parent / folder).is_dir() for folder in FOLDERS)


def test_the_digest_follows_the_code_that_decides_numbers(tmp_path: Path) -> None:
    for folder in ("encoders", "reporting"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "module.py").write_text("one = 1\n")
    before = code_digest(tmp_path)
    (tmp_path / "reporting" / "module.py").write_text("two = 2\n")
    assert code_digest(tmp_path) == before
    (tmp_path / "encoders" / "module.py").write_text("two = 2\n")
    changed = code_digest(tmp_path)
    (tmp_path / "encoders" / "module.py").rename(tmp_path / "encoders" / "renamed.py")
    assert len({before, changed, code_digest(tmp_path)}) == 3
