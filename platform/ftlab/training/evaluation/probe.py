"""The probes of a trial: what is judged after an epoch, and when."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ftlab.training.evaluation.augmented_linear import AugmentedLinearEvaluation
from ftlab.training.evaluation.features import Features, percent_right
from ftlab.training.evaluation.few_shot import few_shot_right
from ftlab.training.evaluation.knn import knn_right
from ftlab.training.evaluation.linear import LinearEvaluation
from ftlab.training.evaluation.right_images import pack_right

# The metric of each probe, by the probe's name.
PROBE_METRICS = {"knn": "knn/top1", "few_shot": "probe/few_shot_top1", "linear": "probe/top1"}


@dataclass(frozen=True)
class Judgement:
    """The findings of the probes after an epoch.

    Attributes:
        metrics: Scalars by name; accuracies in percent.
        right: The test images that a probe classified rightly, by its metric, see `pack_right`; after the last epoch.
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    right: Mapping[str, list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class ProbeSuite:
    """The probes of a trial: kNN and health during training, all of them after its last epoch.

    Attributes:
        extract: Computes the features of the encoder as it is.
        project: Returns what kNN compares, from (n, F) features: themselves or the projections.
        measure_health: Returns the metrics of `ftlab.training.evaluation.health`, from the features.
        make_generator: Returns a fresh seeded CPU generator, the same one each time.
        epochs: Length of training.
        every: Epochs between kNN probes; 0: at the end only.
        knn_k: Neighbours.
        knn_temperature: Temperature of the neighbours' weights.
        few_shot_labels: Labelled images a class.
        few_shot_draws: Draws that are averaged.
        linear: The linear evaluation.
    """

    extract: Callable[[], Features]
    project: Callable[[Tensor], Tensor]
    measure_health: Callable[[Features], Mapping[str, float]]
    make_generator: Callable[[], torch.Generator]
    epochs: int
    every: int
    knn_k: int
    knn_temperature: float
    few_shot_labels: int
    few_shot_draws: int
    linear: LinearEvaluation | AugmentedLinearEvaluation

    def __call__(self, epochs_trained: int) -> Judgement:
        """Return the findings of the probes due after ``epochs_trained`` epochs; empty when none is due."""
        last = epochs_trained == self.epochs
        if not last and (self.every == 0 or epochs_trained % self.every):
            return Judgement()
        features = self.extract()
        health = self.measure_health(features)
        if not last:
            return Judgement({"knn/top1": percent_right(self.knn(features)), **health})
        judged = self.judge(features)
        return Judgement({**judged.metrics, **health}, judged.right)

    def judge(self, features: Features, probes: Collection[str] = tuple(PROBE_METRICS)) -> Judgement:
        """Return the findings of some probes, by default of all, without health.

        Args:
            features: The features.
            probes: Names of the probes; each draws from a generator of its own, so one does not depend on the others.
        """
        right = {metric: self._right(probe, features) for probe, metric in PROBE_METRICS.items() if probe in probes}
        return Judgement(
            {name: percent_right(found) for name, found in right.items()},
            {name: pack_right(found.cpu().numpy()) for name, found in right.items()},
        )

    def _right(self, probe: str, features: Features) -> Tensor:
        if probe == "linear":
            return self.linear(features, self.make_generator())
        return self.knn(features) if probe == "knn" else self.few_shot(features)

    def knn(self, features: Features) -> Tensor:
        """Return the findings of the kNN probe, see `knn_right`."""
        return knn_right(features.mapped(self.project), k=self.knn_k, temperature=self.knn_temperature)

    def few_shot(self, features: Features) -> Tensor:
        """Return the findings of the few-shot probe, see `few_shot_right`."""
        return few_shot_right(
            features,
            num_labels=self.few_shot_labels,
            num_draws=self.few_shot_draws,
            generator=self.make_generator(),
        )


def no_probe(_epochs_trained: int) -> Judgement:
    """Return no findings, because rank 0 probes for all ranks."""
    return Judgement()
