"""The gallery shows what came out of each experiment."""

from gallery_page import gallery_text, questions


def test_every_experiment_has_a_figure() -> None:
    text = gallery_text()
    assert [name for name in questions() if f"results/figures/{name}.png)" not in text] == []
