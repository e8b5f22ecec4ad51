"""The probes of a trial: what is judged after an epoch, and when."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ftlab.training.evaluation.augmented_linear import AugmentedLinearEvaluation
from ftlab.training.evaluation.features import Features, percent_right
from ftlab.training.evaluation.few_shot import few_shot_right
from ftlab.training.evaluation.finetune import FinetuneEvaluation
from ftlab.training.evaluation.knn import knn_right
from ftlab.training.evaluation.linear import LinearEvaluation
from ftlab.training.evaluation.long_tail import ClassSizes
from ftlab.training.evaluation.probe_metrics import PROBE_METRICS
from ftlab.training.evaluation.right_images import pack_right


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
        finetune: The training of the whole network, if it is asked for.
        class_sizes: Sizes of classes by which accuracies are told apart, if that is asked for.
        probes: Names of the probes that are taken after the last epoch.
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
    finetune: FinetuneEvaluation | None = None
    class_sizes: ClassSizes | None = None
    probes: Collection[str] = tuple(PROBE_METRICS)

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

    def judge(self, features: Features, probes: Collection[str] | None = None) -> Judgement:
        """Return the findings of some probes, without health.

        Args:
            features: The features.
            probes: Names of the probes; each draws from a generator of its own, so one does not depend on the others.
                None takes those of the trial.
        """
        probes = self.probes if probes is None else probes
        right = {probe: self._right(probe, features) for probe in self._taken if probe in probes}
        metrics = {PROBE_METRICS[probe][0]: percent_right(found) for probe, found in right.items()}
        if self.class_sizes and "long_tail" in probes:
            metrics |= dict(self._by_class_size(self.class_sizes, features, right))
        packed = {PROBE_METRICS[probe][0]: pack_right(found.cpu().numpy()) for probe, found in right.items()}
        return Judgement(metrics, packed)

    @property
    def _taken(self) -> tuple[str, ...]:
        """The probes that say which test images are right."""
        return ("knn", "few_shot", "linear", *(("finetune",) if self.finetune else ()))

    def _right(self, probe: str, features: Features) -> Tensor:
        if probe == "finetune" and self.finetune:
            return self.finetune(features, self.make_generator())
        if probe == "linear":
            return self.linear(features, self.make_generator())
        return self.knn(features) if probe == "knn" else self.few_shot(features)

    def _by_class_size(
        self, sizes: ClassSizes, features: Features, right: Mapping[str, Tensor]
    ) -> Iterator[tuple[str, float]]:
        """Yield the accuracies of the classifiers by class size, by their metrics."""
        counts = torch.bincount(features.train_labels.cpu(), minlength=features.num_classes).tolist()
        labels = features.test_labels.cpu().numpy()
        for probe, family in (("linear", "long_tail"), ("finetune", "finetune")):
            if probe in self._taken:
                found = right[probe] if probe in right else self._right(probe, features)
                for group, value in sizes.accuracies(found.cpu().numpy(), labels, counts).items():
                    yield f"{family}/{group}_top1", value

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
