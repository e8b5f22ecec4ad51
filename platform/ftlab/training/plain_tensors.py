"""Load what ``torch.save`` wrote without running code of the file."""

import pickle  # noqa: TID251 - the name of an error
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def load_plain(file: IO[bytes], device: "torch.device | str") -> Any:
    """Return the content of a file of tensors and plain values.

    Args:
        file: The file, open for reading.
        device: Device of the tensors.

    Raises:
        ValueError: It holds other objects, whose code is not run, or is no file of ``torch.save``.
    """
    import torch

    try:
        return torch.load(file, map_location=device, weights_only=True)  # noqa: TID251 - without code
    except (pickle.UnpicklingError, RuntimeError, LookupError, EOFError, AttributeError, TypeError) as error:
        raise ValueError(str(error)) from error
