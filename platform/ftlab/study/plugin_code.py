"""The sources of other packages that decide a trial's numbers."""

from ftlab.config.sections import method_choice
from ftlab.config.trial import TrialConfig
from ftlab.data.views import recipes
from ftlab.encoders import backbones
from ftlab.plugins import Kind, plugin_package


def plugin_code(config: TrialConfig) -> dict[str, str]:
    """Return the digest of the package that adds the trial's method, backbone or views, by kind; none of built-in ones.

    The package of a data set decides the images alone, whose content is in the data's fingerprint.
    """
    chosen: dict[Kind, str] = {}
    if config.method.name not in method_choice.BUILT_IN_NAMES:
        chosen["methods"] = config.method.name
    if config.model.backbone not in backbones.BUILT_IN:
        chosen["backbones"] = config.model.backbone
    if config.views.recipe not in recipes.BUILT_IN:
        chosen["views"] = config.views.recipe
    return {kind: plugin_package(kind, name).code for kind, name in chosen.items()}
