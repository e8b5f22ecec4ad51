"""Metrics in words."""

METRIC_LABELS = {
    "probe/top1": "linear top-1 (%)",
    "probe/few_shot_top1": "few-shot top-1 (%)",
    "knn/top1": "kNN top-1 (%)",
}


def metric_label(metric: str) -> str:
    """Return a metric in words with its unit; an unknown metric keeps its name."""
    return METRIC_LABELS.get(metric, metric)


def metric_name(metric: str) -> str:
    """Return a metric in words without its unit."""
    return metric_label(metric).removesuffix(" (%)")
