"""The scores that the cells of a figure lack: a method without negatives has none to record."""

from collections.abc import Collection, Mapping


def missing_scores(recorded: Mapping[str, Collection[str]]) -> str:
    """Return the kinds of scores that cells did not record, in words; empty if each recorded all.

    Args:
        recorded: Names of the recorded scores by the cell's label.

    >>> missing_scores({"moco": ["scores/positive", "scores/negative"], "simsiam": ["scores/positive"]})
    'Cells without scores of negatives: simsiam.'
    """
    lacking = {
        kind: [label for label, names in recorded.items() if not any(kind in name for name in names)]
        for kind in ("positive", "negative")
    }
    return " ".join(
        f"Cells without scores of {kind}s: {', '.join(labels)}." for kind, labels in lacking.items() if labels
    )
