"""Calibrated costs, kept so that no calibration run is repeated on the same hardware and versions."""

import json
from dataclasses import asdict
from hashlib import sha256

from ftlab.config.home import Home
from ftlab.estimate.cost import Costs
from ftlab.machine.facts import collect_provenance
from ftlab.machine.hardware import Hardware
from ftlab.storage.local import LocalFolder
from ftlab.storage.sealed_json import Shape, load_sealed, nothing_or, number_within, sealed

# Versions that decide how long a step takes; each recorded trial measures the time of ftlab's own code again.
VERSIONS = ("version.ftlab", "version.torch")


_seconds = number_within(0)

_SHAPE: Shape = {
    "epoch_seconds?": {str: _seconds},
    "knn_seconds?": {str: _seconds},
    "final_seconds?": {str: _seconds},
    "checkpoint_bytes?": {str: int},
    "peak_bytes?": {str: int},
    "backbone_bytes?": {str: int},
    "start_seconds?": nothing_or(_seconds),
    "pause_seconds?": nothing_or(_seconds),
}


class CostStore:
    """A file of calibrated costs per hardware and versions below ``home/costs``.

    Args:
        home: Folder of everything ftlab keeps.
        hardware: Hardware that the costs were calibrated on.
    """

    def __init__(self, home: Home, hardware: Hardware) -> None:
        facts = collect_provenance()
        decisive = {**hardware.tags(), **{name: facts[name] for name in VERSIONS}}
        digest = sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:32]
        self._folder, self._file = LocalFolder(home / "costs"), f"{digest}.json"

    def load(self) -> Costs:
        """Return the calibrated costs; empty ones if there are none, or if the file is damaged and was set aside.

        Raises:
            StorageError: The file cannot be read.
        """
        return Costs(**(load_sealed(self._folder, self._file, _SHAPE) or {}))

    def add(self, costs: Costs) -> Costs:
        """Add costs to those of earlier calibration runs, replacing equal kinds, and return all of them."""
        merged = self.load() | costs
        self._folder.write(self._file, sealed(asdict(merged)))
        return merged
