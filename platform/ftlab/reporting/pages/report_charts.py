"""The figures of a report, each with a caption that explains it."""

from ftlab.reporting.figures.accuracy_curves import AccuracyCurves
from ftlab.reporting.figures.axis_figure import AxisFigure
from ftlab.reporting.figures.histories import LeftOut
from ftlab.reporting.figures.training_figures import TrainingFigures
from ftlab.reporting.pages.accuracy_chart import accuracy_chart
from ftlab.reporting.pages.axis_chart import axis_chart
from ftlab.reporting.pages.curve_chart import curves_chart, surface_charts
from ftlab.reporting.pages.distribution_chart import distribution_charts, ft_effect_charts
from ftlab.reporting.pages.gradient_chart import gradient_charts
from ftlab.reporting.pages.report import ReportChart


def report_charts(
    axis: AxisFigure, training: TrainingFigures, accuracy: AccuracyCurves | LeftOut
) -> tuple[ReportChart, ...]:
    """Draw the figures of a report; the caption of a figure that cannot be drawn says why.

    Args:
        axis: The figure of the table.
        training: The figures of its trials' training.
        accuracy: The accuracy over their epochs.
    """
    return (
        _accuracy(axis),
        _over_epochs(accuracy),
        _curves(training),
        _surfaces(training),
        _distributions(training),
        _effect(training),
        _gradients(training),
    )


def _accuracy(axis: AxisFigure) -> ReportChart:
    caption = (
        "Mean of the healthy seeds with its 95% interval, every seed beside it; at a hollow mark other seeds collapsed."
    )
    return ReportChart(axis.metric[0].upper() + axis.metric[1:], caption, (axis_chart(axis),))


def _over_epochs(accuracy: AccuracyCurves | LeftOut) -> ReportChart:
    title = "Accuracy over training"
    if isinstance(accuracy, LeftOut):
        return _left_out(title, accuracy)
    caption = f"Mean {accuracy.label} over the seeds; the band reaches from the lowest seed to the highest."
    return ReportChart(title, _sentences(caption, accuracy.note), (accuracy_chart(accuracy),))


def _curves(training: TrainingFigures) -> ReportChart:
    title, curves = "Scores over training", training.score_curves
    if isinstance(curves, LeftOut):
        return _left_out(title, curves)
    caption = "Mean over the seeds; the band reaches from the lowest seed to the highest."
    return ReportChart(title, _sentences(caption, curves.note, curves.missing), (curves_chart(curves),))


def _surfaces(training: TrainingFigures) -> ReportChart:
    title, surfaces = "Scores over training and the swept axis", training.score_surfaces
    if isinstance(surfaces, LeftOut):
        return _left_out(title, surfaces)
    caption = f"Scores as the loss sees them, over {surfaces.axis} and {surfaces.step_axis}; drag to turn a surface."
    return ReportChart(title, _sentences(caption, surfaces.note, surfaces.missing), surface_charts(surfaces))


def _distributions(training: TrainingFigures) -> ReportChart:
    title, distributions = "Distribution of scores over training", training.score_distributions
    if isinstance(distributions, LeftOut):
        return _left_out(title, distributions)
    caption = (
        "Share of the scores in a bin, in the last step of each epoch, all seeds together; "
        "a dotted line marks where FT begins."
    )
    return ReportChart(
        title, _sentences(caption, distributions.note, distributions.missing), distribution_charts(distributions)
    )


def _effect(training: TrainingFigures) -> ReportChart:
    title, effect = "What feature transformation does to the scores", training.ft_effect
    if isinstance(effect, LeftOut):
        return _left_out(title, effect)
    epochs = f"Epochs {effect.epochs[0]} to {effect.epochs[1]}"
    caption = f"{epochs}, all seeds together: areas are the scores before FT, lines what the loss sees."
    return ReportChart(title, _sentences(caption, effect.note, effect.missing), ft_effect_charts(effect))


def _gradients(training: TrainingFigures) -> ReportChart:
    title, landscape = "Gradient norms", training.gradient_landscape
    if isinstance(landscape, LeftOut):
        return _left_out(title, landscape)
    caption = (
        "L2 norm of each layer's weight gradient, once an epoch, mean over the seeds; layers from the images upwards."
    )
    return ReportChart(title, _sentences(caption, landscape.note), gradient_charts(landscape))


def _left_out(title: str, reason: LeftOut) -> ReportChart:
    return ReportChart(title, f"Not drawn: {reason.reason}.", ())


def _sentences(*texts: str) -> str:
    return " ".join(text for text in texts if text)
