from collections.abc import Callable
from math import isnan, nan

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ftlab.contrast.score_statistics import MAX_BINS, SCORE_STATISTICS, Pooling, ScoreStatistic
from ftlab.contrast.scores import (
    Moments,
    detect_collapse,
    moments_per_query,
    negative_moments,
    pool_statistics,
    score_histogram,
    score_moments,
)

UnitRows = Callable[..., Tensor]


def moments_by_loops(values: list[float]) -> tuple[float, float]:
    mean = sum(values) / len(values)
    return mean, sum((value - mean) ** 2 for value in values) / len(values)


def moments_per_query_by_loops(rows: list[list[float]]) -> tuple[float, float]:
    variances = []
    for row in rows:
        _, variance = moments_by_loops(row)
        variances.append(variance * len(row) / max(len(row) - 1, 1))
    return moments_by_loops([score for row in rows for score in row])[0], sum(variances) / len(variances)


def moments_from_keys(queries: Tensor, keys: Tensor) -> Moments:
    keys = keys.double()
    return negative_moments(queries, keys.sum(dim=0), keys.T @ keys, len(keys))


MEAN_AND_VARIANCE = (ScoreStatistic("m", "mean"), ScoreStatistic("v", "variance", Pooling.VARIANCE, mean_name="m"))


class TestPoolStatistics:
    @pytest.mark.parametrize("num_parts", [2, 3])
    def test_agrees_with_the_statistics_of_the_whole(self, num_parts: int) -> None:
        # 12 scores a part at each of 5 steps.
        scores = torch.randn(num_parts, 5, 12, dtype=torch.float64) * torch.arange(1, num_parts + 1).view(-1, 1, 1)
        parts = torch.stack([scores.mean(-1), scores.var(-1, correction=0)], dim=-1)
        whole = scores.permute(1, 0, 2).flatten(-2)  # (5, all scores)
        expected = torch.stack([whole.mean(-1), whole.var(-1, correction=0)], dim=-1)
        torch.testing.assert_close(pool_statistics(parts, MEAN_AND_VARIANCE), expected, rtol=0, atol=1e-12)

    def test_leaves_one_part_as_it_is(self) -> None:
        parts = torch.rand(1, 7, 2, dtype=torch.float64)
        assert torch.equal(pool_statistics(parts, MEAN_AND_VARIANCE), parts[0])


class TestNegativeMoments:
    @pytest.mark.parametrize(("num_queries", "num_keys", "dim"), [(1, 1, 2), (4, 7, 3), (16, 50, 8)])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_equal_those_of_the_explicit_scores(
        self, unit_rows: UnitRows, num_queries: int, num_keys: int, dim: int, dtype: torch.dtype
    ) -> None:
        queries, keys = unit_rows(num_queries, dim, seed=0, dtype=dtype), unit_rows(num_keys, dim, seed=1, dtype=dtype)
        scores = [
            [sum(q * z for q, z in zip(query, key, strict=True)) for key in keys.tolist()] for query in queries.tolist()
        ]
        mean, variance = moments_per_query_by_loops(scores)
        found = moments_from_keys(queries, keys)
        assert found.mean.item() == pytest.approx(mean, abs=1e-10)
        assert found.variance.item() == pytest.approx(variance, abs=1e-10)
        assert found.mean.dtype == found.variance.dtype == torch.float64

    @pytest.mark.parametrize("spread", [1e-4, 1e-2])
    def test_stay_accurate_when_features_collapse(self, unit_rows: UnitRows, spread: float) -> None:
        centre = unit_rows(1, 16, seed=0)
        queries = F.normalize(centre + spread**0.5 / 10 * unit_rows(32, 16, seed=1)).float()
        keys = F.normalize(centre + spread**0.5 / 10 * unit_rows(300, 16, seed=2)).float()
        scores = queries.double() @ keys.double().T
        found = moments_from_keys(queries, keys)
        assert 0.0 < found.variance.item() < 1e-6
        assert found.variance.item() == pytest.approx(scores.var(dim=1).mean().item(), rel=1e-4)

    def test_a_point_has_no_variance(self, unit_rows: UnitRows) -> None:
        point = unit_rows(1, 16, seed=0)
        found = moments_from_keys(point.expand(8, 16), point.expand(100, 16))
        assert found.mean.item() == pytest.approx(1.0, abs=1e-12)
        assert 0.0 <= found.variance.item() < 1e-14

    def test_need_no_gradient(self, unit_rows: UnitRows) -> None:
        found = moments_from_keys(unit_rows(3, 4, seed=0).requires_grad_(), unit_rows(5, 4, seed=1))
        assert not found.mean.requires_grad


class TestScoreMoments:
    @pytest.mark.parametrize("shape", [(1,), (7,), (4, 5), (2, 3, 4)])
    def test_agree_with_loops(self, shape: tuple[int, ...]) -> None:
        scores = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        mean, variance = moments_by_loops(scores.flatten().tolist())
        found = score_moments(scores)
        assert found.mean.item() == pytest.approx(mean, abs=1e-12)
        assert found.variance.item() == pytest.approx(variance, abs=1e-12)

    def test_float32_scores_give_float64_moments(self) -> None:
        found = score_moments(torch.tensor([0.25, 0.75]))
        assert (found.mean.dtype, found.variance.dtype) == (torch.float64, torch.float64)
        assert (found.mean.item(), found.variance.item()) == (0.5, 0.0625)


