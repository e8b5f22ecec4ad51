"""Find the backbone of a ResNet in a checkpoint that another program wrote, and give it torchvision's names."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pkgutil import resolve_name
from typing import get_args

import torch
from torch import Tensor, nn

from ftlab.encoders.backbones import RESNETS, Layout, Stem, find_backbone
from ftlab.errors import CheckpointError, ConfigError, listed

# lightly's examples number the children of torchvision's ResNet, without the last: nn.Sequential(*children[:-1]).
_CHILDREN = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
# A name that every ResNet has, and nothing else; timm's ResNets have torchvision's names.
_ANCHORS: Mapping[Layout, str] = {
    "torchvision": "layer1.0.conv1.weight",
    "timm": "layer1.0.conv1.weight",
    "lightly": "4.0.conv1.weight",
}
_COUNTER = "num_batches_tracked"
_DEPTH = 3  # of mappings in mappings, such as those by epoch, by model and by name
_NUM_LISTED = 6


@dataclass(frozen=True)
class FoundBackbone:
    """The backbone of a checkpoint.

    Attributes:
        weights: Its float32 state by torchvision's names, without counters of batches.
        stem: Its first layers, as the size of their filters says: 3x3 (cifar) or 7x7.
        num_channels: Channels of its images.
        dropped: The parts of the checkpoint that are no part of it, such as heads and queues, by the first names that
            tell them from it.
    """

    weights: Mapping[str, Tensor]
    stem: Stem
    num_channels: int
    dropped: tuple[str, ...]


def find_weights(checkpoint: object, layout: Layout, prefix: str, model: str) -> FoundBackbone:
    """Return the backbone of a checkpoint; none of its weights may be missing or left over.

    Args:
        checkpoint: A state dict, or mappings in which one lies, such as below ``state_dict`` or ``model``.
        layout: The library whose names the weights have.
        prefix: What stands before these names, such as ``module.encoder_q.``; where several state dicts have it, with
            the name of one in front of it, such as ``teacher.backbone.``.
        model: One of `ftlab.encoders.backbones.RESNETS`.

    Raises:
        ConfigError: Nothing, or more than one thing, has the prefix; or the weights are those of another model.
        CheckpointError: A weight is NaN or infinite.
    """
    state, own_prefix = _chosen_state(checkpoint, layout, prefix)
    parts = {name.partition(".")[0] for name in _shapes(model, "imagenet", 3)}
    weights: dict[str, Tensor] = {}
    dropped: dict[str, None] = {}
    for name, value in state.items():
        known = _library_name(name.removeprefix(own_prefix), layout) if name.startswith(own_prefix) else ""
        if known.partition(".")[0] not in parts:
            dropped[_part_beside(name, own_prefix)] = None
        elif _is_plain(value) and not known.endswith(_COUNTER):
            weights[known] = value.detach().to(torch.float32, copy=True).contiguous()
    stem, num_channels = _first_layer(weights)
    if problem := _misfit(weights, _shapes(model, stem, num_channels)):
        fitting = [other for other in RESNETS if not _misfit(weights, _shapes(other, stem, num_channels))]
        hint = f"; nearest valid: MODEL={fitting[0]}" if fitting else ""
        raise ConfigError(f"weights of {model} must have its names below {prefix!r}, {problem}{hint}.")
    infinite = next((name for name, value in weights.items() if not value.isfinite().all()), None)
    if infinite is not None:
        raise CheckpointError(f"weights must be finite, but {own_prefix}{infinite} holds NaN or infinity.")
    return FoundBackbone(weights, stem, num_channels, tuple(dropped))


def make_resnet_of(found: FoundBackbone, model: str) -> tuple[nn.Module, int]:
    """Return a ResNet with found weights, in evaluation mode, and its number of features.

    Args:
        found: The weights.
        model: The model that they are of.
    """
    network, num_features = _empty_resnet(model, found.stem, found.num_channels)
    network.load_state_dict(dict(found.weights), assign=True)
    return network.eval(), num_features


def _chosen_state(checkpoint: object, layout: Layout, prefix: str) -> tuple[Mapping[str, Tensor], str]:
    """Return the state dict with the prefix, and the prefix without the place of the state dict."""
    candidates = list(_candidates(checkpoint, layout))
    chosen = [(state, own) for place, own, state in candidates if prefix in (own, f"{place}.{own}")]
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        choices = [f"PREFIX={place}.{own}" for place, own, _ in candidates if own == prefix]
        raise ConfigError(
            f"a prefix must be that of one backbone, but {prefix!r} is that of several; "
            f"nearest valid: {listed(choices, _NUM_LISTED)}."
        )
    choices = [f"PREFIX={own}" if own else "no PREFIX" for _, own, _ in candidates] or [
        f"KIND={other}" + (f" PREFIX={own}" if own else "")
        for other in get_args(Layout)
        for _, own, _ in _candidates(checkpoint, other)
    ]
    raise ConfigError(
        f"a ResNet with {layout}'s names must have {prefix + _ANCHORS[layout]!r}, but the file has no such name; "
        f"nearest valid: {listed(list(dict.fromkeys(choices)), _NUM_LISTED) or 'a file with the weights of a ResNet'}."
    )


def _candidates(checkpoint: object, layout: Layout) -> Iterator[tuple[str, str, Mapping[str, Tensor]]]:
    """Yield the place of each state dict with a ResNet, what stands before its names, and the state dict."""
    for place, state in _states(checkpoint):
        for name in state:
            before, anchor, after = name.rpartition(_ANCHORS[layout])
            if anchor and not after and (not before or before.endswith(".")):
                yield place, before, state


def _states(content: object, place: str = "", depth: int = _DEPTH) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
    """Yield the mappings of names to tensors, each with its place."""
    if not isinstance(content, Mapping):
        return
    named = {name: value for name, value in content.items() if isinstance(name, str)}
    if state := {name: value for name, value in named.items() if isinstance(value, Tensor)}:
        yield place, state
    if depth:
        for name, value in named.items():
            yield from _states(value, f"{place}.{name}" if place else name, depth - 1)


def _library_name(name: str, layout: Layout) -> str:
    child, _, rest = name.partition(".")
    return f"{_CHILDREN[child]}.{rest}" if layout == "lightly" and child in _CHILDREN else name


def _part_beside(name: str, prefix: str) -> str:
    """Return the beginning of a name up to the first part that the prefix does not have.

    >>> _part_beside("module.encoder_k.conv1.weight", "module.encoder_q."), _part_beside("queue", "module.encoder_q.")
    ('module.encoder_k', 'queue')
    """
    parts, known = name.split("."), prefix.split(".")[:-1]
    same = next((place for place, pair in enumerate(zip(parts, known, strict=False)) if pair[0] != pair[1]), len(known))
    return ".".join(parts[: same + 1])


def _is_plain(value: Tensor) -> bool:
    return value.is_floating_point() and value.layout == torch.strided and value.device.type == "cpu"


def _first_layer(weights: Mapping[str, Tensor]) -> tuple[Stem, int]:
    first = weights.get("conv1.weight")
    if first is None or first.ndim != 4:
        return "imagenet", 3
    return "cifar" if first.shape[-1] == 3 else "imagenet", int(first.shape[1])


@lru_cache
def _shapes(model: str, stem: Stem, num_channels: int) -> Mapping[str, torch.Size]:
    state = _empty_resnet(model, stem, num_channels)[0].state_dict()
    return {name: value.shape for name, value in state.items() if not name.endswith(_COUNTER)}


def _empty_resnet(model: str, stem: Stem, num_channels: int) -> tuple[nn.Module, int]:
    build = resolve_name(find_backbone(model).builder)
    # There, building takes no memory and no random numbers.
    with torch.device("meta"):
        network, num_features = build(name=model, stem=stem, num_channels=num_channels, norm_layer=nn.BatchNorm2d)
    return network, num_features


def _misfit(weights: Mapping[str, Tensor], shapes: Mapping[str, torch.Size]) -> str:
    """Return the difference between weights and what a model needs, in words; empty if there is none."""
    missing = [name for name in shapes if name not in weights]
    unknown = [name for name in weights if name not in shapes]
    other = [name for name in shapes if name in weights and weights[name].shape != shapes[name]]
    parts = []
    if missing:
        parts.append(f"{len(missing)} are missing, e.g. {missing[0]}{_nearest(missing[0], unknown)}")
    if unknown:
        parts.append(f"{len(unknown)} are unknown, e.g. {unknown[0]}{_nearest(unknown[0], missing or shapes)}")
    if other:
        found, expected = tuple(weights[other[0]].shape), tuple(shapes[other[0]])
        parts.append(f"{len(other)} have other shapes, e.g. {other[0]} {found}, not {expected}")
    return f"but {' and '.join(parts)}" if parts else ""


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f" (nearest: {close[0]})" if close else ""
