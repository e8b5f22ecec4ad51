"""A trained backbone as a file for another library, with a JSON that describes it and how to load it."""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ftlab.assembly.images import load_images
from ftlab.assembly.trial_parts import method_class
from ftlab.config.home import Home
from ftlab.config.setting import Setting
from ftlab.config.trial import TrialConfig
from ftlab.encoders.backbones import Library
from ftlab.encoders.export import Architecture, Normalisation, backbone_state, library_weights, loading_lines
from ftlab.errors import ResultsError
from ftlab.running.final_state import differing_metrics
from ftlab.storage.local import LocalFolder
from ftlab.study.overrides import without_folder
from ftlab.study.recorded_trial import RecordedTrial

FORMAT = 1
# Tags that mean something only on the machine or cluster that trained the trial.
LOCAL_TAGS = ("hardware.host", "hardware.cluster")


@dataclass(frozen=True)
class BackboneFile:
    """The files of an exported backbone: the weights, and beside them a JSON of the same name.

    Attributes:
        path: File of the weights, with the ending ``.pth``.
    """

    path: Path

    @property
    def companion(self) -> Path:
        """File that describes the weights."""
        return self.path.with_suffix(".json")

    def check_free(self, *, force: bool) -> None:
        """Check that the files can be written without replacing others.

        Raises:
            ResultsError: The ending is not ``.pth``, or a file exists and ``force`` is off.
        """
        if self.path.suffix != ".pth":
            nearest = self.path.with_suffix(".pth")
            raise ResultsError(f"--output must end in .pth, but got {self.path}; nearest valid: {nearest}.")
        there = [path for path in (self.path, self.companion) if path.exists()]
        if there and not force:
            raise ResultsError(
                f"an exported backbone must not replace a file, but {there[0]} is there; "
                "choose another --output, or replace it with --force."
            )


def default_file(found: RecordedTrial, library: Library) -> BackboneFile:
    """Return the file of a trial's backbone below ``backbones/``."""
    return BackboneFile(Path("backbones") / f"{found.trial.key}-{library}.pth")


def write_backbone(
    found: RecordedTrial, state: Mapping[str, Any], library: Library, file: BackboneFile, home: Home, *, force: bool
) -> tuple[str, ...]:
    """Write a trial's backbone and its companion, each whole or not at all.

    Args:
        found: The trial.
        state: Its final state.
        library: The library that will load the weights.
        file: The files to write.
        home: Home of the image cache.
        force: Whether existing files are replaced.

    Returns:
        The lines of Python that load the weights.

    Raises:
        ResultsError: A file exists and ``force`` is off.
        DataError: The images, whose mean and deviation the backbone needs, are missing or differ.
        StorageError: The folder cannot be written.
    """
    backbone = backbone_state(state["method"], method_class(found.trial.config.method).encoder_name)
    model = found.trial.config.model
    architecture = Architecture(model.backbone, model.stem, int(backbone["conv1.weight"].shape[1]))
    dataset = load_images(found.trial.config.data, home, fingerprint=found.trial.fingerprint)
    normalisation = Normalisation(dataset.channel_mean, dataset.channel_std)
    lines = loading_lines(architecture, normalisation, library, str(file.path))
    buffer = io.BytesIO()
    torch.save(library_weights(backbone, library), buffer)
    weights = buffer.getvalue()
    content = {
        "format": FORMAT,
        "library": library,
        "weights": {"file": file.path.name, "sha256": sha256(weights).hexdigest()},
        "model": asdict(architecture),
        "input": {
            "channels": "RGB" if architecture.num_channels == 3 else "gray",
            "intensities": "[0, 255]" if library == "detectron2" else "[0, 1]",
            "size": found.trial.config.view_size,
            **_scaled(normalisation, 255 if library == "detectron2" else 1),
        },
        "load": lines,
        "provenance": _provenance(found, state),
    }
    file.check_free(force=force)
    folder = LocalFolder(file.path.parent)
    folder.write(file.path.name, weights)
    folder.write(file.companion.name, (json.dumps(content, indent=1) + "\n").encode())
    return lines


def _scaled(normalisation: Normalisation, scale: int) -> dict[str, list[float]]:
    return {name: [scale * value for value in values] for name, values in asdict(normalisation).items()}


def _provenance(found: RecordedTrial, state: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "trial_key": found.trial.key,
        "run_id": found.run_id,
        "study": found.study,
        "name": found.trial.name,
        "settings": portable_settings(found.trial.config),
        "metrics": dict(found.metrics),
        "differing_metrics_of_these_weights": {
            name: here for name, (here, _) in differing_metrics(state, found).items()
        },
        "data_fingerprint": found.trial.fingerprint,
        "exported_by": f"ftlab {version('ftlab')}",
        "trained_by": {name: text for name, text in found.tags.items() if name not in LOCAL_TAGS},
    }


def portable_settings(config: TrialConfig) -> dict[str, Setting]:
    """Return the settings of a trial as people see them, without folders of this machine."""
    return {name: without_folder(name, value) for name, value in config.shown().items()}
