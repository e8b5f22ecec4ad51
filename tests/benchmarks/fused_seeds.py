"""Several seeds of one cell fused into one process by stacked parameters, against the same seeds one after another.

As HFTA does (arXiv 2102.02344): parameters of S small encoders are stacked and ``torch.func.vmap`` turns their
convolutions into grouped ones. Fused and separate losses are compared before anything is timed.

Only what both can do is timed, queries' and keys' forward pass, plain InfoNCE, and the backward pass, with batch
normalisation that keeps no running statistics. ``--device cuda`` for a GPU.
"""

import argparse
import copy
from typing import Any

import torch
from _harness import paired_seconds, report
from _training import wait_for
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap
from torch.nn import functional as F

from ftlab.encoders.encoder import Encoder, make_projection_head
from ftlab.encoders.small_cnn import make_small_cnn

BATCH, QUEUE, DIM, FEATURES = 128, 1024, 64, 64


def main() -> None:
    """Check that both give the same losses, then time them in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    device, seeds = torch.device(arguments.device), arguments.seeds
    encoders = [make_encoder(seed).to(device) for seed in range(seeds)]
    template = copy.deepcopy(encoders[0])
    views = torch.randn(seeds, 2, BATCH, 1, 8, 8, device=device)
    queues = F.normalize(torch.randn(seeds, QUEUE, DIM, device=device), dim=-1)
    stacked, _ = stack_module_state(encoders)
    separate = [{name: value[seed].detach().clone() for name, value in stacked.items()} for seed in range(seeds)]
    parameters = {name: value.detach() for name, value in stacked.items()}

    def loss_of(own: dict[str, Tensor], own_views: Tensor, queue: Tensor) -> Tensor:
        queries = F.normalize(functional_call(template, own, (own_views[0],)))
        with torch.no_grad():
            keys = F.normalize(functional_call(template, own, (own_views[1],)))
        scores = torch.cat([(queries * keys).sum(dim=1, keepdim=True), queries @ queue.T], dim=1)
        return F.cross_entropy(scores / 0.1, torch.zeros(BATCH, dtype=torch.long, device=device))

    step = grad_and_value(loss_of)
    fused_step = vmap(step)

    def fused() -> Any:
        found = fused_step(parameters, views, queues)
        wait_for(device)
        return found

    def one_by_one() -> list[Any]:
        found = [step(separate[seed], views[seed], queues[seed]) for seed in range(seeds)]
        wait_for(device)
        return found

    expected = torch.stack([loss for _, loss in one_by_one()])
    torch.testing.assert_close(fused()[1], expected, rtol=1e-4, atol=1e-4)
    pairs = paired_seconds(fused, one_by_one, rounds=arguments.rounds, repeats=5)
    details = {
        "seeds": seeds,
        "batch": BATCH,
        "K": QUEUE,
        "device": arguments.device,
        "largest loss": expected.max().item(),
    }
    report("fused_seeds", [separately / together for together, separately in pairs], "times as fast fused", details)


def make_encoder(seed: int) -> Encoder:
    """Return the digits profile's encoder with batch normalisation that keeps no running statistics."""
    torch.manual_seed(seed)
    backbone, _ = make_small_cnn(
        num_channels=1, norm_layer=lambda width: nn.BatchNorm2d(width, track_running_stats=False)
    )
    for module in backbone.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False  # vmap refuses some in-place operations
    return Encoder(backbone, make_projection_head("linear", FEATURES, DIM), FEATURES)


if __name__ == "__main__":
    main()
