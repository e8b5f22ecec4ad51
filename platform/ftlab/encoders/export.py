"""A trained ResNet under the names that torchvision, timm and detectron2 give its weights."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ftlab.encoders.backbones import Library, Stem

RUNNING_STATISTICS = ("running_mean", "running_var")

# Parts of torchvision's names, and detectron2's names for them.
DETECTRON2_NAMES: tuple[tuple[str, str], ...] = (
    (r"^(?=conv1|bn1)", "stem."),
    (r"^layer1\.", "res2."),
    (r"^layer2\.", "res3."),
    (r"^layer3\.", "res4."),
    (r"^layer4\.", "res5."),
    (r"\.bn(\d)\.", r".conv\1.norm."),
    (r"\.downsample\.0\.", ".shortcut."),
    (r"\.downsample\.1\.", ".shortcut.norm."),
)


@dataclass(frozen=True)
class Architecture:
    """The architecture that a ResNet needs to take the weights.

    Attributes:
        backbone: Its name.
        stem: Its first layers.
        num_channels: Channels of its images.
    """

    backbone: str
    stem: Stem
    num_channels: int


@dataclass(frozen=True)
class Normalisation:
    """The normalisation of images before the backbone sees them, for intensities in [0, 1].

    Attributes:
        mean: Mean of each channel.
        std: Deviation of each channel.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]


def backbone_state(method_state: Mapping[str, Tensor], encoder_name: str) -> dict[str, Tensor]:
    """Return the backbone of an encoder from the state of a method, without the groups of batch normalisation.

    The (G, C) running statistics of `GroupedBatchNorm` become their (C,) mean over groups, by which it normalises in
    evaluation.

    Args:
        method_state: ``state_dict()`` of the method.
        encoder_name: Name of the encoder in the method.
    """
    prefix = f"{encoder_name}.backbone."
    state = {name.removeprefix(prefix): value for name, value in method_state.items() if name.startswith(prefix)}
    return {
        name: (value.mean(dim=0) if name.endswith(RUNNING_STATISTICS) else value).cpu().contiguous()
        for name, value in state.items()
    }


def library_weights(backbone: Mapping[str, Tensor], library: Library) -> dict[str, Any]:
    """Return the content that ``torch.save`` writes for ``library``: tensors and plain values only.

    torchvision and timm share their names and take a state dict. detectron2's ``DetectionCheckpointer`` takes a mapping
    whose ``model`` is one, and ``matching_heuristics`` lets it find the backbone inside a detector.

    Args:
        backbone: A ResNet's state as `backbone_state` returns it.
        library: The library that will load the weights with ``strict=True``.
    """
    if library == "detectron2":
        model = {_detectron2_name(name): value for name, value in backbone.items()}
        return {"model": model, "__author__": "ftlab", "matching_heuristics": True}
    weights = dict(backbone)
    for name in backbone:
        if name.endswith("running_mean"):
            # Torch counts batches for normalisation without momentum, which a ResNet never uses.
            weights[f"{name.removesuffix('running_mean')}num_batches_tracked"] = torch.zeros((), dtype=torch.int64)
    return weights


def loading_lines(
    architecture: Architecture, normalisation: Normalisation, library: Library, path: str
) -> tuple[str, ...]:
    """Return the lines of Python that build the model in ``library`` and load the weights at ``path``."""
    if library == "detectron2":
        return _detectron2_lines(architecture, normalisation, path)
    name, channels = architecture.backbone, architecture.num_channels
    if library == "torchvision":
        lines = ["import torch, torchvision", f"model = torchvision.models.{name}()", "model.fc = torch.nn.Identity()"]
    else:
        lines = ["import torch, timm", f'model = timm.create_model("{name}", num_classes=0)']
    if architecture.stem == "cifar":
        lines.append(f"model.conv1 = torch.nn.Conv2d({channels}, 64, 3, 1, 1, bias=False)")
        lines.append("model.maxpool = torch.nn.Identity()")
    elif channels != 3:
        lines.append(f"model.conv1 = torch.nn.Conv2d({channels}, 64, 7, 2, 3, bias=False)")
    return (*lines, f"model.load_state_dict(torch.load({path!r}, weights_only=True), strict=True)")


def _detectron2_lines(architecture: Architecture, normalisation: Normalisation, path: str) -> tuple[str, ...]:
    depth = int(architecture.backbone.removeprefix("resnet"))
    # detectron2's own defaults are those of ResNet-50 from MSRA, which strides in its 1x1 convolutions.
    variant = "STRIDE_IN_1X1 = False" if depth >= 50 else "RES2_OUT_CHANNELS = 64"
    return (
        "from detectron2.config import get_cfg",
        "cfg = get_cfg()",
        f"cfg.MODEL.WEIGHTS = {path!r}",
        f"cfg.MODEL.RESNETS.DEPTH = {depth}",
        f"cfg.MODEL.RESNETS.{variant}",
        f'cfg.INPUT.FORMAT = "{"RGB" if architecture.num_channels == 3 else "L"}"',
        f"cfg.MODEL.PIXEL_MEAN = {[255 * value for value in normalisation.mean]}",
        f"cfg.MODEL.PIXEL_STD = {[255 * value for value in normalisation.std]}",
    )


def _detectron2_name(name: str) -> str:
    for pattern, replacement in DETECTRON2_NAMES:
        name = re.sub(pattern, replacement, name)
    return name
