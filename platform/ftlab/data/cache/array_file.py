"""An array of the cache in a file: the header of an .npy file, byte for byte as we write it, then the content."""

import io
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any

import numpy as np


def array_header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """Return the header of an array; NumPy pads it such that the first dimension can grow in place."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": dtype.str, "fortran_order": False, "shape": shape})
    return header.getvalue()


def array_digest(dtype: np.dtype[Any], shape: tuple[int, ...], content_digest: str) -> str:
    """Return the SHA-256 of dtype, shape and the digest of the content, in hexadecimal."""
    return sha256(f"{dtype.str} {shape} {content_digest}".encode()).hexdigest()


def digest_array(array: np.ndarray[Any, Any]) -> str:
    """Return the digest of an array that lies in memory as in its file."""
    content = sha256(array.data.cast("B") if array.size else b"")
    return array_digest(array.dtype, array.shape, content.hexdigest())


def open_array(path: Path, kind: type[np.generic], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Map the file of an array into memory, read-only.

    NumPy would parse the header and do as a damaged one says; here it must be the header that we wrote.

    Args:
        path: The file.
        kind: Type of the elements.
        shape: Shape of the array.

    Raises:
        ValueError: The file has another size or another header.
        OSError: It cannot be read.
    """
    dtype = np.dtype(kind)
    header = array_header(dtype, shape)
    size, expected = path.stat().st_size, len(header) + prod(shape) * dtype.itemsize
    if size != expected:
        raise ValueError(f"{path.name} must have {expected} bytes, but has {size}")
    mapped = np.memmap(path, np.uint8, "r")
    if mapped[: len(header)].tobytes() != header:
        raise ValueError(f"{path.name} must begin as an array of {shape} {dtype.name}, but does not")
    return mapped[len(header) :].view(dtype).reshape(shape)
