"""Build a trial's probes from its settings."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from ftlab.config.trial import TrialConfig
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.data.cache.photos import Photos
from ftlab.data.cache.residency import ResidentImages
from ftlab.data.views.recipes import ViewRecipe, find_recipe
from ftlab.data.views.two_views import make_views, normalise, sample_parameters
from ftlab.encoders.encoder import Encoder
from ftlab.training.evaluation.augmented_linear import AugmentedLinearEvaluation
from ftlab.training.evaluation.features import CHUNK, Features, extract_features, slices
from ftlab.training.evaluation.finetune import FinetuneEvaluation
from ftlab.training.evaluation.health import health_images, measure_health
from ftlab.training.evaluation.linear import LinearEvaluation
from ftlab.training.evaluation.long_tail import ClassSizes
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
        finetune=_make_finetune(config, probed) if probe.finetune else None,
        class_sizes=ClassSizes(probe.long_tail_many, probe.long_tail_few) if probe.long_tail else None,
        probes=tuple(probe.evaluations()),
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


def _make_finetune(config: TrialConfig, probed: "_ProbedEncoder") -> FinetuneEvaluation:
    probe = config.probe
    return FinetuneEvaluation(
        backbone=probed.encoder.backbone,
        num_features=probed.encoder.num_features,
        begin_views=probed.begin_views,
        answer=probed.answer,
        learning_rates=probe.finetune_learning_rates,
        epochs=probe.finetune_epochs,
        batch_size=probe.finetune_batch_size,
        holdout=probe.finetune_holdout,
        weight_decay=probe.finetune_weight_decay,
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
        self.encoder = encoder
        self._train, self._test = train, ResidentImages(dataset.test_images, device)
        self._train_labels = torch.tensor(dataset.train_labels, device=device)
        self._test_labels = torch.tensor(dataset.test_labels, device=device)
        self._device = device

    def extract(self) -> Features:
        """Return the features of all images, each seen once."""
        backbone, rows = self.encoder.backbone, torch.arange(len(self._train_labels))
        train, test = self._of_centres(backbone, self._train, rows), self._of_centres(backbone, self._test)
        return Features(train, self._train_labels, test, self._test_labels, self._dataset.num_classes)

    @torch.no_grad()
    def project(self, features: Tensor) -> Tensor:
        """Return the (n, C) projections of (n, F) features, in evaluation mode."""
        head = self.encoder.projection_head
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

    def begin_views(self) -> Callable[[Tensor], Tensor]:
        """Return a function from rows of training images to a random crop and flip of each, as large as centres."""
        probe, size = self._config.probe, self._centre_size
        recipe = ViewRecipe(crop_scale=probe.finetune_crop_scale, flip_probability=probe.finetune_flip)
        generator = make_generator(self._config.seed, "finetune_views", device=self._device)

        def draw(rows: Tensor) -> Tensor:
            load = self._load_views(self._train, rows, recipe, generator, size)
            return torch.cat([load(part) for part in slices(len(rows))])

        return draw

    def answer(self, network: nn.Module, rows: Tensor | None) -> Tensor:
        """Return a network's answers about training images of (n,) rows, or about all test images for None."""
        logits = self._of_centres(network, self._test if rows is None else self._train, rows)
        return logits.argmax(dim=1)

    def _views_of(self, images: ResidentImages, rows: Tensor, recipe: ViewRecipe, generator: torch.Generator) -> Tensor:
        """Return the (n, F) features of one random view of each image of (n,) ``rows``."""
        load = self._load_views(images, rows, recipe, generator, self._config.view_size)
        return extract_features(self.encoder.backbone, len(rows), load)

    def _load_views(
        self, images: ResidentImages, rows: Tensor, recipe: ViewRecipe, generator: torch.Generator, size: int
    ) -> Callable[[slice], Tensor]:
        dataset = self._dataset
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

        return load

    @property
    def _has_photos(self) -> bool:
        return isinstance(self._dataset.train_images, Photos) or isinstance(self._dataset.test_images, Photos)

    @property
    def _centre_size(self) -> int:
        """Side of the centres, in pixels: that of a view, or of squares that are smaller and are not resized."""
        size, pixels = self._config.view_size, self._dataset.train_images
        if isinstance(pixels, Photos) or self._has_photos or self._config.probe.resize is not None:
            return size
        return min(size, int(pixels.shape[-1]))

    def _of_centres(self, network: nn.Module, images: ResidentImages, rows: Tensor | None = None) -> Tensor:
        """Return the outputs of a network for the centres of images of (n,) rows, or of all for None."""
        seen = torch.arange(len(images)) if rows is None else rows
        size, short_side = self._centre_size, self._config.probe.resize
        if self._has_photos:
            short_side = short_side or round(size * 8 / 7)

        def load(part: slice) -> Tensor:
            batch = images.centres(seen[part], size=size, short_side=short_side)
            return normalise(batch, self._dataset.channel_mean, self._dataset.channel_std)

        return extract_features(network, len(seen), load)
