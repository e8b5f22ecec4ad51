import pytest
import torch

from ftlab.workers.worker import out_of_memory_message


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nSee documentation"),
            "CUDA out of memory. Tried to allocate 2 GiB.",
        ),
        (MemoryError(), "out of memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte"), None),
        (RuntimeError("shapes cannot be multiplied"), ""),
    ],
)
def test_memory_that_ran_out_is_told_from_other_errors(error: Exception, message: str | None) -> None:
    expected = str(error) if message is None else message
    assert (out_of_memory_message(error) or "") == expected


def test_what_torch_says_when_memory_runs_out_is_recognised() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert out_of_memory_message(caught.value)
