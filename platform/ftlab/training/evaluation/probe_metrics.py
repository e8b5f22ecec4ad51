"""The metrics of each probe, by its name; imports no torch."""

from collections.abc import Mapping

PROBE_METRICS: Mapping[str, tuple[str, ...]] = {
    "knn": ("knn/top1",),
    "few_shot": ("probe/few_shot_top1",),
    "linear": ("probe/top1",),
    "finetune": ("finetune/top1",),
    "long_tail": (
        "long_tail/balanced_top1",
        "long_tail/many_top1",
        "long_tail/medium_top1",
        "long_tail/few_top1",
        "finetune/balanced_top1",
        "finetune/many_top1",
        "finetune/medium_top1",
        "finetune/few_top1",
    ),
}
# Taken where they are asked for; the others are always taken.
OPTIONAL = ("finetune", "long_tail")


def optional_probes(metric: str) -> set[str]:
    """Return the probes that a metric needs and that are taken only where they are asked for.

    >>> sorted(optional_probes("finetune/few_top1")), optional_probes("probe/top1")
    (['finetune', 'long_tail'], set())
    """
    return {probe for probe in OPTIONAL if metric.startswith(f"{probe}/") or metric in PROBE_METRICS[probe]}
