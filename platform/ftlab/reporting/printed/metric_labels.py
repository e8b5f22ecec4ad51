"""Metrics in words."""

METRIC_LABELS = {
    "probe/top1": "linear top-1 (%)",
    "probe/few_shot_top1": "few-shot top-1 (%)",
    "knn/top1": "kNN top-1 (%)",
    "finetune/top1": "fine-tuned top-1 (%)",
    "long_tail/balanced_top1": "linear, balanced (%)",
    "long_tail/many_top1": "linear, many (%)",
    "long_tail/medium_top1": "linear, medium (%)",
    "long_tail/few_top1": "linear, few (%)",
    "finetune/balanced_top1": "fine-tuned, balanced (%)",
    "finetune/many_top1": "fine-tuned, many (%)",
    "finetune/medium_top1": "fine-tuned, medium (%)",
    "finetune/few_top1": "fine-tuned, few (%)",
}


def metric_label(metric: str) -> str:
    """Return a metric in words with its unit; an unknown metric keeps its name."""
    return METRIC_LABELS.get(metric, metric)


def metric_name(metric: str) -> str:
    """Return a metric in words without its unit."""
    return metric_label(metric).removesuffix(" (%)")


def metric_value(metric: str, value: float) -> str:
    """Return a value with its metric in words and its unit.

    >>> metric_value("knn/top1", 76.20000000000002), metric_value("mine/spread", 0.123456)
    ('kNN top-1 76.2 %', 'mine/spread 0.1235')
    """
    name, label = metric_name(metric), metric_label(metric)
    return f"{name} {value:.1f} %" if name != label else f"{name} {value:.4g}"
