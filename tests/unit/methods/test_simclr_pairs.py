"""The parts of SimCLR's loss one by one: gradients through a mixed pair, left-out negatives, and several ranks."""

from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import pytest
import torch
from simclr_by_loops import simclr_by_loops
from torch import Tensor, nn
from torch.nn import functional as F

from ftlab.config.sections.simclr_section import SimCLRSection
from ftlab.contrast.transform import FeatureTransform, NegativeTransform, PositiveTransform
from ftlab.methods.method import MethodParts, Streams, Views
from ftlab.methods.simclr import Partner, SimCLR
from ftlab.ranks.exchange import ALONE, Ranks
from ftlab.testing.thread_ranks import Meeting, ThreadRanks

N, C, TEMPERATURE = 4, 3, 0.3
POSITIVES, NEGATIVES = PositiveTransform(2.0, (1.0, 2.0)), NegativeTransform(1.6)
BOTH = FeatureTransform(POSITIVES, NEGATIVES)


class Pixels(nn.Module):
    """An encoder whose features are the pixels."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)


def make_simclr(transform: FeatureTransform, partner: Partner = "live", ranks: Ranks = ALONE) -> SimCLR:
    parts = MethodParts(
        make_encoder=Pixels,  # type: ignore[arg-type]
        feature_dim=C,
        transform=transform,
        transform_epochs=range(1),
        precision=torch.float32,
        make_generator=lambda _: torch.Generator(),
        ranks=ranks,
    )
    return SimCLR.build(parts, SimCLRSection(temperature=TEMPERATURE, partner=partner))


def make_streams(simclr: SimCLR) -> Streams:
    return {name: torch.Generator().manual_seed(place) for place, name in enumerate(simclr.streams)}


def make_rows() -> tuple[Tensor, Tensor]:
    first, second = torch.randn(2, N, C, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return first.requires_grad_(), second.requires_grad_()


def as_views(views: tuple[Tensor, Tensor]) -> Views:
    first, second = (view[:, :, None, None] for view in views)
    return Views((first, second), torch.arange(N))


def pull(partner: Partner, share: float | None) -> tuple[Tensor, ...]:
    """Return the gradients of the summed positive scores with respect to both views, before normalisation."""
    positives = None if share is None else PositiveTransform(2.0, (share, share))
    transform, rows = FeatureTransform(positives), make_rows()
    features = torch.stack([F.normalize(view) for view in rows], dim=1).flatten(0, 1)
    _, scores = make_simclr(transform, partner)._pair(features, transform, torch.Generator(), ALONE)
    return torch.autograd.grad(scores.sum(), rows)


FACTORS = {
    # Both anchors of a pair pull on both of its views.
    "live": lambda share: 1 + 2 * share * (share - 1),
    "mix_in_constant": lambda share: share**2,
    # An anchor pulls on itself alone.
    "key_constant": lambda share: (1 + 2 * share * (share - 1)) / 2,
}


@pytest.mark.parametrize("share", [0.25, 1.0, 1.25, 2.0])
@pytest.mark.parametrize("partner", get_args(Partner))
def test_a_partner_decides_the_pull_between_the_views_of_an_image(partner: Partner, share: float) -> None:
    for mixed, plain in zip(pull(partner, share), pull(partner, None), strict=True):
        torch.testing.assert_close(mixed, FACTORS[partner](share) * plain, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("partner", "sign"), [("live", -1.0), ("mix_in_constant", 0.0), ("key_constant", 0.0)], ids=get_args(Partner)
)
def test_a_negative_pushes_the_other_view_backwards_only_where_it_is_live(partner: Partner, sign: float) -> None:
    # s' = (l a + (1 - l) b) z, and so its slope on b is -(l - 1) z.
    share, rows, negative = 1.5, torch.eye(2, C, dtype=torch.float64).requires_grad_(), torch.ones(C).double()
    transform = FeatureTransform(PositiveTransform(2.0, (share, share)))
    anchors, _ = make_simclr(transform, partner)._pair(rows, transform, torch.Generator(), ALONE)
    (slope,) = torch.autograd.grad(anchors[0] @ negative, rows)
    torch.testing.assert_close(slope, torch.stack([share * negative, sign * (share - 1) * negative]), rtol=0, atol=0)


@pytest.mark.parametrize(
    "transform",
    [
        FeatureTransform(),
        FeatureTransform(negatives=NEGATIVES),
        FeatureTransform(POSITIVES, NegativeTransform(1.6, union=True)),
        FeatureTransform(POSITIVES, NegativeTransform(1.6, granularity="sample")),
        FeatureTransform(POSITIVES, NEGATIVES, groups=2),
    ],
    ids=["plain", "mixed", "union", "row", "groups"],
)
def test_negatives_that_hold_the_anchors_image_and_no_others_are_left_out(transform: FeatureTransform) -> None:
    simclr = make_simclr(transform)
    excluded = simclr.step(as_views(make_rows()), make_streams(simclr), 0).seen.excluded
    groups, streams = transform.groups, make_streams(simclr)
    for anchor in range(2 * N):
        group = anchor * groups // (2 * N)
        bank = transform.mix_negatives(
            torch.eye(2 * N), generator=streams["negatives" if group == 0 else f"negatives {group}"].clone_state()
        )
        holds = [{int(row) // 2 for row in rows} for rows in bank.rows]
        assert excluded[anchor].tolist() == [anchor // 2 in images for images in holds]
        # The features of a mixed slot tell the same: they have a part of each row that they were mixed from.
        parts = [{row // 2 for row in range(2 * N) if feature[row] > 0} for feature in bank.features]
        assert all(part <= images for part, images in zip(parts, holds, strict=True))
    unmixed = 2 * N - 2
    kept = (~excluded).sum(dim=1).tolist()
    if transform.negatives is None:
        assert kept == [unmixed] * (2 * N)
    else:
        extra = unmixed if transform.negatives.union else 0
        assert all(unmixed - 2 <= number - extra <= unmixed for number in kept)


@pytest.mark.parametrize("num_ranks", [2, 4])
@pytest.mark.parametrize("partner", get_args(Partner))
@pytest.mark.parametrize("transform", [FeatureTransform(), BOTH], ids=["plain", "both"])
def test_ranks_have_the_loss_and_the_gradient_of_the_whole_batch(
    transform: FeatureTransform, partner: Partner, num_ranks: int
) -> None:
    meeting, size = Meeting(num_ranks), N // num_ranks

    def step(rank: int) -> tuple[Tensor, list[Tensor], list[list[bool]]]:
        simclr = make_simclr(transform, partner, ThreadRanks(rank, num_ranks, meeting))
        own = [view.detach()[rank * size : (rank + 1) * size].requires_grad_() for view in make_rows()]
        result = simclr.step(as_views((own[0], own[1])), make_streams(simclr), 0)
        return result.loss.detach(), list(torch.autograd.grad(result.loss, own)), result.seen.excluded.tolist()

    with ThreadPoolExecutor(num_ranks) as threads:
        losses, gradients, excluded = zip(*threads.map(step, range(num_ranks)), strict=True)
    rows, alone = make_rows(), make_simclr(transform, partner)
    loss, _ = simclr_by_loops(rows, TEMPERATURE, partner, make_streams(alone), transform)
    assert torch.stack(losses).mean().item() == pytest.approx(loss.item(), abs=1e-9)
    for view, expected in enumerate(torch.autograd.grad(loss, rows)):
        found = torch.cat([of_rank[view] for of_rank in gradients]) / num_ranks
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)
    whole = alone.step(as_views(rows), make_streams(alone), 0).seen.excluded.tolist()
    assert [row for of_rank in excluded for row in of_rank] == whole
