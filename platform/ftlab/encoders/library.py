"""The libraries that backbones are exported for; imports no torch."""

from typing import Literal

from ftlab.errors import ConfigError

Library = Literal["torchvision", "timm", "detectron2"]


def check_exportable(backbone: str, stem: str, library: Library) -> None:
    """Raise unless ``library`` has a counterpart of the backbone.

    Raises:
        ConfigError: The backbone is no ResNet, or detectron2 is asked for the CIFAR stem.
    """
    if backbone == "small_cnn":
        raise ConfigError(
            "an exported backbone must have a counterpart in torchvision, timm and detectron2, but got "
            "model.backbone='small_cnn'; nearest valid: a trial with 'resnet18'."
        )
    if library == "detectron2" and stem == "cifar":
        raise ConfigError(
            "detectron2's ResNets begin with a 7x7 convolution and pooling, but got model.stem='cifar'; "
            "nearest valid: --to torchvision."
        )
