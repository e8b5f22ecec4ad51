"""A training step with FT on against the same step with FT off, at the paper's K = 65,536, C = 128 and batch 256.

Encoders are left out of the main figure: queries and keys are given, so that the whole cost of FT shows against
scores, InfoNCE, backward pass, statistics and enqueueing alone. The figure with a ResNet-18 is printed as a detail.
"""

import argparse
import statistics
from collections.abc import Callable
from typing import Any

import torch
from _harness import paired_seconds, report_ratio
from _training import wait_for
from torch import nn

from ftlab.assembly.process import keep_freed_memory
from ftlab.config.sections.moco_section import MoCoSection
from ftlab.contrast.transform import FeatureTransform, NegativeTransform, PositiveTransform
from ftlab.encoders.encoder import Encoder, make_encoder
from ftlab.methods.method import MethodParts, Views
from ftlab.methods.moco import MoCo

DIM = 128


def main() -> None:
    """Time `batch` granularity for the figure, `element` and the whole ResNet-18 step as details."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--queue", type=int, default=65536)
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    keep_freed_memory()
    off, batch, element = FeatureTransform(), transform("batch"), transform("element")
    batch_size, queue_size = arguments.batch, arguments.queue
    features = make_views(device, batch_size, DIM)
    loss_only = step_of(Encoder(nn.Identity(), nn.Linear(DIM, DIM), DIM), features, queue_size)
    pairs = compare(loss_only, batch, off, arguments.rounds, 3)
    by_element = compare(loss_only, element, off, 2, 1)
    resnet = make_encoder(backbone="resnet18", stem="cifar", head="mlp", feature_dim=DIM, num_channels=3, bn_groups=8)
    photographs = make_views(device, batch_size, 3, arguments.image_size, arguments.image_size)
    whole = step_of(resnet, photographs, queue_size)
    by_whole = compare(whole, batch, off, 2, 1)
    details = {
        "K": queue_size,
        "C": DIM,
        "batch": batch_size,
        "device": arguments.device,
        "threads": torch.get_num_threads(),
        "element granularity, ratio without encoders": median_ratio(by_element),
        "batch granularity, ratio of the whole ResNet-18 step": median_ratio(by_whole),
    }
    report_ratio("ft_overhead", pairs, details)


def make_views(device: torch.device, batch_size: int, *shape: int) -> Views:
    """Return random views of a batch, each of a shape."""
    queries, keys = torch.randn(2, batch_size, *shape, device=device)
    return Views((queries, keys), torch.randperm(batch_size, device=device))


def transform(granularity: Any) -> FeatureTransform:
    """Return both parts of FT with the paper's alphas."""
    return FeatureTransform(
        PositiveTransform(2.0, (1.0, 2.0), granularity), NegativeTransform(1.6, (0.0, 1.0), granularity)
    )


def step_of(encoder: Encoder, views: Views, queue_size: int) -> Callable[[FeatureTransform], None]:
    """Return a training step without data path, with its optimiser."""
    device = views.images[0].device
    generator = torch.Generator(device).manual_seed(0)
    parts = MethodParts(
        make_encoder=lambda: encoder,
        feature_dim=DIM,
        transform=FeatureTransform(),
        transform_epochs=range(1),
        precision=torch.float32,
        make_generator=lambda _: torch.Generator().manual_seed(0),
    )
    method = MoCo(parts, MoCoSection(key_momentum=0.99, queue_size=queue_size, temperature=0.2)).to(device)
    optimizer = torch.optim.SGD(method.trained_parameters(), lr=0.03, momentum=0.9, fused=True)
    streams = dict.fromkeys(method.streams, generator)

    def step(feature_transform: FeatureTransform) -> None:
        method.transform = feature_transform
        result = method.step(views, streams, 0)
        optimizer.zero_grad(set_to_none=True)
        result.loss.backward()
        optimizer.step()
        method.update(result)
        wait_for(device)

    return step


def compare(
    step: Callable[[FeatureTransform], None], on: FeatureTransform, off: FeatureTransform, rounds: int, repeats: int
) -> list[tuple[float, float]]:
    """Time a step with two transforms in turn."""
    return paired_seconds(lambda: step(on), lambda: step(off), rounds=rounds, repeats=repeats)


def median_ratio(pairs: list[tuple[float, float]]) -> float:
    """Return the median ratio of pairs, to three digits."""
    return round(statistics.median(a / b for a, b in pairs), 3)


if __name__ == "__main__":
    main()
