import pytest
import torch

from ftlab.training.streams import make_generator, stream_seed

PURPOSES = ("weights", "queue", "order", "views", "shuffle", "positives", "negatives", "probe")


@pytest.mark.parametrize(
    ("seed", "purpose", "epoch", "expected"),
    [
        (0, "weights", 0, 664_910_812_957_149_500),
        (0, "queue", 0, 1_389_504_186_377_612_036),
        (0, "order", 0, 3_955_691_223_199_900_983),
        (0, "order", 1, 4_489_457_307_835_839_548),
        (1, "order", 0, 433_034_383_059_858_670),
        (7, "negatives", 99, 7_513_505_322_008_348_134),
    ],
)
def test_seeds_never_change(seed: int, purpose: str, epoch: int, expected: int) -> None:
    assert stream_seed(seed, purpose, epoch) == expected


def test_every_stream_has_its_own_seed() -> None:
    seeds = {stream_seed(seed, purpose, epoch) for seed in range(20) for purpose in PURPOSES for epoch in range(50)}
    assert len(seeds) == 20 * len(PURPOSES) * 50
    assert min(seeds) >= 0
    assert max(seeds) < 2**63


def test_a_stream_does_not_depend_on_what_was_drawn_before() -> None:
    first = torch.rand(5, generator=make_generator(3, "views", 2))
    torch.rand(100)
    torch.rand(100, generator=make_generator(3, "views", 1))
    assert torch.equal(torch.rand(5, generator=make_generator(3, "views", 2)), first)


def test_streams_are_independent() -> None:
    draws = torch.stack(
        [
            torch.randn(2000, generator=make_generator(seed, purpose, epoch))
            for seed in (0, 1)
            for purpose in PURPOSES
            for epoch in (0, 1)
        ]
    )
    correlations = torch.corrcoef(draws) - torch.eye(len(draws))
    assert correlations.abs().max() < 5 / 2000**0.5


def test_the_global_generator_is_left_alone() -> None:
    state = torch.random.get_rng_state()
    make_generator(0, "weights")
    assert torch.equal(torch.random.get_rng_state(), state)
