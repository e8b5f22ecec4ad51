from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ftlab.contrast.loss import contrastive_scores, info_nce
from ftlab.contrast.transform import (
    FeatureTransform,
    Granularity,
    NegativeTransform,
    PositiveTransform,
    TransformedFeatures,
    mix,
    sample_coefficients,
)

N, K, C = 6, 9, 5
GRANULARITIES: tuple[Granularity, ...] = ("batch", "sample", "dimension", "element")
EXTRAPOLATION = (1.0, 1.01, 1.3, 1.5, 1.9, 2.0)

UnitRows = Callable[..., Tensor]


def make_generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scores_of(queries: Tensor, keys: Tensor) -> Tensor:
    return (queries * keys).sum(dim=1)


def mix_by_loops(first: Tensor, second: Tensor, coefficients: Tensor) -> Tensor:
    wide = coefficients.expand_as(first)
    mixed = torch.empty_like(first)
    for row in range(first.shape[0]):
        for column in range(first.shape[1]):
            share = wide[row, column].item()
            mixed[row, column] = share * first[row, column].item() + (1 - share) * second[row, column].item()
    return mixed


def transform_features(
    transform: FeatureTransform, queries: Tensor, keys: Tensor, negatives: Tensor
) -> TransformedFeatures:
    return transform(
        queries, keys, negatives, positive_generator=make_generator(1), negative_generator=make_generator(2)
    )


@pytest.fixture
def queries(unit_rows: UnitRows) -> Tensor:
    return unit_rows(N, C, seed=10)


@pytest.fixture
def keys(unit_rows: UnitRows) -> Tensor:
    return unit_rows(N, C, seed=11)


@pytest.fixture
def negatives(unit_rows: UnitRows) -> Tensor:
    return unit_rows(K, C, seed=12)


class TestMix:
    @pytest.mark.parametrize("shape", [(1, 1), (N, 1), (1, C), (N, C)])
    def test_agrees_with_loops(self, queries: Tensor, keys: Tensor, shape: tuple[int, int]) -> None:
        coefficients = 2 * torch.rand(shape, generator=make_generator(0), dtype=torch.float64)
        mixed = mix(queries, keys, coefficients)
        torch.testing.assert_close(mixed, mix_by_loops(queries, keys, coefficients), rtol=0, atol=1e-12)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_one_is_the_identity_bit_for_bit(self, unit_rows: UnitRows, dtype: torch.dtype) -> None:
        first, second = unit_rows(50, C, seed=1, dtype=dtype), unit_rows(50, C, seed=2, dtype=dtype)
        assert torch.equal(mix(first, second, torch.ones(1, 1, dtype=dtype)), first)
        assert torch.equal(mix(first, second, torch.zeros(1, 1, dtype=dtype)), second)

    @pytest.mark.parametrize("shape", [(1, 1), (N, C)])
    def test_gradient_flows_through_both_inputs(self, queries: Tensor, keys: Tensor, shape: tuple[int, int]) -> None:
        coefficients = 1 + torch.rand(shape, generator=make_generator(0), dtype=torch.float64)
        inputs = (queries.requires_grad_(), keys.requires_grad_())
        assert torch.autograd.gradcheck(lambda first, second: mix(first, second, coefficients), inputs)


