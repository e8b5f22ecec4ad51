"""A training step of each method, all of its FT on, against the bare passes of the same encoders and heads.

A step is loss, statistics, backward pass, optimiser, and what follows it, such as the key encoder's moving average; the
views are there already. The bare passes are those that the step asks of encoders and heads, forwards and backwards from
a trivial scalar, and the optimiser's step. Beside them the plain step: of the same method without FT, or of MoCo
without what FT is compared with; and, where lightly has the plain method, its step, in a process of its own: ours
keeps freed memory, which its users' processes do not. All in turn.

ResNet-18 with the CIFAR stem at 32 pixels, and InfoMin, whose patches need larger views, with ImageNet's at 96. Batches
are normalised as a whole, as lightly's are.
"""

import argparse
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from _bare_passes import bare_outputs
from _harness import report_ratio, seconds_in_turn
from _training import OurSteps, make_images, wait_for
from torch import Tensor

from ftlab.config.loading import load_profile
from ftlab.config.setting import Settings
from ftlab.config.trial import TrialConfig
from ftlab.methods.method import Views
from ftlab.study.spec import single_trial_study
from ftlab.training.trainer import Batches, Optimizer

if TYPE_CHECKING:
    from _lightly import OwnProcess

POSITIVES: Settings = {"transform.positives": "extrapolate", "transform.start": 0.0}
BOTH: Settings = {**POSITIVES, "transform.negatives": "interpolate"}
MOCHI: Settings = {
    "transform.negatives": "mochi",
    "transform.start": 0.0,
    "transform.hard_negatives": 1024,
    "transform.hard_mixtures": 1024,
    "transform.query_mixtures": 128,
}
PUZZLE: Settings = {"method.jigsaw_weight": 0.5, "data.image_size": 96, "model.stem": "imagenet"}


@dataclass(frozen=True)
class Case:
    """A step that is timed.

    Attributes:
        plain: Settings of the plain step, over those of the profile ``cifar10``.
        added: Settings of what the step has more.
        has_peer: Whether lightly has the plain method.
    """

    plain: Settings
    added: Settings
    has_peer: bool = False


CASES = {
    "moco": Case({}, BOTH, has_peer=True),
    "moco_symmetric": Case({"method.symmetric": True}, BOTH),
    "infomin": Case({"method.name": "infomin", **PUZZLE}, BOTH),
    "simclr": Case({"method.name": "simclr"}, BOTH, has_peer=True),
    "swav": Case({"method.name": "swav"}, BOTH, has_peer=True),
    # lightly's projector has three layers.
    "simsiam": Case({"method.name": "simsiam", "method.projector_layers": 3}, POSITIVES, has_peer=True),
    "mochi": Case({}, MOCHI),
    "unmix": Case({}, {"mixing.name": "unmix"}),
    "in_batch_keys": Case({}, {"mixing.name": "in_batch_keys"}),
    "imix": Case({}, {"mixing.name": "imix"}),
    "manifold_mixup": Case({}, {"mixing.name": "imix", "mixing.layers": "random"}),
}


def main() -> None:
    """Time the steps of the chosen methods, and print a row for each."""
    arguments = parse_arguments()
    rows = [
        f"{'':16}{'step ms':>9}{'bare ms':>9}{'step / bare':>24}{'step / plain':>24}{'plain / lightly':>24}",
        *(measure(name, CASES[name], arguments) for name in arguments.methods),
    ]
    print("\n".join(rows))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", choices=CASES, default=list(CASES), metavar="METHOD")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2, help="steps of a timing")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--queue", type=int, default=4096)
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--contiguous", action="store_true", help="our images and weights contiguous, as lightly's are")
    parser.add_argument("--no-peer", action="store_true", help="leave lightly out")
    return parser.parse_args()


