import pytest

from ftlab.config.experiment import ResourcesConfig
from ftlab.machine.facts import collect_provenance
from ftlab.machine.hardware import device_setting, find_hardware


@pytest.mark.parametrize(
    ("device", "share", "setting"),
    [("auto", 0.0, "cpu"), ("auto", 0.5, "auto"), ("cpu", 0.5, "cpu"), ("cuda", 0.0, "cuda"), ("cuda", 1.0, "cuda")],
)
def test_without_a_share_of_a_gpu_a_trial_finds_none(device: str, share: float, setting: str) -> None:
    assert device_setting(ResourcesConfig.model_validate({"device": device, "gpus_per_trial": share})) == setting


def test_hardware_is_told_by_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    resources = ResourcesConfig(device="cpu", cpus_per_trial=2)
    found = find_hardware(resources, together=3)
    facts = collect_provenance()
    assert found.tags() == {
        "hardware.cpu": facts["hardware.cpu"],
        "hardware.cores": facts["hardware.cores"],
        "hardware.device": "cpu",
        "hardware.threads": "2",
        "hardware.together": "3",
        "hardware.cluster": "",
    }
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    assert find_hardware(resources, together=3).tags()["hardware.cluster"] == "ray://head:10001"
