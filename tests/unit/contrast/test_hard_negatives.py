"""Hard negative mixing against its definition, written number by number."""

from collections.abc import Callable

import pytest
import torch
from step_by_loops import Row, dot, mixed, moments_per_query, rows_of, total, unit
from torch import Tensor

from ftlab.contrast import hard_negatives
from ftlab.contrast.hard_negatives import HardNegativeMixing, OwnNegatives
from ftlab.contrast.loss import info_nce
from ftlab.ranks.exchange import Ranks

N, K, C, TEMPERATURE = 5, 8, 4, 0.2
CASES = {"both": (4, 3, 2), "pairs": (4, 3, 0), "with the query": (3, 0, 4), "of all": (K, 5, 1), "of one": (1, 2, 2)}

UnitRows = Callable[..., Tensor]


def make_own(mixing: HardNegativeMixing, queries: Tensor, bank: Tensor, ranks: Ranks | None = None) -> OwnNegatives:
    return mixing(queries, bank, generator=torch.Generator().manual_seed(5), ranks=ranks or Ranks())


def own_by_loops(mixing: HardNegativeMixing, queries: list[Row], bank: list[Row]) -> list[list[Row]]:
    """Return the negatives of each query, given the partners and shares that are drawn for it."""
    generator = torch.Generator().manual_seed(5)
    pairs, with_query = mixing.num_mixtures, mixing.num_query_mixtures
    partners = torch.randint(mixing.num_hardest, (len(queries), 2 * pairs + with_query), generator=generator).tolist()
    shares = torch.rand(len(queries), pairs + with_query, generator=generator).tolist()
    own = []
    for query, picks, parts in zip(queries, partners, shares, strict=True):
        constant = [value.detach() for value in query]
        hardest = sorted(bank, key=lambda row, of=constant: -dot(of, row).item())
        synthetic = []
        for place in range(pairs):
            a = torch.tensor(parts[place], dtype=torch.float64)
            first, second = hardest[picks[place]], hardest[picks[pairs + place]]
            synthetic.append(unit(mixed(first, second, [a] * C)))
        for place in range(with_query):
            b = torch.tensor(parts[pairs + place] / 2, dtype=torch.float64)
            synthetic.append(unit(mixed(constant, hardest[picks[2 * pairs + place]], [b] * C)))
        own.append(synthetic)
    return own


@pytest.mark.parametrize("block", [1, 2 * 5 * C, 10_000], ids="blocks of {}".format)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_loss_gradient_and_moments_are_those_of_the_loops(
    case: tuple[int, int, int], block: int, unit_rows: UnitRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hard_negatives, "BLOCK_NUMBERS", block)
    mixing = HardNegativeMixing(*case)
    queries, keys, bank = (unit_rows(rows, C, seed=rows) for rows in (N, N + 1, K))
    keys = keys[:N]
    queries.requires_grad_()
    own = make_own(mixing, queries, bank)
    found = info_nce(queries, keys, queries, bank, TEMPERATURE, own)

    rows, key_rows, bank_rows = rows_of(queries), rows_of(keys), rows_of(bank)
    loss, scores = torch.zeros((), dtype=torch.float64), []
    for query, key, synthetic in zip(rows, key_rows, own_by_loops(mixing, rows, bank_rows), strict=True):
        negatives = [dot(query, row) for row in (*bank_rows, *synthetic)]
        exponentials = [(score / TEMPERATURE).exp() for score in (dot(query, key), *negatives)]
        loss = loss - (exponentials[0] / total(exponentials)).log() / N
        scores.append(negatives)
    assert found.loss.item() == pytest.approx(loss.item(), abs=1e-6)
    (gradient,), (expected,) = torch.autograd.grad(found.loss, queries), torch.autograd.grad(loss, queries)
    torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-6)
    assert [moment.item() for moment in found.negative] == pytest.approx(moments_per_query(scores), abs=1e-6)


def test_every_query_has_its_own_hardest_negatives(unit_rows: UnitRows) -> None:
    queries, bank = unit_rows(N, C, seed=1), unit_rows(100, C, seed=2)
    own = make_own(HardNegativeMixing(3, 50, 50), queries, bank)
    for query, first, second in zip(queries, own.first, own.second, strict=True):
        hardest = sorted(range(100), key=lambda place, of=query: -(of @ bank[place]).item())[:3]
        assert set(first.tolist()) == set(second.tolist()) == set(hardest)
    assert len({tuple(row) for row in own.second.tolist()}) == N


def test_they_are_constants_of_unit_length_and_the_query_has_the_smaller_share(unit_rows: UnitRows) -> None:
    queries, bank = unit_rows(N, C, seed=1).requires_grad_(), unit_rows(K, C, seed=2)
    own = make_own(HardNegativeMixing(4, 200, 200), queries, bank)
    assert own.shares[:, :200].max() > 0.9
    assert own.shares[:, 200:].max() < 0.5
    for dimension in range(C):
        axis = torch.zeros(N, C, dtype=torch.float64)
        axis[:, dimension] = 1.0
        assert not own.scores(axis).requires_grad
    squares = sum(own.scores(axis.expand(N, C)).square() for axis in torch.eye(C, dtype=torch.float64))
    torch.testing.assert_close(squares, torch.ones(N, 400, dtype=torch.float64))


def test_ranks_mix_what_one_process_mixes(unit_rows: UnitRows) -> None:
    queries, bank = unit_rows(6, C, seed=1), unit_rows(K, C, seed=2)
    mixing = HardNegativeMixing(4, 3, 2)
    parts = []
    for rank in range(2):
        ranks = Ranks()
        ranks.rank, ranks.size = rank, 2
        parts.append(make_own(mixing, ranks.own(queries), bank, ranks).scores(ranks.own(queries)))
    torch.testing.assert_close(torch.cat(parts), make_own(mixing, queries, bank).scores(queries))


def test_the_loss_of_equal_features_is_that_of_chance(unit_rows: UnitRows) -> None:
    rows = unit_rows(1, C, seed=1)
    queries, bank = rows.expand(N, -1), rows.expand(K, -1)
    own = make_own(HardNegativeMixing(4, 3, 2), queries, bank)
    loss = info_nce(queries, queries, queries, bank, TEMPERATURE, own).loss
    assert loss.item() == pytest.approx(torch.tensor(1.0 + K + 3 + 2).log().item(), abs=1e-6)
