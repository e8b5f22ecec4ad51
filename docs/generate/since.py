"""The release that brought each setting and each key of a file."""

import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

CHANGELOG = (Path(__file__).parents[2] / "CHANGELOG.md").read_text("utf-8")
# The newest first; what is on its way to the next one is "Unreleased".
RELEASES = re.findall(r"^## \[(Unreleased|\d+\.\d+\.\d+)\]", CHANGELOG, re.MULTILINE)

# The fields that each earlier release brought, by schema; what stands in none came with the newest.
EARLIER: Mapping[str, Mapping[str, str]] = {
    "0.1.0": {
        "DataConfig": "name root image_size class_list corrupt_images download",
        "ViewsConfig": "recipe size",
        "ModelConfig": "backbone stem head feature_dim bn_groups",
        "MoCoSection": "name key_momentum queue_size temperature",
        "TransformConfig": "positives negatives alpha_extrapolation alpha_interpolation lambda_extrapolation "
        "lambda_interpolation granularity query_for_negatives renormalise start stop",
        "TrainConfig": "epochs batch_size learning_rate learning_rate_floor warmup_epochs sgd_momentum weight_decay "
        "precision channels_last compile",
        "ProbeConfig": "every knn_k knn_temperature few_shot_labels few_shot_draws linear_epochs linear_batch_size "
        "linear_learning_rates linear_holdout",
        "NamedCell": "name set",
        "PublishedReference": "table series",
        "ExperimentConfig": "question seeds metric overrides cells grid baseline published",
        "ResourcesConfig": "device cpus_per_trial gpus_per_trial max_failures checkpoint_seconds",
        "ProfileConfig": "description metric protocol trial resources",
    },
}


def release_of(model: type[BaseModel], name: str) -> str:
    """Return the release that brought a field of a schema.

    Args:
        model: The schema.
        name: Name of the field.
    """
    releases = (release for release, fields in EARLIER.items() if name in fields.get(model.__name__, "").split())
    return next(releases, RELEASES[0].lower())