class TestClosedFormsOfThePositives:
    @pytest.fixture
    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        return scores_of(queries, keys)

    @staticmethod
    def transformed_scores(queries: Tensor, keys: Tensor, coefficients: Tensor) -> Tensor:
        return scores_of(mix(queries, keys, coefficients), mix(keys, queries, coefficients))

    @pytest.mark.parametrize("share", [0.0, 0.3, 0.5, *EXTRAPOLATION])
    def test_score_for_one_coefficient(self, queries: Tensor, keys: Tensor, scores: Tensor, share: float) -> None:
        found = self.transformed_scores(queries, keys, torch.full((1, 1), share, dtype=torch.float64))
        torch.testing.assert_close(found, 2 * share * (1 - share) * (1 - scores) + scores, rtol=0, atol=1e-12)
        factor = 1 + 2 * share * (share - 1)
        torch.testing.assert_close(1 - found, factor * (1 - scores), rtol=0, atol=1e-12)

    def test_score_for_a_coefficient_a_dimension(self, queries: Tensor, keys: Tensor, scores: Tensor) -> None:
        shares = 1 + torch.rand(1, C, generator=make_generator(0), dtype=torch.float64)
        found = self.transformed_scores(queries, keys, shares)
        for n in range(N):
            fall = sum(
                shares[0, d].item() * (shares[0, d].item() - 1) * (queries[n, d].item() - keys[n, d].item()) ** 2
                for d in range(C)
            )
            assert found[n].item() == pytest.approx(scores[n].item() - fall, abs=1e-12)

    @pytest.mark.parametrize("shape", [(1, 1), (500, 1), (1, C), (500, C)])
    def test_extrapolation_makes_positives_harder_and_stays_in_range(
        self, unit_rows: UnitRows, shape: tuple[int, int]
    ) -> None:
        queries, keys = unit_rows(500, C, seed=3), unit_rows(500, C, seed=4)
        shares = 1 + torch.rand(shape, generator=make_generator(0), dtype=torch.float64)
        found = self.transformed_scores(queries, keys, shares)
        assert (found <= scores_of(queries, keys) + 1e-12).all()
        assert found.min() >= -9.0 - 1e-12
        assert found.max() <= 1.0 + 1e-12

    def test_the_ends_of_the_range_are_reached(self, queries: Tensor) -> None:
        two = torch.full((1, 1), 2.0, dtype=torch.float64)
        opposite, same = self.transformed_scores(queries, -queries, two), self.transformed_scores(queries, queries, two)
        torch.testing.assert_close(opposite, torch.full((N,), -9.0, dtype=torch.float64), rtol=0, atol=1e-12)
        torch.testing.assert_close(same, torch.ones(N, dtype=torch.float64), rtol=0, atol=1e-12)

    def test_interpolation_makes_positives_easier(self, queries: Tensor, keys: Tensor, scores: Tensor) -> None:
        shares = torch.rand(N, 1, generator=make_generator(0), dtype=torch.float64)
        assert (self.transformed_scores(queries, keys, shares) >= scores - 1e-12).all()

    @pytest.mark.parametrize("share", EXTRAPOLATION)
    def test_norm_of_the_transformed_query(self, queries: Tensor, keys: Tensor, scores: Tensor, share: float) -> None:
        norms = mix(queries, keys, torch.full((1, 1), share, dtype=torch.float64)).norm(dim=1)
        expected = (share**2 + (1 - share) ** 2 + 2 * share * (1 - share) * scores).sqrt()
        torch.testing.assert_close(norms, expected, rtol=0, atol=1e-12)
        assert (norms >= 1 - 1e-12).all()

    @pytest.mark.parametrize("share", EXTRAPOLATION)
    def test_slope_of_the_score(self, unit_rows: UnitRows, keys: Tensor, share: float) -> None:
        projections = (3 * unit_rows(N, C, seed=5)).requires_grad_()
        before = scores_of(F.normalize(projections), keys).sum()
        (slope_before,) = torch.autograd.grad(before, projections)
        after = self.transformed_scores(
            F.normalize(projections), keys, torch.full((1, 1), share, dtype=torch.float64)
        ).sum()
        (slope_after,) = torch.autograd.grad(after, projections)
        torch.testing.assert_close(slope_after, (1 + 2 * share * (share - 1)) * slope_before, rtol=0, atol=1e-12)


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("bounds", [(0.0, 1.0), (1.0, 2.0)])
class TestPositiveTransform:
    def test_agrees_with_loops(
        self, queries: Tensor, keys: Tensor, granularity: Granularity, bounds: tuple[float, float]
    ) -> None:
        transform = PositiveTransform(2.0, bounds, granularity)
        new_queries, new_keys = transform(queries, keys, generator=make_generator(1))
        drawn = sample_coefficients(2.0, bounds, (N, C), granularity, generator=make_generator(1)).double()
        torch.testing.assert_close(new_queries, mix_by_loops(queries, keys, drawn), rtol=0, atol=1e-12)
        torch.testing.assert_close(new_keys, mix_by_loops(keys, queries, drawn), rtol=0, atol=1e-12)

    def test_entries_share_coefficients(self, granularity: Granularity, bounds: tuple[float, float]) -> None:
        transform = PositiveTransform(2.0, bounds, granularity)
        shares, rest = transform(torch.ones(N, C), torch.zeros(N, C), generator=make_generator(1))
        torch.testing.assert_close(shares + rest, torch.ones(N, C))  # a query and its key share theirs
        distinct = {"batch": 1, "sample": N, "dimension": C, "element": N * C}
        assert shares.unique().numel() == distinct[granularity]
        if granularity in ("batch", "sample"):
            assert torch.equal(shares, shares[:, :1].expand(N, C))
        if granularity in ("batch", "dimension"):
            assert torch.equal(shares, shares[:1].expand(N, C))

    def test_gradient_flows_through_the_query_into_both(
        self, queries: Tensor, keys: Tensor, granularity: Granularity, bounds: tuple[float, float]
    ) -> None:
        transform = PositiveTransform(2.0, bounds, granularity)
        assert torch.autograd.gradcheck(
            lambda moved: transform(moved, keys, generator=make_generator(1)), (queries.requires_grad_(),)
        )
        new_queries, new_keys = transform(queries, keys, generator=make_generator(1))
        drawn = sample_coefficients(2.0, bounds, (N, C), granularity, generator=make_generator(1)).double()
        (into_query,) = torch.autograd.grad(new_queries.sum(), queries)
        (into_key,) = torch.autograd.grad(new_keys.sum(), queries)
        torch.testing.assert_close(into_query, drawn.expand(N, C), rtol=0, atol=1e-12)
        torch.testing.assert_close(into_key, (1 - drawn).expand(N, C), rtol=0, atol=1e-12)


