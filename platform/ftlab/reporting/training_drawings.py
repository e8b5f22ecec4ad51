"""The drawing function of each training figure; importing this module imports matplotlib."""

from collections.abc import Callable, Mapping
from typing import Any

from ftlab.reporting.curves_drawing import draw_score_curves
from ftlab.reporting.distributions_drawing import draw_score_distributions
from ftlab.reporting.effect_drawing import draw_ft_effect
from ftlab.reporting.gradients_drawing import draw_gradient_landscape
from ftlab.reporting.surfaces_drawing import draw_score_surfaces

DRAWINGS: Mapping[str, Callable[[Any], dict[str, bytes]]] = {
    "score_curves": draw_score_curves,
    "score_surfaces": draw_score_surfaces,
    "score_distributions": draw_score_distributions,
    "ft_effect": draw_ft_effect,
    "gradient_landscape": draw_gradient_landscape,
}
