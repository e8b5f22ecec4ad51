"""The section ``mixing`` of a trial."""

from typing import Annotated, Literal

from pydantic import Field

from ftlab.config.section import Alpha, Fraction
from ftlab.config.sections.trial_section import NEVER, Effect, TrialSection, Whole
from ftlab.config.setting import Trait


class MixingConfig(TrialSection):
    """Methods that mix the images of a batch, composed with MoCo: what feature transformation is compared with."""

    name: Annotated[Literal["none", "unmix", "imix", "in_batch_keys"], Trait.ADDED, Trait.SWITCH, Trait.EPOCH_COST] = (
        Field(
            "none",
            description="Un-Mix (arXiv 2003.05438); i-Mix (2010.08887); or in_batch_keys, i-Mix's baseline: nothing is "
            "mixed, but the keys of the whole batch are candidates beside the queue, as in i-Mix.",
        )
    )
    alpha: Annotated[Alpha, Trait.ADDED] = Field(
        1.0, description="Beta(alpha, alpha) of the share of an image in its mixture."
    )
    global_probability: Annotated[Fraction, Trait.ADDED] = Field(
        0.5, description="Probability that Un-Mix mixes whole images in a step; else it pastes a box, as CutMix does."
    )
    layers: Annotated[Literal["input", "random"], Trait.ADDED, Trait.EPOCH_COST] = Field(
        "input",
        description="Layers that i-Mix mixes: the images; or, as Manifold Mixup does (arXiv 1806.05236), in each step "
        "a random one of the images, the outputs of the encoder's first two blocks, and its pooled features.",
    )

    def check(self, whole: Whole) -> None:
        """Check that the method can be composed with it, and that FT has a meaning beside it."""
        if self.name == "none":
            return
        if whole.queue_size is None:
            raise ValueError(
                f"mixing.name must be 'none' without the queue of MoCo, but got {self.name!r} with "
                f"method.name={whole.method_name!r}; nearest valid name: 'none'."
            )
        if whole.is_symmetric:
            raise ValueError(
                "method.symmetric must be false where images are mixed, since the mixtures are queries of one view, "
                f"but got mixing.name={self.name!r}; nearest valid symmetric: false."
            )
        if whole.hardest_mixed:
            raise ValueError(
                f"transform.negatives must not be 'mochi' where images are mixed, but got mixing.name={self.name!r}; "
                "nearest valid negatives: 'none'."
            )
        if whole.positives_mixed and self.name != "unmix":
            raise ValueError(
                "transform.positives must be 'none' where a query has a label among the keys of the batch, which a "
                f"mixed key is not, but got mixing.name={self.name!r}; nearest valid positives: 'none'."
            )

    def effects(self, whole: Whole) -> list[Effect]:
        """Return the settings of what is chosen."""
        if self.name == "none":
            return [Effect("name", "none", NEVER)]
        used = {"unmix": {"alpha", "global_probability"}, "imix": {"alpha", "layers"}}.get(self.name, set())
        return [effect for effect in super().effects(whole) if effect.name in {"name", *used}]
