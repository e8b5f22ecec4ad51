"""torchvision's classifiers without their classifier."""

from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

from ftlab.encoders.backbones import Stem


def make_resnet(
    *,
    name: str,
    stem: Stem,
    num_channels: int,
    norm_layer: Callable[[int], nn.Module],
    zero_init_residual: bool = False,
    **_: Any,
) -> tuple[nn.Module, int]:
    """Build a ResNet; return it and its number of features.

    Args:
        name: Name of torchvision's function.
        stem: First layers: 3x3 stride 1 without pooling (cifar) or 7x7 stride 2.
        num_channels: Channels of the images.
        norm_layer: Builds the normalisation of so many features.
        zero_init_residual: Whether the last normalisation of each residual branch begins with a scale of 0, so that
            blocks begin as identities (arXiv 1706.02677); else with 1.
    """
    # torchvision takes seconds to import, and the embedded profile never needs it.
    from torchvision import models

    network: Any = getattr(models, name)(norm_layer=norm_layer, zero_init_residual=zero_init_residual)
    if stem == "cifar":
        network.conv1 = nn.Conv2d(num_channels, 64, 3, 1, 1, bias=False)
        nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
        network.maxpool = nn.Identity()
    elif num_channels != 3:
        network.conv1 = nn.Conv2d(num_channels, 64, 7, 2, 3, bias=False)
        nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
    num_features = int(network.fc.in_features)
    network.fc = nn.Identity()
    return network, num_features


def make_classifier(
    *, name: str, num_channels: int, norm_layer: Callable[[int], nn.Module], **_: Any
) -> tuple[nn.Module, int]:
    """Build any of torchvision's image classifiers; return it and the width of what its last linear layer takes.

    Batch normalisations become those of ``norm_layer``; others, which know no batch, stay. Dropout and stochastic depth
    are switched off: they draw from torch's global generator, so a resumed trial would not be what it was.

    Args:
        name: Name of torchvision's function.
        num_channels: Channels of the images.
        norm_layer: Builds the normalisation of so many features.
    """
    from torchvision import models, ops

    network: nn.Module = getattr(models, name)()
    if num_channels != 3:
        path, first = next(_layers(network, nn.Conv2d))
        network.set_submodule(path, _with_channels(first, num_channels))
    for path, norm in list(_layers(network, nn.BatchNorm2d)):
        network.set_submodule(path, norm_layer(norm.num_features))
    for _, module in network.named_modules():
        if isinstance(module, (nn.Dropout, ops.StochasticDepth)):
            module.p = 0.0
    path, last = list(_layers(network, nn.Linear))[-1]
    network.set_submodule(path, nn.Identity())
    return network, int(last.in_features)


def _layers(network: nn.Module, kind: type[nn.Module]) -> Iterator[tuple[str, Any]]:
    return ((path, module) for path, module in network.named_modules() if isinstance(module, kind))


def _with_channels(convolution: nn.Conv2d, num_channels: int) -> nn.Conv2d:
    return nn.Conv2d(
        num_channels,
        convolution.out_channels,
        convolution.kernel_size,  # type: ignore[arg-type] # two numbers
        convolution.stride,  # type: ignore[arg-type]
        convolution.padding,  # type: ignore[arg-type]
        bias=convolution.bias is not None,
    )
