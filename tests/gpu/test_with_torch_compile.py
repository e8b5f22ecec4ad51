"""Encoders through torch.compile; the last file, for compiling takes longer than everything before."""

from collections.abc import Callable, Iterator
from copy import deepcopy

import pytest
import torch
from torch import nn

from ftlab.config.sections.moco_section import MoCoSection
from ftlab.contrast.transform import FeatureTransform
from ftlab.encoders.batch_norm import GroupedBatchNorm
from ftlab.encoders.encoder import Encoder, make_projection_head
from ftlab.methods.method import MethodParts, Views
from ftlab.methods.moco import MoCo

N, C = 8, 8

MakeGenerator = Callable[[int], torch.Generator]


@pytest.fixture
def _compiler(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A compiler that works; on the CPU, where generating code takes minutes, its front end alone."""
    if device.type != "cuda":
        compile_module = nn.Module.compile
        monkeypatch.setattr(nn.Module, "compile", lambda module, **_: compile_module(module, backend="aot_eager"))
        yield
        return
    import torch._inductor.config  # takes seconds

    with torch._inductor.config.patch(compile_threads=1):  # a few kernels need no pool of processes
        try:
            torch.compile(torch.sin)(torch.ones(8, device=device))
        except Exception as error:  # whatever a compiler says that is not there
            pytest.skip(f"torch.compile does not work here: {str(error).splitlines()[0]}")
        yield


@pytest.fixture
def moco(device: torch.device) -> MoCo:
    """An encoder with one layer of each kind, since compiling takes its time."""
    torch.manual_seed(0)
    backbone = nn.Sequential(
        nn.Conv2d(3, C, 3, 2, 1, bias=False), GroupedBatchNorm(C, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    encoder = Encoder(backbone, make_projection_head("linear", C, C), C)
    parts = MethodParts(
        make_encoder=lambda: encoder,
        feature_dim=C,
        transform=FeatureTransform(),
        transform_epochs=range(0),
        precision=torch.float32,
        make_generator=lambda _: torch.Generator().manual_seed(0),
    )
    return MoCo(parts, MoCoSection(key_momentum=0.9, queue_size=16, temperature=0.2)).train().to(device)


# Of the compiler's own, such as the advice to allow TF32.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("_compiler", "_exact_float32")
def test_compiled_encoders_give_the_eager_loss_and_gradients(
    device: torch.device, moco: MoCo, make_generator: MakeGenerator
) -> None:
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(2, N, 3, 8, 8, generator=generator).to(device)
    views = Views((images[0], images[1]), torch.randperm(N, generator=generator).to(device))
    compiled = deepcopy(moco)
    compiled.compile_encoders()
    streams = {"positives": make_generator(1), "negatives": make_generator(2)}
    results = [method.step(views, streams, 0) for method in (moco, compiled)]
    for result in results:
        result.loss.backward()
    assert compiled.compilation_failure == ""
    # Fused kernels round at other places.
    assert results[1].loss.item() == pytest.approx(results[0].loss.item(), rel=1e-5)
    torch.testing.assert_close(results[1].keys, results[0].keys, rtol=0, atol=1e-5)
    eager = dict(moco.named_parameters())
    for name, parameter in compiled.named_parameters():
        if (expected := eager[name].grad) is not None:
            torch.testing.assert_close(parameter.grad, expected, rtol=1e-4, atol=1e-5, msg=name)
    assert list(compiled.state_dict()) == list(moco.state_dict())
    for name, buffer in moco.named_buffers():
        torch.testing.assert_close(dict(compiled.named_buffers())[name], buffer, rtol=1e-5, atol=1e-5, msg=name)
