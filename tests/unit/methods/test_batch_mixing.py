"""Un-Mix and i-Mix against their definitions, written number by number."""

from collections.abc import Mapping
from math import floor, sqrt
from typing import Any, ClassVar

import pytest
import torch
from step_by_loops import Row, dot, rows_of, total, unit
from torch import Tensor
from torch.nn import functional as F

from ftlab.assembly.trial_parts import make_method
from ftlab.config.trial import TrialConfig
from ftlab.contrast.loss import info_nce
from ftlab.contrast.transform import sample_symmetric_beta
from ftlab.methods.batch_mixing import BatchMixing
from ftlab.methods.imix import IMix
from ftlab.methods.method import Views
from ftlab.methods.moco import MoCo, MoCoResult
from ftlab.methods.unmix import UnMix

N, K, C, SIDE, TEMPERATURE = 6, 7, 4, 3, 0.3
NEVER_MIXED = 1e-4  # an alpha that draws shares of 0 or 1 alone


def generator(seed: int = 4) -> Mapping[str, torch.Generator]:
    return {"mixing": torch.Generator().manual_seed(seed)}


class Setup:
    """A linear encoder of small images in float64, with keys and a queue."""

    def __init__(self, num_images: int = N) -> None:
        random = torch.Generator().manual_seed(1)
        self.images = torch.randn(num_images, 1, SIDE, SIDE, generator=random, dtype=torch.float64)
        self.weights = torch.randn(SIDE * SIDE, C, generator=random, dtype=torch.float64).requires_grad_()
        self.keys = F.normalize(torch.randn(num_images, C, generator=random, dtype=torch.float64))
        self.queue = F.normalize(torch.randn(K, C, generator=random, dtype=torch.float64))

    def encode(self, images: Tensor) -> Tensor:
        return F.normalize(images.flatten(1) @ self.weights)

    def contrast(self, queries: Tensor) -> Tensor:
        return info_nce(queries, self.keys, queries, self.queue, TEMPERATURE).loss

    def loss(self, mixing: BatchMixing, seed: int = 4) -> Tensor:
        """Return the loss of a step, as MoCo computes it."""
        streams = generator(seed)
        queries, targets = mixing.encode_queries(self.images, self.encode, streams)
        candidates = self.keys if mixing.finds_in_batch else None
        loss = info_nce(queries, targets(self.keys), queries, self.queue, TEMPERATURE, None, candidates).loss
        return mixing.add_loss(loss, self.images, self.encode, self.contrast, streams)

    def encode_by_loops(self, pixels: Row) -> Row:
        columns = [list(column.unbind()) for column in self.weights.T.unbind()]
        return unit([dot(pixels, column) for column in columns])


def cross_entropy(query: Row, candidates: list[Row], place: int) -> Tensor:
    exponentials = [(dot(query, candidate) / TEMPERATURE).exp() for candidate in candidates]
    return -(exponentials[place] / total(exponentials)).log()


def assert_same(setup: Setup, found: Tensor, expected: Tensor) -> None:
    assert found.item() == pytest.approx(expected.item(), abs=1e-6)
    gradients = [torch.autograd.grad(loss, setup.weights)[0] for loss in (found, expected)]
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("probability", [0.0, 1.0])
@pytest.mark.parametrize(("num_images", "groups"), [(6, 1), (6, 2), (5, 1)])
def test_unmix_is_that_of_the_loops(probability: float, num_images: int, groups: int) -> None:
    setup, unmix = Setup(num_images), UnMix(1.0, probability, groups)
    shares = unmix.draw_shares(SIDE, SIDE, generator=generator()["mixing"]).double().expand(SIDE, SIDE)
    pixels, keys, queue = (rows_of(rows) for rows in (setup.images.flatten(1), setup.keys, setup.queue))
    size = num_images // groups
    loss = torch.zeros((), dtype=torch.float64)
    share = sum(shares.flatten().tolist()) / SIDE**2
    for i in range(num_images):
        partner = i // size * size + size - 1 - i % size
        blended = [s * a + (1 - s) * b for s, a, b in zip(shares.flatten(), pixels[i], pixels[partner], strict=True)]
        query, mixture = setup.encode_by_loops(pixels[i]), setup.encode_by_loops(blended)
        loss = loss + cross_entropy(query, [keys[i], *queue], 0) / num_images
        # The pixels of the mixture are its own image's by its share, and its partner's by the rest.
        loss = loss + share * cross_entropy(mixture, [keys[i], *queue], 0) / num_images
        loss = loss + (1 - share) * cross_entropy(mixture, [keys[partner], *queue], 0) / num_images
    assert 0.0 < share < 1.0
    assert_same(setup, setup.loss(unmix), loss)


