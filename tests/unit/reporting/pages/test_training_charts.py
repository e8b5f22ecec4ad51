from dataclasses import replace
from math import nan

import numpy as np
import pytest

from ftlab.contrast.score_statistics import NEGATIVES, POSITIVES, SEEN_NEGATIVES, SEEN_POSITIVES
from ftlab.reporting.figures.gradient_landscape import GradientLandscape, GradientPanel
from ftlab.reporting.figures.histories import SCORES, SEEN_SCORES
from ftlab.reporting.figures.score_curves import CellCurves, Curve, ScoreCurves
from ftlab.reporting.figures.score_distributions import (
    DistributionPanel,
    ScoreDistributions,
    ft_effect,
)
from ftlab.reporting.figures.score_surfaces import ScoreSurfaces
from ftlab.reporting.pages.curve_chart import curves_chart, surface_charts
from ftlab.reporting.pages.distribution_chart import distribution_charts, ft_effect_charts
from ftlab.reporting.pages.gradient_chart import gradient_charts
from ftlab.reporting.pages.page_style import SERIES
from ftlab.reporting.pages.panels import MAX_POINTS, thinned

CURVE = Curve((10.0, 20.0), (0.5, 0.25), (0.5, 0.125), (0.5, 0.375))
EDGES = (-1.0, 0.0, 1.0)
SHARES = {
    POSITIVES: ((0.0, 1.0), (0.25, 0.75)),
    NEGATIVES: ((0.5, 0.5), (1.0, 0.0)),
    SEEN_POSITIVES: ((0.5, 0.5), (0.5, 0.5)),
    SEEN_NEGATIVES: ((0.5, 0.5), (1.0, 0.0)),
}


def make_curves(*, transformed: bool, num_seeds: int = 2) -> ScoreCurves:
    cells = tuple(
        CellCurves(name, name, num_seeds, nan, dict.fromkeys((*SCORES, *SEEN_SCORES), CURVE)) for name in ("a", "b")
    )
    return ScoreCurves("title", "optimiser step", "momentum", False, transformed, cells, "")


def make_distributions(ft_start: float) -> ScoreDistributions:
    panel = DistributionPanel("a", "0.9", 2, ft_start, SHARES)
    return ScoreDistributions("title", "momentum", EDGES, (1, 2), ft_start == ft_start, (panel,), "")


def test_curves_have_a_band_a_line_and_one_entry_a_cell_in_the_legend() -> None:
    drawn = curves_chart(make_curves(transformed=False))
    lines = [trace for trace in drawn.data if trace.name]
    assert len(lines) == 2 * len(SCORES)
    assert [trace.name for trace in lines if trace.showlegend] == ["a", "b"]
    assert np.array_equal(lines[0].y, [0.5, 0.25])
    assert len([trace for trace in drawn.data if trace.fill == "tonexty"]) == 2 * len(SCORES)


def test_one_seed_has_no_band() -> None:
    assert all(trace.fill is None for trace in curves_chart(make_curves(transformed=False, num_seeds=1)).data)


def test_what_the_loss_sees_stands_beside_only_where_ft_takes_part() -> None:
    alone, beside = (curves_chart(make_curves(transformed=transformed)) for transformed in (False, True))
    assert len(beside.data) == 2 * len(alone.data)
    assert [note.text for note in beside.layout.annotations] == ["before FT", "as the loss sees them"]


@pytest.mark.parametrize(("ordered", "expected"), [(False, SERIES[:2]), (True, ("rgb(", "rgb("))])
def test_values_of_one_axis_have_colours_in_order(ordered: bool, expected: tuple[str, str]) -> None:
    drawn = curves_chart(replace(make_curves(transformed=False), ordered=ordered))
    colors = [trace.line.color for trace in drawn.data if trace.name][:2]
    assert len(set(colors)) == 2
    assert all(color.startswith(start) for color, start in zip(colors, expected, strict=True))


def test_long_curves_are_thinned_and_keep_their_ends() -> None:
    places = thinned(list(range(10_000)))
    assert (len(places), places[0], places[-1]) == (MAX_POINTS, 0, 9_999)
    assert list(thinned([3.0, 4.0])) == [0, 1]


def test_surfaces_name_their_rows() -> None:
    rows = ((0.1, 0.2), (0.3, 0.4), (0.5, nan))
    surfaces = ScoreSurfaces(
        "t", "momentum", ("0.5", "0.9", "1.0"), (70.0, 80.0, nan), "epoch", (1.0, 2.0), {SEEN_SCORES[0]: rows}, ""
    )
    (drawn,) = surface_charts(surfaces)
    assert drawn.layout.title.text == "mean of positives"
    assert drawn.layout.scene.yaxis.ticktext == ("0.5: 70.0%", "0.9: 80.0%", "1.0")
    assert np.allclose(drawn.data[0].z, rows, equal_nan=True)


@pytest.mark.parametrize(("ft_start", "maps"), [(nan, 2), (1.0, 4)])
def test_distributions_are_shares_and_leave_empty_bins_out(ft_start: float, maps: int) -> None:
    (drawn,) = distribution_charts(make_distributions(ft_start))
    assert len(drawn.data) == maps
    # A row a bin, a column an epoch, in thousandths; the first colour is none.
    assert drawn.data[0].z.tolist() == [[0, 250], [1000, 750]]
    assert drawn.data[0].colorscale[0] == (0.0, "rgba(0,0,0,0)")
    assert len(drawn.layout.shapes) == (maps if maps == 4 else 0)


def test_the_effect_of_ft_is_drawn_before_and_after() -> None:
    effect = ft_effect(make_distributions(1.0))
    (drawn,) = ft_effect_charts(effect)  # type: ignore[arg-type]
    assert [trace.name for trace in drawn.data] == [
        "positives, before FT",
        "positives, as the loss sees them",
        "negatives, before FT",
        "negatives, as the loss sees them",
    ]
    assert np.allclose(drawn.data[0].y, [0.25, 0.75])


def test_gradient_norms_share_their_colours_and_survive_zeros() -> None:
    panels = (
        GradientPanel("a", "0.5", 1, nan, ((1.0, 10.0), (0.0, nan))),
        GradientPanel("b", "0.9", 1, 1.0, ((0.1, 1.0), (100.0, 1.0))),
    )
    first, second = gradient_charts(GradientLandscape("t", "momentum", ("conv", "head"), (1, 2), panels, ""))
    assert np.allclose(first.data[0].z, [[0.0, 1.0], [nan, nan]], equal_nan=True)
    assert (first.data[0].zmin, first.data[0].zmax) == (second.data[0].zmin, second.data[0].zmax) == (-1.0, 2.0)
    assert first.layout.title.text == "momentum 0.5"


def test_gradients_that_are_all_zero_are_drawn() -> None:
    panel = GradientPanel("a", "0.5", 1, nan, ((0.0,),))
    (drawn,) = gradient_charts(GradientLandscape("t", "", ("conv",), (1,), (panel,), ""))
    assert np.isnan(drawn.data[0].z).all()
