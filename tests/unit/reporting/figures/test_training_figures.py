from collections.abc import Callable
from pathlib import Path

import pytest

from ftlab.reporting.figures.histories import Histories
from ftlab.reporting.figures.training_figures import training_figures
from ftlab.reporting.print.figure_files import write_training_figures
from ftlab.reporting.table.ablation import AblationTable

MakeHistories = Callable[..., Histories]

NAMES = ("score_curves", "score_surfaces", "score_distributions", "ft_effect", "gradient_landscape")


@pytest.fixture
def histories(make_histories: MakeHistories) -> Histories:
    return make_histories({"0.5-0": 0.1, "0.5-1": 0.3, "0.99-0": 1.0, "0.9-0": 0.5, "1.0-1": 5.0}, ft_start=1.0)


@pytest.mark.slow
def test_all_figures_are_written(momentum_table: AblationTable, histories: Histories, tmp_path: Path) -> None:
    paths = write_training_figures(training_figures(momentum_table, histories), tmp_path)
    assert [path.name for path in paths] == [f"{name}.{ending}" for name in NAMES for ending in ("png", "pdf")]
    assert {path.read_bytes()[1:4] for path in paths} == {b"PNG", b"PDF"}


@pytest.mark.slow
def test_all_figures_are_written_the_same_each_time(
    momentum_table: AblationTable, histories: Histories, tmp_path: Path
) -> None:
    figures = training_figures(momentum_table, histories)
    first, second = (write_training_figures(figures, tmp_path / name) for name in "ab")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_figures_left_out_are_removed_with_a_reason(
    momentum_table: AblationTable, no_histories: Histories, tmp_path: Path
) -> None:
    (tmp_path / "score_curves.png").write_bytes(b"of another table")
    paths = write_training_figures(training_figures(momentum_table, no_histories), tmp_path)
    assert paths == [tmp_path / "left_out.txt"] == list(tmp_path.iterdir())
    lines = paths[0].read_text().splitlines()
    assert [line.partition(": ")[0] for line in lines] == list(NAMES)
    assert lines[4] == "gradient_landscape: no trial of the table recorded gradient norms"