def measure(name: str, case: Case, arguments: argparse.Namespace) -> str:
    """Time the steps of a case in turn, report the ratio to the bare passes, and return the row of the table."""
    device, num_steps = torch.device(arguments.device), arguments.steps
    config, plain_config = (make_config(each, arguments) for each in ({**case.plain, **case.added}, case.plain))
    step, plain = make_steps(config, device), make_steps(plain_config, device)
    runs = {"step": step.run, "bare": BarePasses(step, device).run, "plain": plain.run}
    peer = start_peer(plain, plain_config, device) if case.has_peer and not arguments.no_peer else None
    if peer:
        runs["lightly"] = peer.run
    seconds = seconds_in_turn([partial(run, num_steps) for run in runs.values()], rounds=arguments.rounds, repeats=1)
    if peer:
        peer.close()
    timings = {what: [each / num_steps for each in found] for what, found in zip(runs, seconds, strict=True)}
    medians = {what: 1000 * statistics.median(found) for what, found in timings.items()}
    ratios = [spread(timings, *pair) for pair in (("step", "bare"), ("step", "plain"), ("plain", "lightly"))]
    details = {
        **{f"{what} ms": round(median, 2) for what, median in medians.items()},
        "step / plain": ratios[1],
        "plain / lightly": ratios[2],
        **{key: value for key, value in vars(arguments).items() if key not in ("methods", "rounds", "no_peer")},
        "threads": torch.get_num_threads(),
    }
    report_ratio(f"method_step_{name}", list(zip(timings["step"], timings["bare"], strict=True)), details)
    return f"{name:16}{medians['step']:>9.1f}{medians['bare']:>9.1f}" + "".join(f"{ratio:>24}" for ratio in ratios)


def spread(timings: Mapping[str, list[float]], ours: str, yardstick: str) -> str:
    """Return median and range of the ratios of two timings, round by round; a dash if one was not taken."""
    if yardstick not in timings:
        return "-"
    ratios = [mine / other for mine, other in zip(timings[ours], timings[yardstick], strict=True)]
    return f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"


def make_config(settings: Settings, arguments: argparse.Namespace) -> TrialConfig:
    """Return a trial whose weights stay as they are, so that one step is like the other."""
    has_queue = settings.get("method.name", "moco") in ("moco", "infomin")
    chosen: Settings = {
        "model.backbone": arguments.backbone,
        "model.bn_groups": 1,
        "train.batch_size": arguments.batch,
        "train.precision": arguments.precision,
        "train.learning_rate": 1e-12,
        "train.channels_last": not arguments.contiguous,
        "probe.every": 0,
        **({"method.queue_size": arguments.queue} if has_queue else {}),
    }
    chosen |= settings
    if arguments.backbone == "small_cnn":  # it has one stem
        chosen.pop("model.stem", None)
    return single_trial_study("cifar10", load_profile("cifar10"), 0, chosen).cells[0].config


def make_steps(config: TrialConfig, device: torch.device) -> OurSteps:
    """Return the steps of a trial, on the same views each time."""
    batch_size = config.train.batch_size
    steps = OurSteps(config, make_images(batch_size, config.data.image_size), device)
    views = first_views(steps)
    steps.trainer.batches = Batches(
        1000 * batch_size, batch_size, lambda *_: lambda _: views, seed=0, device=device, shuffled=False
    )
    return steps


def first_views(steps: OurSteps) -> Views:
    """Return the views of the first step."""
    return next(iter(steps.trainer.batches.epoch(0)))


class BarePasses:
    """The bare passes of our step, with its optimiser.

    Args:
        ours: The steps whose encoders, heads and views they are.
        device: Device of both.
    """

    def __init__(self, ours: OurSteps, device: torch.device) -> None:
        self._trainer = ours.trainer
        self._views = first_views(ours)
        self._device = device
        # Batch normalisation gives a plain sum no gradient.
        self._weights = [torch.randn_like(outputs) for outputs in self._outputs()]

    def run(self, num_steps: int) -> None:
        """Take steps, and wait until the device has."""
        for _ in range(num_steps):
            weighted = [(outputs * by).sum() for outputs, by in zip(self._outputs(), self._weights, strict=True)]
            take_step(torch.stack(weighted).sum(), self._trainer.optimizer)
        wait_for(self._device)

    def _outputs(self) -> list[Tensor]:
        precision = self._trainer.method.precision
        with torch.autocast(self._device.type, precision, enabled=precision != torch.float32):
            return [outputs.float() for outputs in bare_outputs(self._trainer.method, self._views)]


def start_peer(ours: OurSteps, config: TrialConfig, device: torch.device) -> "OwnProcess":
    """Return the steps of lightly's method on the views of our plain steps, in a process of their own."""
    from _lightly import OwnProcess
    from _lightly_methods import PeerSteps, make_lightly

    method = ours.trainer.method
    views = [images.contiguous().cpu() for images in first_views(ours).images]
    peer = make_lightly(config.method, method.encoder, config.model.feature_dim).cpu()
    settings = (peer, views, config.train.learning_rate, method.precision, device)
    return OwnProcess(PeerSteps, torch.get_num_threads(), *settings)


def take_step(loss: Tensor, optimizer: Optimizer) -> None:
    """Take a step of an optimiser down the gradient of a loss."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


if __name__ == "__main__":
    main()