def test_a_box_is_cut_out_around_its_centre() -> None:
    areas = []
    for seed in range(50):
        found = UnMix(1.0, 0.0).draw_shares(5, 8, generator=torch.Generator().manual_seed(seed))
        random = torch.Generator().manual_seed(seed)
        share = sample_symmetric_beta(1.0, (1,), generator=random).item()
        _, down, across = torch.rand(3, generator=random).tolist()
        half = [floor(length * sqrt(1 - share)) // 2 for length in (5, 8)]
        middle = [floor(5 * down), floor(8 * across)]
        for y in range(5):
            for x in range(8):
                inside = all(c - h <= at < c + h for at, c, h in zip((y, x), middle, half, strict=True))
                assert found[y, x].item() == (0.0 if inside else 1.0)
        areas.append(1.0 - found.mean().item())
    assert min(areas) == 0.0
    assert max(areas) > 0.3


def test_whole_images_are_mixed_as_often_as_asked() -> None:
    unmix = UnMix(1.0, 0.3)
    drawn = [unmix.draw_shares(2, 2, generator=torch.Generator().manual_seed(seed)) for seed in range(400)]
    # A box takes a pixel or leaves it.
    num_whole = sum(0.0 < shares[0, 0].item() < 1.0 for shares in drawn)
    assert 90 < num_whole < 150


@pytest.mark.parametrize("groups", [1, 2])
def test_imix_is_that_of_the_loops(groups: int) -> None:
    setup, imix = Setup(), IMix(1.0, groups=groups)
    partners, shares = imix.draw(N, generator=generator()["mixing"])
    pixels, keys, queue = (rows_of(rows) for rows in (setup.images.flatten(1), setup.keys, setup.queue))
    loss = torch.zeros((), dtype=torch.float64)
    for i, (partner, share) in enumerate(zip(partners.tolist(), shares.tolist(), strict=True)):
        blended = [share * a + (1 - share) * b for a, b in zip(pixels[i], pixels[partner], strict=True)]
        query, candidates = setup.encode_by_loops(blended), [*keys, *queue]
        loss = loss + share * cross_entropy(query, candidates, i) / N
        loss = loss + (1 - share) * cross_entropy(query, candidates, partner) / N
    assert_same(setup, setup.loss(imix), loss)


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_the_own_image_has_the_larger_share_and_a_partner_of_its_group(groups: int) -> None:
    for seed in range(20):
        partners, shares = IMix(1.0, groups=groups).draw(N, generator=torch.Generator().manual_seed(seed))
        assert shares.min() >= 0.5
        assert sorted(partners.tolist()) == list(range(N))
        size = N // groups
        assert all(partner // size == i // size for i, partner in enumerate(partners.tolist()))


def make_moco(**sections: Mapping[str, Any]) -> MoCo:
    settings: dict[str, Any] = {
        "model": {"feature_dim": 8, "bn_groups": 2},
        "method": {"queue_size": 10},
        "train": {"batch_size": 8},
        **sections,
    }
    moco = make_method(TrialConfig.model_validate(settings), 1, torch.device("cpu")).train()
    assert isinstance(moco, MoCo)
    return moco


def step(moco: MoCo) -> MoCoResult:
    images = torch.rand(2, 8, 1, 8, 8, generator=torch.Generator().manual_seed(9))
    streams = {name: torch.Generator().manual_seed(place) for place, name in enumerate(moco.streams)}
    return moco.step(Views((images[0], images[1]), torch.arange(8)), streams, 0)


@pytest.mark.parametrize("layers", ["input", "random"])
def test_imix_with_shares_of_one_is_its_baseline(layers: str) -> None:
    mixed = step(make_moco(mixing={"name": "imix", "alpha": NEVER_MIXED, "layers": layers}))
    plain = step(make_moco(mixing={"name": "in_batch_keys"}))
    assert torch.equal(mixed.loss, plain.loss)
    assert torch.equal(mixed.queries, plain.queries)


def test_the_baseline_of_imix_has_the_keys_of_the_batch_beside_the_queue() -> None:
    moco = make_moco(mixing={"name": "in_batch_keys"})
    result = step(moco)
    logits = torch.cat([result.queries @ result.keys.T, result.queries @ moco.queue.keys.T], dim=1) / moco.temperature
    assert result.loss.item() == pytest.approx(F.cross_entropy(logits, torch.arange(8)).item(), rel=1e-5)


def test_unmix_of_unmixed_images_is_twice_the_plain_loss() -> None:
    plain = step(make_moco()).loss.item()
    unmixed = {"name": "unmix", "alpha": NEVER_MIXED, "global_probability": 1.0}
    # With a share of 0, all mixtures are partners, and read backwards plain images.
    assert step(make_moco(mixing=unmixed)).loss.item() == pytest.approx(2 * plain, rel=1e-5)


def test_ft_mixes_the_plain_pairs_of_unmix_and_the_negatives_of_all() -> None:
    both = {"positives": "extrapolate", "negatives": "interpolate", "groups": 2}
    alone, with_unmix = make_moco(transform=both), make_moco(transform=both, mixing={"name": "unmix"})
    plain, found = step(alone), step(with_unmix)
    for features, others in zip(plain.transformed, found.transformed, strict=True):
        assert all(torch.equal(one, other) for one, other in zip(features, others, strict=True))
    assert found.loss > plain.loss


def test_mixing_draws_from_a_stream_of_its_own() -> None:
    assert make_moco().streams == ("positives", "negatives")
    for name in ("unmix", "imix"):
        assert make_moco(mixing={"name": name}).streams == ("positives", "negatives", "mixing")


def test_the_keys_are_those_of_plain_images() -> None:
    plain = step(make_moco())
    for name in ("unmix", "imix", "in_batch_keys"):
        assert torch.equal(step(make_moco(mixing={"name": name})).keys, plain.keys)


class TestMoCHi:
    HARD: ClassVar = {"negatives": "mochi", "hard_negatives": 4, "hard_mixtures": 3, "query_mixtures": 2}

    @pytest.mark.parametrize("more", [{}, {"positives": "extrapolate"}, {"groups": 4}], ids=str)
    def test_the_scores_of_all_negatives_count(self, more: dict[str, Any]) -> None:
        moco = make_moco(transform={**self.HARD, **more})
        result = step(moco)
        counts = {name: histogram.counts.sum().item() for name, histogram in moco.histograms(result).items()}
        assert counts["scores/negative"] == 8 * 10
        assert counts["scores/negative_transformed"] == 8 * (10 + 3 + 2)
        assert result.scores["scores/negative_mean_transformed"] > result.scores["scores/negative_mean"]

    def test_the_loss_is_that_of_the_queue_and_the_mixtures(self) -> None:
        result = step(make_moco(transform={**self.HARD, "positives": "extrapolate"}))
        (features,), (own,) = result.transformed, result.own_negatives
        assert own is not None
        negatives = [features.negative_queries @ features.negatives.T, own.scores(features.negative_queries)]
        positives = (features.queries * features.keys).sum(dim=1, keepdim=True)
        logits = torch.cat([positives, *negatives], dim=1) / 0.1
        assert result.loss.item() == pytest.approx((logits.logsumexp(dim=1) - logits[:, 0]).mean().item(), rel=1e-5)

    def test_queries_are_mixed_before_they_are_extrapolated(self) -> None:
        plain = step(make_moco(transform=self.HARD))
        extrapolated = step(make_moco(transform={**self.HARD, "positives": "extrapolate"}))
        for one, other in zip(plain.own_negatives, extrapolated.own_negatives, strict=True):
            assert one is not None
            assert other is not None
            assert torch.equal(one.scores(plain.queries), other.scores(plain.queries))
