"""Build a trial's probes from its settings."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ftlab.config.trial import TrialConfig
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.data.cache.photos import Photos
from ftlab.data.cache.residency import ResidentImages
from ftlab.data.views.recipes import ViewRecipe, find_recipe
from ftlab.data.views.two_views import make_views, normalise, sample_parameters
from ftlab.encoders.encoder import Encoder
from ftlab.training.evaluation.augmented_linear import AugmentedLinearEvaluation
from ftlab.training.evaluation.features import CHUNK, Features, extract_features
from ftlab.training.evaluation.health import health_images, measure_health
from ftlab.training.evaluation.linear import LinearEvaluation
from ftlab.training.evaluation.probe import ProbeSuite
from ftlab.training.streams import make_generator

# Of linear evaluation in arXiv 1911.05722: torchvision's RandomResizedCrop and a flip.
LINEAR_RECIPE = ViewRecipe(crop_scale=(0.08, 1.0), flip_probability=0.5)


def make_probe(
    config: TrialConfig, dataset: ImageDataset, encoder: Encoder, train: ResidentImages, device: torch.device
) -> ProbeSuite:
    """Build the probes of an encoder."""
    probed = _ProbedEncoder(config, dataset, encoder, train, device)
    probe = config.probe
    return ProbeSuite(
        extract=probed.extract,
        project=probed.project if probe.knn_features == "embedding" else lambda features: features,
        measure_health=probed.measure_health,
        make_generator=lambda: make_generator(config.seed, "probe"),
        epochs=config.train.epochs,
        every=probe.every,
        knn_k=probe.knn_k,
        knn_temperature=probe.knn_temperature,
        few_shot_labels=probe.few_shot_labels,
        few_shot_draws=probe.few_shot_draws,
        linear=_make_linear(config, probed),
    )


def _make_linear(config: TrialConfig, probed: "_ProbedEncoder") -> LinearEvaluation | AugmentedLinearEvaluation:
    probe = config.probe
    if probe.linear == "paper":
        return AugmentedLinearEvaluation(probed.draw_batches, probe.linear_epochs)
    return LinearEvaluation(
        learning_rates=probe.linear_learning_rates,
        epochs=probe.linear_epochs,
        batch_size=probe.linear_batch_size,
        holdout=probe.linear_holdout,
    )


class _ProbedEncoder:
    """Computes features of a trial's images by its encoder as it is."""

    def __init__(
        self,
        config: TrialConfig,
        dataset: ImageDataset,
        encoder: Encoder,
        train: ResidentImages,
        device: torch.device,
    ) -> None:
        self._config = config
        self._dataset = dataset
        self._encoder = encoder
        self._train, self._test = train, ResidentImages(dataset.test_images, device)
        self._train_labels = torch.tensor(dataset.train_labels, device=device)
        self._test_labels = torch.tensor(dataset.test_labels, device=device)
        self._device = device

    def extract(self) -> Features:
        """Return the features of all images, each seen once."""
        train = self._features_of(self._train, len(self._train_labels))
        test = self._features_of(self._test, len(self._test))
        return Features(train, self._train_labels, test, self._test_labels, self._dataset.num_classes)

    @torch.no_grad()
    def project(self, features: Tensor) -> Tensor:
        """Return the (n, C) projections of (n, F) features, in evaluation mode."""
        head = self._encoder.projection_head
        return extract_features(head, len(features), lambda rows: features[rows])

    def measure_health(self, features: Features) -> dict[str, float]:
        """Return the metrics of `ftlab.training.evaluation.health`, of test images and of two views of each."""
        rows = health_images(len(self._test))
        seen = features.test[rows.to(self._device)]
        generator = make_generator(self._config.seed, "health", device=self._device)
        recipe = find_recipe(self._config.views.recipe).cropped(self._config.views.crop_scale)
        views = [self.project(self._views_of(self._test, rows, recipe, generator)) for _ in range(2)]
        return measure_health(seen, self.project(seen), (views[0], views[1]))

    def draw_batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the (n, F) features of a crop and flip of each training image, and the (n,) labels, batch by batch."""
        order = torch.randperm(
            len(self._train_labels), generator=make_generator(self._config.seed, "linear_order", epoch)
        )
        generator = make_generator(self._config.seed, "linear_views", epoch, self._device)
        for rows in order.split(self._config.probe.linear_batch_size):
            yield self._views_of(self._train, rows, LINEAR_RECIPE, generator), self._train_labels[rows.to(self._device)]

    def _views_of(self, images: ResidentImages, rows: Tensor, recipe: ViewRecipe, generator: torch.Generator) -> Tensor:
        """Return the (n, F) features of one random view of each image of (n,) ``rows``."""
        dataset, size = self._dataset, self._config.view_size
        parameters = sample_parameters(
            recipe,
            len(rows),
            generator=generator,
            num_channels=dataset.num_channels,
            aspects=images.aspects(rows),
        )
        boxes = () if parameters.boxes is None else parameters.boxes.cpu().split(CHUNK)
        read = images.in_steps(rows.split(CHUNK), boxes, size)

        def load(part: slice) -> Tensor:
            pixels = read(part.start // CHUNK)
            return make_views(pixels, parameters[part], size=size, mean=dataset.channel_mean, std=dataset.channel_std)

        return extract_features(self._encoder.backbone, len(rows), load)

    def _features_of(self, images: ResidentImages, num_labelled: int) -> Tensor:
        size, short_side = self._config.view_size, self._config.probe.resize
        pixels = self._dataset.train_images
        if isinstance(pixels, Photos) or isinstance(self._dataset.test_images, Photos):
            short_side = short_side or round(size * 8 / 7)
        elif short_side is None:
            size = min(size, pixels.shape[-1])

        def load(rows: slice) -> Tensor:
            batch = images.centres(torch.arange(rows.start, rows.stop), size=size, short_side=short_side)
            return normalise(batch, self._dataset.channel_mean, self._dataset.channel_std)

        return extract_features(self._encoder.backbone, num_labelled, load)
