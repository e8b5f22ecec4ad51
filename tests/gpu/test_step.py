"""Steps of the whole method on the device, against the algorithm by loops and against the CPU."""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any

import pytest
import torch
from step_by_loops import step_by_loops
from torch import Tensor

from ftlab.assembly.trial_parts import make_method, make_optimizer
from ftlab.config.trial import TrialConfig
from ftlab.methods.method import Streams, Views
from ftlab.methods.moco import MoCo
from ftlab.training.evaluation.probe import no_probe
from ftlab.training.schedule import CosineSchedule
from ftlab.training.trainer import Trainer

N = 8
BOTH = {"positives": "extrapolate", "negatives": "interpolate"}
TRANSFORMS: dict[str, dict[str, Any]] = {
    "none": {},
    "both": BOTH,
    "element": {**BOTH, "granularity": "element"},
    "union, original query": {**BOTH, "negatives": "interpolate_union", "query_for_negatives": "original"},
    "renormalised": {**BOTH, "renormalise": True},
}

MakeConfig = Callable[..., TrialConfig]
MakeMoCo = Callable[..., MoCo]
MakeGenerator = Callable[[int], torch.Generator]
MakeStreams = Callable[[], Streams]

EPOCH = 0


def views_of(seed: int, size: int = 8) -> Views:
    """Views on the CPU."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(2 * N, 3, size, size, generator=generator)
    order = torch.randperm(N, generator=generator)
    return Views((images[:N], images[N:][order]), order)


def moved(views: Views, device: torch.device, layout: torch.memory_format = torch.contiguous_format) -> Views:
    images = (view.to(device).contiguous(memory_format=layout) for view in views.images)
    return Views(tuple(images), views.order.to(device))


@pytest.fixture
def make_streams(make_generator: MakeGenerator) -> MakeStreams:
    return lambda: {"positives": make_generator(1), "negatives": make_generator(2)}


@pytest.fixture
def make_moco(device: torch.device, make_config: MakeConfig) -> MakeMoCo:
    """Build the method as trials do, with two encoders that differ, as they do after the first step."""

    def make(**changes: dict[str, Any]) -> MoCo:
        moco = make_method(make_config(**changes), 3, torch.device("cpu"))
        assert isinstance(moco, MoCo)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in moco.key_encoder.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
        return moco.train().to(device)

    return make


@pytest.mark.usefixtures("_exact_float32")
@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_step_agrees_with_the_algorithm_by_loops(
    device: torch.device, make_moco: MakeMoCo, make_streams: MakeStreams, name: str
) -> None:
    moco, views = make_moco(transform=TRANSFORMS[name]), views_of(0)
    encoders = [deepcopy(encoder).cpu().double() for encoder in (moco.query_encoder, moco.key_encoder)]
    loss, statistics = step_by_loops(moco, encoders[0], encoders[1], views, make_streams(), moco.transform)
    loss.backward()
    result = moco.step(moved(views, device), make_streams(), EPOCH)
    result.loss.backward()
    # The encoders run in float32 here and in float64 there.
    assert result.loss.item() == pytest.approx(loss.item(), rel=1e-5)
    measured = {name: result.scores[name].item() for name in statistics}
    assert measured == pytest.approx(statistics, rel=1e-4, abs=1e-5)
    expected = dict(encoders[0].named_parameters())
    for parameter_name, parameter in moco.query_encoder.named_parameters():
        gradient, other = parameter.grad, expected[parameter_name].grad
        assert gradient is not None
        assert other is not None
        tolerance = 1e-4 * other.abs().max().item() + 1e-6
        torch.testing.assert_close(gradient.cpu().double(), other, rtol=0, atol=tolerance, msg=parameter_name)


def test_float32_encoders_are_within_tf32s_rounding(
    device: torch.device, make_moco: MakeMoCo, make_streams: MakeStreams
) -> None:
    """As trials run them: torch lets cuDNN use TF32, whose 10 bits of mantissa give 5e-4 a product."""
    moco, views = make_moco(), views_of(0)
    exact = deepcopy(moco.query_encoder).cpu().double()(views.images[0].double())
    queries = moco.step(moved(views, device), make_streams(), EPOCH).queries.cpu().double()
    expected = torch.nn.functional.normalize(exact).detach()
    assert (queries - expected).abs().max().item() <= 1e-2


@pytest.mark.parametrize("channels_last", [False, True], ids=["channels first", "channels last"])
def test_bfloat16_encoders_give_float32_features_and_finite_gradients(
    device: torch.device, make_moco: MakeMoCo, make_streams: MakeStreams, channels_last: bool
) -> None:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    results = []
    for precision in ("bfloat16", "float32"):
        moco = make_moco(train={"precision": precision}, transform=BOTH).to(memory_format=layout)
        views = moved(views_of(0, size=16), device, layout)
        result = moco.step(views, make_streams(), EPOCH)
        result.loss.backward()
        gradients = [parameter.grad for parameter in moco.query_encoder.parameters()]
        assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
        assert {gradient.dtype for gradient in gradients if gradient is not None} == {torch.float32}
        results.append(result)
    rounded, exact = results
    parts: list[Tensor] = [rounded.loss, rounded.queries, rounded.keys, *rounded.transformed[0]]
    assert {part.dtype for part in parts} == {torch.float32}
    torch.testing.assert_close(rounded.queries.norm(dim=1), torch.ones(N, device=device))
    # bfloat16 rounds to 4e-3 of a number, in each of four layers.
    torch.testing.assert_close(rounded.queries, exact.queries, rtol=0, atol=0.05)
    assert rounded.loss.item() != exact.loss.item()
    assert rounded.loss.item() == pytest.approx(exact.loss.item(), rel=0.1)


class SameViews:
    """Batches that are the same on every device."""

    steps_per_epoch = 6

    def __init__(self, device: torch.device, layout: torch.memory_format) -> None:
        self._device, self._layout = device, layout

    def epoch(self, epoch: int) -> Iterator[Views]:
        for step in range(self.steps_per_epoch):
            yield moved(views_of(100 * epoch + step), self._device, self._layout)


@pytest.mark.usefixtures("_exact_float32")
def test_two_epochs_train_what_the_cpu_trains(device: torch.device, make_config: MakeConfig) -> None:
    """Encoders, loss, SGD, moving average and queue together; FT is off, since devices draw other coefficients."""
    config = make_config(train={"epochs": 2, "batch_size": N})

    def train(device: torch.device, layout: torch.memory_format) -> tuple[Sequence[float], dict[str, Tensor]]:
        method = make_method(config, 3, device).to(memory_format=layout)
        batches: Any = SameViews(device, layout)
        optimizer = make_optimizer(config, method)
        trainer = Trainer(method, optimizer, CosineSchedule(0.03, 2), batches, no_probe, seed=0, device=device)
        losses = [result.metrics["pretrain/loss"] for result in trainer.epochs()]
        return losses, {name: value.cpu() for name, value in method.state_dict().items()}

    losses, state = train(device, torch.channels_last)
    expected_losses, expected = train(torch.device("cpu"), torch.contiguous_format)
    assert losses == pytest.approx(expected_losses, rel=1e-4)
    assert state["queue.pointer"].item() == 2 * 6 * N % 20
    for name, value in expected.items():
        # Rounding grows from step to step: running statistics and the queue's sums of squares are the largest numbers.
        torch.testing.assert_close(state[name], value, rtol=1e-3, atol=1e-3, msg=name)
