"""Compile encoders by torch.compile, and run them eagerly if compilation fails."""

from typing import Any

from torch import nn


class Compilation:
    """The compilation of a module by torch.compile; parameters and checkpoints keep their names.

    Compilation happens in the first call, and again for inputs of another kind. If it fails, for want of a compiler or
    because this version of torch cannot compile the module, that call and all later ones run eagerly: the trial is then
    slower, but not lost.

    Args:
        module: Compiled in place.
        mode: Mode of ``torch.compile``.

    Attributes:
        failure: Beginning of the compiler's error message; empty if there is none.
    """

    def __init__(self, module: nn.Module, mode: str | None = None) -> None:
        # Importing it takes seconds, which trials that are not compiled do not pay.
        from torch._dynamo.exc import TorchDynamoException

        self._module = module
        self._errors = TorchDynamoException
        self.failure = ""
        try:
            module.compile(mode=mode)
        except RuntimeError as error:  # a version of Python that torch cannot compile
            self._fall_back(error)
        else:
            self._compiled: Any = module._compiled_call_impl
            module._compiled_call_impl = self._call

    def _call(self, *inputs: Any, **options: Any) -> Any:
        try:
            return self._compiled(*inputs, **options)
        except self._errors as error:
            self._fall_back(error)
            return self._module(*inputs, **options)

    def _fall_back(self, error: RuntimeError) -> None:
        self._module._compiled_call_impl = None
        complaint, _, _ = str(error).partition("Set TORCHDYNAMO_VERBOSE")  # advice to torch's own developers
        lines = [line.strip() for line in complaint.splitlines() if line.strip()]
        # The first line often says no more than which backend failed.
        self.failure = " ".join(lines[:2]) or type(error).__name__
