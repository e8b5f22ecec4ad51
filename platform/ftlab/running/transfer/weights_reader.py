"""Read the backbone of a file that another program wrote."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from ftlab.config.trial import TrialConfig
from ftlab.config.weights_file import WeightsConfig
from ftlab.encoders.checkpoint_layout import FoundBackbone, find_weights, make_resnet_of
from ftlab.encoders.encoder import Encoder
from ftlab.errors import CheckpointError, listed
from ftlab.storage.digest_files import DIGEST_LENGTH
from ftlab.storage.plain_file import open_plain, read_plain
from ftlab.study.identity import weights_key
from ftlab.study.transfer import WeightsTransfer
from ftlab.training.plain_tensors import load_plain

NUM_LISTED = 8


@dataclass(frozen=True)
class ReadWeights:
    """A backbone that another program trained.

    Attributes:
        config: The file, by a path that means the same in every folder.
        found: The backbone.
        digest: Digest of its weights by torchvision's names, whatever file they lie in.
        mean: Mean of each channel that images are normalised by, for intensities in [0, 1].
        std: Deviation of each, likewise.
    """

    config: WeightsConfig
    found: FoundBackbone
    digest: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def note(self) -> str:
        """A line that says what was taken of the file, how it sees images, and what was dropped."""
        mean, std = (", ".join(f"{value:g}" for value in values) for values in (self.mean, self.std))
        return (
            f"{self.config.row}: made elsewhere, {self.config.model} of {self.config.path.name}, weights of digest "
            f"{self.digest}, images normalised by mean {mean} and deviation {std}; dropped: "
            f"{listed(self.found.dropped, NUM_LISTED) or 'nothing'}."
        )

    def encoder(self) -> Encoder:
        """Return the encoder of the backbone, whose projections are its features."""
        backbone, num_features = make_resnet_of(self.found, self.config.model)
        return Encoder(backbone, nn.Identity(), num_features)

    def on(self, elsewhere: TrialConfig, fingerprint: str) -> WeightsTransfer:
        """Return the evaluations of the backbone on images.

        Args:
            elsewhere: A trial with the images, see `ftlab.study.transfer.seen_by_weights`.
            fingerprint: Digest of their content.
        """
        key = weights_key(self.digest, (self.mean, self.std), elsewhere, fingerprint)
        return WeightsTransfer(key, self.config, self.digest, elsewhere, fingerprint)


def read_weights(config: WeightsConfig) -> ReadWeights:
    """Read the backbone of a file, without running code that may be in it.

    Args:
        config: The file, and the part of it that is meant.

    Raises:
        CheckpointError: The file cannot be read, is damaged, or holds more than tensors and plain values.
        ConfigError: It has no such backbone.
    """
    found = find_weights(_content(config), config.kind, config.prefix, config.model)
    digest = sha256(save(dict(found.weights))).hexdigest()[:DIGEST_LENGTH]
    located = config.model_copy(update={"file": str(config.path)})
    return ReadWeights(located, found, digest, *config.normalisation(found.num_channels))


def _content(config: WeightsConfig) -> Any:
    path = config.path
    try:
        if path.suffix == ".safetensors":
            return load(read_plain(path))
        with open_plain(path) as file:
            return load_plain(file, "cpu")
    except OSError as error:
        raise CheckpointError(f"weights must be a readable file, but {path} is not: {error.strerror}.") from error
    except SafetensorError as error:
        raise CheckpointError(f"{path} must be in the format of safetensors, but is not: {error}.") from error
    except ValueError as error:
        raise CheckpointError(
            f"{path} must hold tensors and plain values alone, as code in it is not run: {_first_line(error)} "
            "Where you trust it, keep its state dict alone: "
            "torch.save(torch.load(FILE, weights_only=False)['state_dict'], NEW)."
        ) from error


def _first_line(error: ValueError) -> str:
    return next(iter(str(error).strip().splitlines()), "")