class TestMomentsPerQuery:
    @pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
    @pytest.mark.parametrize("spread", [0.0, 1.0, 100.0], ids="means spread by {}".format)
    def test_are_those_of_each_querys_own_scores(self, share: float, spread: float) -> None:
        random = torch.Generator().manual_seed(1)
        scores = torch.randn(6, 9, generator=random, dtype=torch.float64) + spread * torch.arange(6.0)[:, None]
        excluded = torch.rand(6, 9, generator=random) < share
        excluded[2], excluded[3, 1:] = True, True  # one without any, one with one
        excluded[3, 0] = False
        rows = [row[~out].tolist() for row, out in zip(scores, excluded, strict=True)]
        mean, variance = moments_per_query_by_loops([row for row in rows if row])
        found = moments_per_query(scores, excluded)
        assert (found.mean.item(), found.variance.item()) == (pytest.approx(mean), pytest.approx(variance))

    def test_leave_out_the_variance_between_queries(self) -> None:
        found = moments_per_query(torch.tensor([[0.0, 0.2], [0.7, 0.9]]))
        assert found.variance.item() == pytest.approx(0.02)

    def test_need_a_score(self) -> None:
        found = moments_per_query(torch.ones(2, 3), torch.ones(2, 3, dtype=torch.bool))
        assert isnan(found.mean.item())
        assert isnan(found.variance.item())


class TestHistogram:
    def test_agrees_with_loops(self) -> None:
        scores = (2.6 * torch.rand(4, 250, generator=torch.Generator().manual_seed(0)) - 1.3).double()
        expected = [0] * 100
        for score in scores.flatten().tolist():
            expected[min(max(int((score + 1.0) // 0.02), 0), 99)] += 1
        assert score_histogram(scores).counts.tolist() == expected

    @pytest.mark.parametrize(
        ("edges", "num_bins"),
        [((-1.0, 1.0), 100), ((-9.0, 1.0), 500), ((-3.0, 3.0), 300), ((-2.25, 1.0), 163), ((-1e30, 1.0), MAX_BINS)],
    )
    def test_bins_are_no_wider_beyond_cosines_unless_there_are_too_many(
        self, edges: tuple[float, float], num_bins: int
    ) -> None:
        low, high = edges
        scores = low + (high - low) * torch.rand(200, generator=torch.Generator().manual_seed(0)).double()
        found = score_histogram(scores, edges)
        assert found.edges == edges
        expected = [0] * num_bins
        for score in scores.tolist():
            expected[int((score - low) * (num_bins / (high - low)))] += 1
        assert found.counts.tolist() == expected

    def test_what_is_excluded_is_not_counted(self) -> None:
        scores, excluded = torch.tensor([[0.5, -0.5], [0.5, nan]]), torch.tensor([[False, True], [False, True]])
        counts = score_histogram(scores.nan_to_num(), excluded=excluded).counts
        assert (counts[75].item(), counts.sum().item()) == (2, 2)

    def test_counts_everything_and_outliers_in_the_outer_bins(self) -> None:
        counts, edges = score_histogram(torch.tensor([-9.0, -1.5, -1.0, -0.99, 0.01, 0.99, 1.0, 1.2, 40.0]))
        assert edges == (-1.0, 1.0)
        assert counts.shape == (100,)
        assert counts.dtype == torch.int64
        assert counts.sum().item() == 9
        assert (counts[0].item(), counts[50].item(), counts[-1].item()) == (4, 1, 4)

    def test_nothing_counts_nothing(self) -> None:
        assert score_histogram(torch.empty(0)).counts.tolist() == [0] * 100


def test_the_papers_statistics_are_reported() -> None:
    papers = {
        f"scores/{name}{suffix}"
        for suffix in ("", "_transformed")
        for name in ("positive_mean", "negative_mean", "negative_variance")
    }
    assert papers <= {statistic.name for statistic in SCORE_STATISTICS if statistic.is_reported}


class TestCollapse:
    def verdict_of(self, positive: float, negative: float) -> tuple[bool, str]:
        verdict = detect_collapse({"scores/positive_mean": positive, "scores/negative_mean": negative})
        return verdict.collapsed, verdict.reason

    @pytest.mark.parametrize(("positive", "negative"), [(0.9, 0.0), (0.95, 0.5), (0.3, -0.1), (0.56, 0.5)])
    def test_features_that_tell_positives_apart(self, positive: float, negative: float) -> None:
        assert self.verdict_of(positive, negative) == (False, "")

    @pytest.mark.parametrize(("positive", "negative"), [(1.0, 1.0), (0.52, 0.5), (0.1, 0.3)])
    def test_positives_no_closer_than_negatives(self, positive: float, negative: float) -> None:
        collapsed, reason = self.verdict_of(positive, negative)
        assert collapsed
        assert reason == f"positive scores exceed negative ones by only {positive - negative:.3f} on average"


def test_moments_of_nothing_are_nan() -> None:
    with pytest.warns(UserWarning, match="degrees of freedom"):
        found = score_moments(torch.empty(0))
    assert isnan(found.mean.item())
    assert isnan(found.variance.item())
