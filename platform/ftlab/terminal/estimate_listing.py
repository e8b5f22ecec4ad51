"""Lines that state an estimate before a sweep, and compare it with the outcome afterwards."""

from ftlab.estimate.packing import Packing
from ftlab.estimate.sweep_estimate import Actual, Estimate
from ftlab.terminal.durations import format_seconds


def estimate_lines(estimate: Estimate) -> list[str]:
    """Return lines that estimate the time and disk of a sweep, and name the source of the estimate."""
    cost = f"{format_seconds(estimate.wall_seconds)} and {_hours(estimate.device_hours)} {estimate.device}-hours"
    lines = [
        f"estimate: {cost} for {estimate.num_epochs} epochs, from {estimate.source}",
        f"disk: {_disk(estimate)}",
    ]
    if estimate.num_evaluations:
        who = "1 kept backbone" if estimate.num_evaluations == 1 else f"{estimate.num_evaluations} kept backbones"
        work = f"{format_seconds(estimate.evaluation_seconds)} of work"
        lines.insert(1, f"evaluations: {who} judged anew without training, {work} of that estimate")
    if estimate.num_nearest:
        who = "1 trial is" if estimate.num_nearest == 1 else f"{estimate.num_nearest} trials are"
        lines.append(f"{who} estimated from the nearest recorded or calibrated trial")
    return lines


def comparison_line(estimate: Estimate, actual: Actual) -> str:
    """Return a line that compares an estimate with the time that the sweep took."""
    line = (
        f"estimate {format_seconds(estimate.wall_seconds)} and {_hours(estimate.device_hours)} "
        f"{estimate.device}-hours; it took {format_seconds(actual.wall_seconds)} and {_hours(actual.device_hours)}"
    )
    if not estimate.wall_seconds:
        return line
    return f"{line} ({actual.wall_seconds / estimate.wall_seconds - 1:+.0%})"


def packing_line(packing: Packing, device: str) -> str:
    """Return a line that says how many trials share a device, and why.

    Args:
        packing: The packing, measured or set.
        device: ``GPU`` or ``machine``.
    """
    number = "1 trial" if packing.trials_per_device == 1 else f"{packing.trials_per_device} trials"
    if not packing.trial_bytes:
        return f"{number} per {device} at a time, as {'set' if packing.limit == 'setting' else 'the profile says'}"
    measured = f"{format_bytes(packing.trial_bytes)} each, measured and with a margin of safety"
    return f"{number} per {device} at a time, limited by its {packing.limit}: {measured}"


def format_bytes(size: float) -> str:
    """Return a size in units that people read.

    >>> [format_bytes(size) for size in (900, 12_000, 84_400_000, 2.5e9)]
    ['1 kB', '12 kB', '84 MB', '2.5 GB']
    """
    if size < 1e6:
        return f"{max(1, round(size / 1e3))} kB"
    return f"{size / 1e6:.0f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"


def _disk(estimate: Estimate) -> str:
    backbones = f"{format_bytes(estimate.backbone_bytes)} of backbones and " if estimate.backbone_bytes else ""
    records = f"{backbones}{format_bytes(estimate.record_bytes)} of records that stay"
    if estimate.checkpoint_bytes is None:
        return f"{records}; make plan calibrates the size of checkpoints"
    if not estimate.checkpoint_bytes:
        return records
    return f"{format_bytes(estimate.checkpoint_bytes)} of checkpoints until the sweep ends, {records}"


def _hours(hours: float) -> str:
    return f"{hours:.2g}" if hours < 10 else f"{hours:.0f}"
