import platform
import subprocess
import sys

import pytest

STEPS = """
import resource, torch
from ftlab.assembly.process import keep_freed_memory

if {keep}:
    assert keep_freed_memory()
for step in range(30):
    if step == 20:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(10 * 2**20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(*, keep: bool) -> int:
    command = [sys.executable, "-c", STEPS.format(keep=keep)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_a_tensor_takes_the_pages_of_the_one_before() -> None:
    assert page_faults(keep=True) < 0.1 * page_faults(keep=False)
