import platform
import subprocess
import sys

import pytest
import torch

from ftlab.assembly.process import prepare_process
from ftlab.config.experiment import ResourcesConfig

STEPS = """
import resource, torch
from ftlab.assembly.process import keep_freed_memory

def page_faults(steps):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for step in range(steps):
        torch.ones(10 * 2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

returned = page_faults(5)
assert keep_freed_memory()
page_faults(20)
print(returned, page_faults(5))
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_a_tensor_takes_the_pages_of_the_one_before() -> None:
    done = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True, check=True)
    returned, kept = map(int, done.stdout.split())
    assert kept < 0.1 * returned


def test_a_gpu_takes_deterministic_convolutions_and_does_not_race_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    prepare_process(ResourcesConfig(cpus_per_trial=torch.get_num_threads()))
    assert torch.backends.cudnn.deterministic
    assert not torch.backends.cudnn.benchmark
