"""Ablation tables for contrastive learning as build targets.

The names below are what notebooks and scripts may rely on; each is imported when it is first used.
"""

from importlib import import_module
from typing import Any

__all__ = ["FtlabError", "SweepPlan", "load_epochs", "load_table", "load_trials", "plan", "sweep"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import ftlab` takes no time."""
    if name not in __all__:
        raise AttributeError(f"module 'ftlab' has no attribute {name!r}; it has: {', '.join(__all__)}")
    found = getattr(import_module("ftlab.errors" if name == "FtlabError" else "ftlab.notebook"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return the names of the module, those among them that are not imported yet."""
    return sorted({*globals(), *__all__})
