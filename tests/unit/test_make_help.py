"""`make` alone prints every target in its group, in lines that a terminal of 80 characters does not break."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
GROUPS = ["START", "LOOK", "SHARE", "TEAM", "DEVELOP"]


def test_every_target_is_in_a_group() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)) - {"help"}
    listed = re.findall(r"^  make ([a-z-]+) +\S", done.stdout, re.MULTILINE)
    assert len(targets) > 30
    assert sorted(listed) == sorted(targets)
    assert re.findall(r"^[A-Z]+$", done.stdout, re.MULTILINE) == GROUPS
    assert max(map(len, done.stdout.split("\n\n  EXP=")[0].splitlines())) <= 80