@pytest.mark.parametrize("granularity", GRANULARITIES)
class TestNegativeTransform:
    def test_agrees_with_loops(self, negatives: Tensor, granularity: Granularity) -> None:
        generator = make_generator(1)
        drawn = sample_coefficients(1.6, (0.0, 1.0), (K, C), granularity, generator=generator).double()
        permutation = torch.randperm(K, generator=generator).tolist()
        partners = torch.stack([negatives[partner] for partner in permutation])
        assert sorted(permutation) == list(range(K))
        mixed = NegativeTransform(1.6, granularity=granularity)(negatives, generator=make_generator(1))
        assert mixed.rows.tolist() == [[k, permutation[k]] for k in range(K)]
        torch.testing.assert_close(mixed.features, mix_by_loops(negatives, partners, drawn), rtol=0, atol=1e-12)

    def test_union_has_the_originals_first(self, negatives: Tensor, granularity: Granularity) -> None:
        union = NegativeTransform(1.6, granularity=granularity, union=True)(negatives, generator=make_generator(1))
        mixed = NegativeTransform(1.6, granularity=granularity)(negatives, generator=make_generator(1))
        assert union.features.shape == (2 * K, C)
        assert torch.equal(union.features[:K], negatives)
        assert torch.equal(union.features[K:], mixed.features)
        assert union.rows.tolist() == [*([k, k] for k in range(K)), *mixed.rows.tolist()]

    def test_gradient_reaches_both_rows_of_each(self, negatives: Tensor, granularity: Granularity) -> None:
        transform = NegativeTransform(1.6, granularity=granularity)
        assert torch.autograd.gradcheck(
            lambda bank: transform(bank, generator=make_generator(1)).features, negatives.requires_grad_()
        )

    def test_the_queue_itself_is_left_alone(self, negatives: Tensor, granularity: Granularity) -> None:
        before = negatives.clone()
        NegativeTransform(1.6, granularity=granularity)(negatives, generator=make_generator(1))
        assert torch.equal(negatives, before)

    def test_a_coefficient_of_one_is_the_identity(self, negatives: Tensor, granularity: Granularity) -> None:
        transform = NegativeTransform(1.6, (1.0, 1.0), granularity)
        assert torch.equal(transform(negatives, generator=make_generator(1)).features, negatives)


