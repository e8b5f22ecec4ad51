"""A whole training step of a ResNet, data path included, against its bare encoders and against lightly's step.

As it is, a ResNet-18 with the CIFAR stem at batch 128 and K = 4,096. On a GPU, the settings of the CIFAR-10 profile and
the paper's large images:

    resnet_step.py --device cuda --batch 512 --precision bfloat16
    resnet_step.py --device cuda --precision bfloat16 --backbone resnet50 --stem imagenet --size 224 --images 10240
        --batch 256
"""

import argparse
import os
import statistics

import numpy as np
import torch
from _harness import paired_seconds, report_ratio
from _training import OurSteps, bare_encoders, cell_config, make_images, peak_megabytes

EPOCH_IMAGES, EPOCHS = 50_000, 200


def main() -> None:
    """Time ours and the bare encoders in turn, then ours and lightly's in turn."""
    arguments = parse_arguments()
    device = torch.device(arguments.device)
    config = cell_config(
        "cifar10",
        model__backbone=arguments.backbone,
        **({} if arguments.backbone == "small_cnn" else {"model__stem": arguments.stem}),
        method__queue_size=arguments.queue,
        data__image_size=arguments.size,
        train__batch_size=arguments.batch,
        train__precision=arguments.precision,
    )
    images = make_images(arguments.images, arguments.size)
    ours = OurSteps(config, images, device)
    if arguments.compile != "none":
        ours.trainer.method.compile_encoders(arguments.compile)
    bare = bare_encoders(ours, device)
    steps, rounds = arguments.steps, arguments.rounds
    memory = peak_megabytes(device, lambda: ours.run(2))
    pairs = paired_seconds(lambda: ours.run(steps), lambda: bare.run(steps), rounds=rounds, repeats=1)
    rate = steps * arguments.batch / statistics.median(mine for mine, _ in pairs)
    details = {
        **{name: value for name, value in vars(arguments).items() if name not in ("rounds", "images")},
        "threads": torch.get_num_threads(),
        "our images/s": round(rate),
        f"minutes for {EPOCHS} epochs of {EPOCH_IMAGES} images": round(EPOCHS * EPOCH_IMAGES / rate / 60, 1),
        "peak memory in MB": memory,
    }
    if failure := ours.trainer.method.compilation_failure:
        details["compilation failed"] = failure
    by_step = [(mine / steps, theirs / steps) for mine, theirs in pairs]
    report_ratio("resnet_step", by_step, details)
    if not arguments.no_peer:  # reported once more, as a peer may take longer than there is time
        details["images/s ours / lightly's"] = compare_with_peer(
            ours, np.asarray(images.train_images), arguments, device
        )
        report_ratio("resnet_step", by_step, details)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4, help="steps of a timing")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--stem", default="cifar")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--queue", type=int, default=4096)
    parser.add_argument("--size", type=int, default=32, help="side of images and views, in pixels")
    parser.add_argument("--images", type=int, default=EPOCH_IMAGES)
    parser.add_argument("--precision", default="float32")
    modes = ("none", "default", "reduce-overhead")
    parser.add_argument("--compile", choices=modes, default="none", help="mode of torch.compile, for both encoders")
    parser.add_argument("--no-peer", action="store_true", help="leave lightly out")
    return parser.parse_args()


def compare_with_peer(
    ours: OurSteps, images: np.ndarray, arguments: argparse.Namespace, device: torch.device
) -> list[float] | str:
    """Time ours and lightly's steps in turn: the same backbone and precision, lightly with its loader on every core."""
    try:
        from _lightly import LightlySteps, OwnProcess, plain_batch_norm
    except ImportError as error:
        return f"not measured: {error}"
    encoder = ours.trainer.method.encoder
    peer = OwnProcess(
        LightlySteps,
        torch.get_num_threads(),
        plain_batch_norm(encoder),
        encoder.num_features,
        images,
        dim=128,
        queue_size=arguments.queue,
        batch_size=arguments.batch,
        num_workers=os.cpu_count() or 1,
        device=device,
        precision=getattr(torch, arguments.precision),
    )
    steps = arguments.steps
    pairs = paired_seconds(lambda: ours.run(steps), lambda: peer.run(steps), rounds=arguments.rounds, repeats=1)
    peer.close()
    return [round(theirs / mine, 2) for mine, theirs in pairs]


if __name__ == "__main__":
    main()
