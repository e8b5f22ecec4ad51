"""The table of backbones: their names, stems, builders and the libraries that know them; imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ftlab.errors import ConfigError
from ftlab.plugins import load_plugin, plugin_names

Stem = Literal["cifar", "imagenet"]
Library = Literal["torchvision", "timm", "detectron2"]
# Whose names the weights of another program's ResNet may have.
Layout = Literal["torchvision", "timm", "lightly"]

TORCHVISION = "ftlab.encoders.torchvision_backbones"


@dataclass(frozen=True)
class Backbone:
    """A backbone that ``model.backbone`` may choose.

    Attributes:
        builder: Function that builds it, as ``package.module:function``. It is called with ``name``, ``stem``,
            ``num_channels`` of the images, ``norm_layer``, which builds a normalisation of so many features, ``width``
            and ``depth``, and ``zero_init_residual`` if it has residual branches. It returns the module,
            (N, channels, H, W) images to (N, F) features, and F.
        stems: First layers to choose from; empty if there is one choice.
        is_scaled: Whether width and depth are settings.
        has_residual_branches: Whether it has residual branches that end with batch normalisation.
        libraries: Libraries that have a model with the same weights.
        first_blocks: Names of the submodules that end its first two blocks, after which rows of a batch may be mixed.
        smallest_image: Side in pixels from which on it takes images of any size; None for one that does not, or of
            which that is not known: it gets no small crops.
    """

    builder: str
    stems: tuple[Stem, ...] = ()
    is_scaled: bool = False
    has_residual_branches: bool = False
    libraries: tuple[Library, ...] = ()
    first_blocks: tuple[str, ...] = ()
    smallest_image: int | None = None


_RESNET = Backbone(
    f"{TORCHVISION}:make_resnet",
    ("cifar", "imagenet"),
    has_residual_branches=True,
    libraries=("torchvision", "timm", "detectron2"),
    first_blocks=("layer1", "layer2"),
    smallest_image=1,
)


def _classifier(smallest_image: int) -> Backbone:
    return Backbone(
        f"{TORCHVISION}:make_classifier", first_blocks=("features.1", "features.3"), smallest_image=smallest_image
    )


BUILT_IN: Mapping[str, Backbone] = {
    "small_cnn": Backbone(
        "ftlab.encoders.small_cnn:make_small_cnn", is_scaled=True, first_blocks=("2", "5"), smallest_image=1
    ),
    "resnet18": _RESNET,
    "resnet34": _RESNET,
    "resnet50": _RESNET,
    "mobilenet_v3_small": _classifier(smallest_image=1),
    "convnext_tiny": _classifier(smallest_image=32),
}

# Those whose weights have the same names in torchvision and timm.
RESNETS = tuple(name for name, backbone in BUILT_IN.items() if "torchvision" in backbone.libraries)
BACKBONE_NAMES = (*BUILT_IN, *(name for name in plugin_names("backbones") if name not in BUILT_IN))


def find_backbone(name: str) -> Backbone:
    """Return the backbone of a name in `BACKBONE_NAMES`.

    Raises:
        ConfigError: That of another package cannot be imported, or is none.
    """
    return BUILT_IN[name] if name in BUILT_IN else load_plugin("backbones", name, Backbone)


def check_exportable(backbone: str, stem: str, library: Library) -> None:
    """Raise unless ``library`` has a counterpart of the backbone.

    Raises:
        ConfigError: The backbone has none, or detectron2 is asked for the CIFAR stem.
    """
    if library not in find_backbone(backbone).libraries:
        raise ConfigError(
            "an exported backbone must have a counterpart in torchvision, timm and detectron2, but got "
            f"model.backbone={backbone!r}; nearest valid: a trial with 'resnet18'."
        )
    if library == "detectron2" and stem == "cifar":
        raise ConfigError(
            "detectron2's ResNets begin with a 7x7 convolution and pooling, but got model.stem='cifar'; "
            "nearest valid: --to torchvision."
        )
