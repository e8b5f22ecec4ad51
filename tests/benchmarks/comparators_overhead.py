"""Training steps of what FT is compared with against the plain step of MoCo, with the encoder and without it.

Un-Mix and i-Mix mix images, so their steps are those of an encoder; MoCHi's is that of given features too, where its
whole cost shows against scores, InfoNCE, backward pass, statistics and enqueueing alone.
"""

import argparse

import torch
from _harness import paired_seconds, report_ratio
from ft_overhead import DIM, make_views, median_ratio, step_of, transform
from torch import nn

from ftlab.assembly.process import keep_freed_memory
from ftlab.contrast.hard_negatives import HardNegativeMixing
from ftlab.contrast.transform import FeatureTransform
from ftlab.encoders.encoder import Encoder, make_encoder
from ftlab.methods.batch_mixing import BatchMixing, InBatchKeys
from ftlab.methods.imix import IMix
from ftlab.methods.unmix import UnMix

PLAIN = FeatureTransform()
MOCHI = FeatureTransform(hardest=HardNegativeMixing(1024, 1024, 128))
BN_GROUPS = 8


def main() -> None:
    """Time each comparator's step and the plain one in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--queue", type=int, default=65536)
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    keep_freed_memory()
    images = make_views(device, arguments.batch, 3, arguments.image_size, arguments.image_size)
    features = make_views(device, arguments.batch, DIM)

    def compare(name: str, mixing: BatchMixing | None, feature_transform: FeatureTransform, encoded: bool) -> None:
        steps = [
            step_of(
                _encoder(arguments.backbone) if encoded else Encoder(nn.Identity(), nn.Linear(DIM, DIM), DIM),
                images if encoded else features,
                arguments.queue,
                each,
            )
            for each in (mixing, None)
        ]
        pairs = paired_seconds(
            lambda: steps[0](feature_transform),
            lambda: steps[1](PLAIN),
            rounds=arguments.rounds,
            repeats=arguments.repeats,
        )
        details = {"ratio": median_ratio(pairs), **vars(arguments), "threads": torch.get_num_threads()}
        report_ratio(name, pairs, details)

    compare("step_mochi_without_encoder", None, MOCHI, encoded=False)
    compare("step_ft", None, transform("batch"), encoded=True)
    compare("step_mochi", None, MOCHI, encoded=True)
    compare("step_unmix", UnMix(1.0, 0.5, BN_GROUPS), PLAIN, encoded=True)
    compare("step_in_batch_keys", InBatchKeys(BN_GROUPS), PLAIN, encoded=True)
    compare("step_imix", IMix(1.0, groups=BN_GROUPS), PLAIN, encoded=True)
    compare("step_manifold_mixup", IMix(1.0, random_layer=True, groups=BN_GROUPS), PLAIN, encoded=True)


def _encoder(backbone: str) -> Encoder:
    return make_encoder(
        backbone=backbone, stem="cifar", head="mlp", feature_dim=DIM, num_channels=3, bn_groups=BN_GROUPS
    )


if __name__ == "__main__":
    main()