class TestFeatureTransform:
    BOTH = FeatureTransform(PositiveTransform(2.0, (1.0, 2.0)), NegativeTransform(1.6))

    def test_without_parts_it_is_the_identity(self, queries: Tensor, keys: Tensor, negatives: Tensor) -> None:
        assert FeatureTransform().is_identity
        seen = transform_features(FeatureTransform(), queries, keys, negatives)
        expected = (queries, keys, queries, negatives)
        assert all(part is original for part, original in zip(seen, expected, strict=True))

    def test_one_part_is_enough_to_transform(self) -> None:
        assert not self.BOTH.is_identity
        assert not FeatureTransform(positives=self.BOTH.positives).is_identity
        assert not FeatureTransform(negatives=self.BOTH.negatives).is_identity

    def test_a_coefficient_of_one_leaves_the_scores(self, queries: Tensor, keys: Tensor, negatives: Tensor) -> None:
        ones = FeatureTransform(PositiveTransform(2.0, (1.0, 1.0)), NegativeTransform(1.6, (1.0, 1.0)))
        plain = contrastive_scores(queries, keys, queries, negatives)
        assert torch.equal(contrastive_scores(*transform_features(ones, queries, keys, negatives)), plain)

    def test_negatives_meet_the_transformed_query(self, queries: Tensor, keys: Tensor, negatives: Tensor) -> None:
        seen = transform_features(self.BOTH, queries, keys, negatives)
        assert seen.negative_queries is seen.queries
        assert not torch.allclose(seen.queries, queries)

    def test_negatives_meet_the_original_query_on_request(
        self, queries: Tensor, keys: Tensor, negatives: Tensor
    ) -> None:
        transform = FeatureTransform(self.BOTH.positives, self.BOTH.negatives, query_for_negatives="original")
        seen = transform_features(transform, queries, keys, negatives)
        assert seen.negative_queries is queries
        assert torch.equal(seen.queries, transform_features(self.BOTH, queries, keys, negatives).queries)

    def test_nothing_is_renormalised(self, queries: Tensor, keys: Tensor, negatives: Tensor) -> None:
        seen = transform_features(self.BOTH, queries, keys, negatives)
        assert (seen.queries.norm(dim=1) > 1.01).all()
        assert (seen.keys.norm(dim=1) > 1.01).all()
        assert (seen.negatives.norm(dim=1) < 0.999).any()

    @pytest.mark.parametrize("query_for_negatives", ["transformed", "original"])
    def test_renormalised_on_request(
        self, queries: Tensor, keys: Tensor, negatives: Tensor, query_for_negatives: str
    ) -> None:
        transform = FeatureTransform(
            self.BOTH.positives, NegativeTransform(1.6, union=True), query_for_negatives, renormalise=True
        )
        plain = transform_features(self.BOTH, queries, keys, negatives)
        seen = transform_features(transform, queries, keys, negatives)
        for part in seen:
            torch.testing.assert_close(part.norm(dim=1), torch.ones(len(part), dtype=torch.float64))
        torch.testing.assert_close(seen.queries, plain.queries / plain.queries.norm(dim=1, keepdim=True))
        torch.testing.assert_close(seen.keys, plain.keys / plain.keys.norm(dim=1, keepdim=True))
        torch.testing.assert_close(seen.negatives[:K], negatives)
        torch.testing.assert_close(seen.negatives[K:], plain.negatives / plain.negatives.norm(dim=1, keepdim=True))

    def test_switching_one_part_does_not_move_the_others_draws(
        self, queries: Tensor, keys: Tensor, negatives: Tensor
    ) -> None:
        both = transform_features(self.BOTH, queries, keys, negatives)
        positives = transform_features(FeatureTransform(positives=self.BOTH.positives), queries, keys, negatives)
        mixed = transform_features(FeatureTransform(negatives=self.BOTH.negatives), queries, keys, negatives)
        assert torch.equal(positives.queries, both.queries)
        assert torch.equal(positives.keys, both.keys)
        assert positives.negatives is negatives
        assert torch.equal(mixed.negatives, both.negatives)
        assert mixed.queries is queries

    @pytest.mark.parametrize("query_for_negatives", ["transformed", "original"])
    @pytest.mark.parametrize("granularity", ["batch", "element"])
    @pytest.mark.parametrize("renormalise", [False, True])
    def test_only_the_queries_receive_a_gradient(
        self,
        queries: Tensor,
        keys: Tensor,
        negatives: Tensor,
        query_for_negatives: str,
        granularity: Granularity,
        renormalise: bool,
    ) -> None:
        transform = FeatureTransform(
            PositiveTransform(2.0, (1.0, 2.0), granularity),
            NegativeTransform(1.6, granularity=granularity, union=True),
            query_for_negatives,
            renormalise,
        )

        def loss(moved: Tensor) -> Tensor:
            seen = transform_features(transform, moved, keys, negatives)
            assert seen.queries.requires_grad
            assert seen.keys.requires_grad
            assert not seen.negatives.requires_grad
            return info_nce(*seen, 0.2).loss

        assert torch.autograd.gradcheck(loss, (queries.requires_grad_(),))

    def test_a_permuted_queue_leaves_the_loss_of_the_transformed_features(
        self, queries: Tensor, keys: Tensor, negatives: Tensor
    ) -> None:
        seen = transform_features(self.BOTH, queries, keys, negatives)
        permuted = seen._replace(negatives=seen.negatives.flip(0))
        loss = info_nce(*seen, 0.1).loss.item()
        assert info_nce(*permuted, 0.1).loss.item() == pytest.approx(loss, abs=1e-12)
