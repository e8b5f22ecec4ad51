"""Stateless random streams: one seed gives independent generators per purpose and epoch."""

from hashlib import sha256

import torch


def stream_seed(seed: int, purpose: str, epoch: int = 0) -> int:
    """Derive the seed of a stream by hashing, in [0, 2^63).

    Purposes are ``weights``, ``order``, ``shuffle``, ``views``, ``probe``, and those that a method names.

    Two trials with the same seed see the same weights, order and views whatever else differs between them, and an
    epoch draws the same numbers whether or not the epochs before it ran in this process.
    """
    digest = sha256(f"{seed}/{purpose}/{epoch}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def make_generator(seed: int, purpose: str, epoch: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a fresh generator for one purpose and 0-based epoch, on ``device``."""
    generator = torch.Generator(device)
    generator.manual_seed(stream_seed(seed, purpose, epoch))
    return generator
