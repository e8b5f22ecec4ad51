"""Calibrated costs, kept so that no calibration run is repeated on the same hardware and versions."""

import json
import os
from dataclasses import asdict
from hashlib import sha256

from ftlab.config.home import Home
from ftlab.estimate.cost import Costs
from ftlab.machine.facts import collect_provenance
from ftlab.machine.hardware import Hardware

# Versions that decide how long a step takes; each recorded trial measures the time of ftlab's own code again.
VERSIONS = ("version.ftlab", "version.torch")


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
        self._path = home / "costs" / f"{digest}.json"

    def load(self) -> Costs:
        """Return the calibrated costs; empty ones if the file is missing, damaged or of another version."""
        try:
            return Costs(**json.loads(self._path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return Costs()

    def add(self, costs: Costs) -> Costs:
        """Add costs to those of earlier calibration runs, replacing equal kinds, and return all of them."""
        merged = self.load() | costs
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(f".writing-{os.getpid()}")
        temporary.write_text(json.dumps(asdict(merged)), encoding="utf-8")
        temporary.replace(self._path)
        return merged
