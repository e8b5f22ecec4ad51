"""The score statistics: names, labels and pooling rules, declared once for training and figures, without torch."""

from dataclasses import dataclass, replace
from enum import Enum, auto

# Scores of the features that the loss sees; the name without it is of those before FT.
AFTER_FT = "_transformed"

# Histograms: cosine similarities have a hundred bins, and scores after FT, which have no such range, no wider ones
# unless there would be too many of them.
COSINE_RANGE = (-1.0, 1.0)
BIN_WIDTH = 0.02
MAX_BINS = 1000

# The mean positive score of healthy features exceeds the mean negative score by at least this.
COLLAPSED_MARGIN = 0.05

# Without negatives: the deviation of unit projections over images, mean over dimensions, times the square root of C.
# It is 1 when they spread in all directions, and 0 when all are one (arXiv 2011.10566, section 4.1).
PROJECTION_STD = "features/projection_std"
# Below this it is collapsed. On digits it is 0.99 from the first epoch on; without the stop-gradient it falls to 0.40,
# and stays there, since batch normalisation at the projector's end keeps it from 0. Its square is at most 1 minus the
# mean cosine of two images' projections, so it is below wherever that cosine exceeds 0.75.
COLLAPSED_STD = 0.5


class Pooling(Enum):
    """The rule by which the values of equally large parts become that of the whole."""

    MEAN = auto()
    """The mean of the parts' values."""
    VARIANCE = auto()
    """The mean of the parts' variances plus the variance of their means."""


@dataclass(frozen=True)
class ScoreStatistic:
    """A number that each step measures.

    Attributes:
        name: Name of the metric.
        label: Its name for people. Scores have no unit.
        pooling: The rule over ranks; steps are averaged.
        mean_name: Of a variance, the name of its mean.
        is_reported: Whether its mean over an epoch is recorded and drawn; single steps are kept in any case.
    """

    name: str
    label: str
    pooling: Pooling = Pooling.MEAN
    mean_name: str = ""
    is_reported: bool = True

    def after_ft(self) -> "ScoreStatistic":
        """Return the twin of this statistic that is taken after FT."""
        return replace(self, name=self.name + AFTER_FT, mean_name=self.mean_name and self.mean_name + AFTER_FT)


POSITIVE_MEAN, NEGATIVE_MEAN = "scores/positive_mean", "scores/negative_mean"
POSITIVE_VARIANCE, NEGATIVE_VARIANCE = "scores/positive_variance", "scores/negative_variance"

BEFORE_FT = (
    ScoreStatistic(POSITIVE_MEAN, "mean of positives"),
    ScoreStatistic(
        POSITIVE_VARIANCE, "variance of positives", Pooling.VARIANCE, mean_name=POSITIVE_MEAN, is_reported=False
    ),
    ScoreStatistic(NEGATIVE_MEAN, "mean of negatives"),
    # The mean over queries of the variance over a query's own negatives, as the authors plot it.
    ScoreStatistic(NEGATIVE_VARIANCE, "variance of negatives"),
)
SCORE_STATISTICS = (*BEFORE_FT, *(statistic.after_ft() for statistic in BEFORE_FT))
# Those of a method without negatives.
POSITIVE_STATISTICS = tuple(
    statistic
    for statistic in SCORE_STATISTICS
    if statistic.name.removesuffix(AFTER_FT) in (POSITIVE_MEAN, POSITIVE_VARIANCE)
)

# Histograms by score name, before FT and after it.
POSITIVES, NEGATIVES = "scores/positive", "scores/negative"
SEEN_POSITIVES, SEEN_NEGATIVES = POSITIVES + AFTER_FT, NEGATIVES + AFTER_FT
