"""ResNets whose residual branches begin at zero."""

import pytest
import torch
from torch import Tensor

from ftlab.assembly.trial_parts import make_method
from ftlab.config.trial import TrialConfig
from ftlab.encoders.encoder import Encoder, make_encoder
from ftlab.study.identity import trial_key

CPU = torch.device("cpu")


def build(backbone: str, *, zero_init_residual: bool) -> Encoder:
    torch.manual_seed(0)
    return make_encoder(
        backbone=backbone,
        stem="cifar",
        head="linear",
        feature_dim=2,
        num_channels=3,
        bn_groups=2,
        zero_init_residual=zero_init_residual,
    )


@pytest.mark.parametrize(("backbone", "last", "num_blocks"), [("resnet18", "bn2", 8), ("resnet50", "bn3", 16)])
def test_the_last_normalisation_of_each_branch_begins_with_a_scale_of_zero(
    backbone: str, last: str, num_blocks: int
) -> None:
    zeroed, plain = (build(backbone, zero_init_residual=chosen).state_dict() for chosen in (True, False))
    changed = [name for name, weight in plain.items() if not torch.equal(weight, zeroed[name])]
    assert len(changed) == num_blocks
    assert all(name.endswith(f".{last}.weight") and not zeroed[name].any() for name in changed)


def test_a_block_begins_as_the_identity() -> None:
    block = build("resnet18", zero_init_residual=True).backbone.get_submodule("layer1.0")
    inputs: Tensor = torch.rand(4, 64, 3, 3)
    torch.testing.assert_close(block(inputs), inputs, rtol=0, atol=0)


def test_a_trial_has_them_if_its_backbone_has_branches() -> None:
    sections = {"method": {"name": "simsiam", "head_width": 8}, "data": {"image_size": 8}}
    chosen = [
        TrialConfig.model_validate({**sections, "model": {"backbone": backbone, "zero_init_residual": True}})
        for backbone in ("resnet18", "small_cnn")
    ]
    assert ["model.zero_init_residual" in trial.shown() for trial in chosen] == [True, False]
    weights = make_method(chosen[0], 3, CPU).encoder.backbone.state_dict()
    assert not weights["layer1.0.bn2.weight"].any()
    plain = TrialConfig.model_validate(sections)
    assert trial_key(chosen[1], "") == trial_key(plain, "")
