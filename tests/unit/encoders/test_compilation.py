import copy

import pytest
import torch
from torch import nn

from ftlab.encoders.compilation import Compilation


def make_module() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


@pytest.fixture
def _no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make torch find no compiler, as on a node of a cluster that has none."""

    def refuse(*_: object, **__: object) -> None:
        from torch._dynamo.exc import BackendCompilerFailed

        raise BackendCompilerFailed(refuse, RuntimeError("no working C++ compiler was found"), None)

    monkeypatch.setattr("torch._inductor.compile_fx.compile_fx", refuse)
    torch._dynamo.reset()


@pytest.mark.usefixtures("_no_compiler")
@pytest.mark.slow
def test_a_module_that_cannot_be_compiled_runs_eagerly() -> None:
    module = make_module()
    plain = copy.deepcopy(module)
    compilation = Compilation(module)
    inputs = torch.randn(5, 3)
    torch.testing.assert_close(module(inputs), plain(inputs), rtol=0, atol=0)
    assert "no working C++ compiler was found" in compilation.failure
    module(inputs).sum().backward()
    assert module[0].weight.grad is not None


@pytest.mark.slow
@pytest.mark.usefixtures("_no_compiler")
def test_a_compilation_that_failed_is_not_tried_again() -> None:
    module = make_module()
    compilation = Compilation(module)
    module(torch.randn(5, 3))
    compilation.failure = ""
    module(torch.randn(6, 3))
    assert compilation.failure == ""


@pytest.mark.slow
def test_an_error_of_the_module_itself_is_raised() -> None:
    class Fails(nn.Module):
        def forward(self, _: torch.Tensor) -> torch.Tensor:
            raise ValueError("the module's own")

    module = Fails()
    Compilation(module)
    with pytest.raises(ValueError, match="the module's own"):
        module(torch.zeros(1))


def test_compiling_keeps_the_names_of_parameters() -> None:
    module = make_module()
    names = list(module.state_dict())
    Compilation(module)
    assert list(module.state_dict()) == names


def test_a_python_that_torch_cannot_compile_is_a_failure_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("torch.compile is not supported on Python 3.99+")

    monkeypatch.setattr(torch, "compile", refuse)
    module = make_module()
    compilation = Compilation(module)
    assert compilation.failure == "torch.compile is not supported on Python 3.99+"
    assert module(torch.zeros(1, 3)).shape == (1, 2)
