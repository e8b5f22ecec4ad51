import numpy as np
import pytest

from ftlab.training.evaluation.right_images import pack_right, share_right, unpack_right


@pytest.mark.parametrize("num_images", [1, 31, 32, 33, 500])
@pytest.mark.parametrize("num_draws", [1, 40])
def test_packed_bits_are_read_back(num_images: int, num_draws: int) -> None:
    right = np.random.default_rng(0).random((num_draws, num_images)) < 0.7
    words = pack_right(right)
    assert len(words) == 1 + num_draws * -(-num_images // 32)
    assert np.array_equal(unpack_right(words), right)
    assert np.array_equal(share_right(words), right.mean(axis=0))


def test_fifty_thousand_images_take_six_kilobytes() -> None:
    assert 4 * len(pack_right(np.zeros((1, 50_000), dtype=bool))) < 6300


@pytest.mark.parametrize("words", [[0], [3], [33, 5], [3, -1], [3, 2**32], [-1, 5], [10**9, 1], [0, 1]])
def test_damaged_words_are_refused(words: list[int]) -> None:
    with pytest.raises(ValueError, match="whole words"):
        unpack_right(words)
