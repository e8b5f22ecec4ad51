"""The trainings of test_two_processes.py; a file of its own, because their processes import it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ftlab.assembly.trial_parts import make_trainer
from ftlab.methods.method import Views
from ftlab.ranks.exchange import Ranks
from ftlab.testing.method_contract import make_images, trial_config

State = dict[str, Tensor]


@dataclass(frozen=True)
class Trainings:
    """One rank's part of some trainings in float64, called as `Part.train` is; yields the state that each leaves.

    Attributes:
        settings: Sections of each trial.
    """

    settings: tuple[Mapping[str, Mapping[str, Any]], ...]

    def __call__(self, ranks: Ranks, device: torch.device) -> Iterator[State]:
        for sections in self.settings:
            config, images = trial_config(sections), make_images()
            trainer = make_trainer(config, images, device, ranks)
            trainer.method.double()
            # Of one process, since each rank's own views differ from its part of them in the last bits of float32.
            draw = make_trainer(config, images, device).batches.epoch
            for epoch in range(config.train.epochs):
                views = [own_views(ranks, whole) for whole in draw(epoch)]
                trainer.batches.epoch = lambda _, views=views: iter(views)
                list(trainer.steps(epoch))
            trainer.method.complete_statistics()
            yield trainer.method.state_dict()


def own_views(ranks: Ranks, whole: Views) -> Views:
    """Return a rank's part of the views of a batch, in float64."""
    patches = None if whole.patches is None else ranks.own(whole.patches.double())
    return Views(tuple(ranks.own(images.double()) for images in whole.images), whole.order, patches)
