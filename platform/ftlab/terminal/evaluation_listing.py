"""Lines that state which kept backbones are judged on other images, and what that costs."""

from collections.abc import Container, Mapping, Sequence

from ftlab.errors import listed
from ftlab.estimate.judging_costs import JudgingEstimate
from ftlab.study.spec import Trial
from ftlab.study.transfer import AnyTransfer, Transfer
from ftlab.terminal.durations import format_price, format_seconds
from ftlab.terminal.plan_listing import at_most_lines

NUM_LISTED = 8
NO_ESTIMATE = "estimate: none, because nothing was judged on this hardware before"


def evaluation_lines(
    transfers: Mapping[str, Sequence[AnyTransfer]],
    todo: Container[str],
    missing: Sequence[Trial],
    estimate: JudgingEstimate | None,
) -> list[str]:
    """Return a line per evaluation: to judge, with its price, judged before, or without a backbone.

    Args:
        transfers: The evaluations, by the name of the task.
        todo: Keys of those that are to be judged.
        missing: Trials whose backbones are not kept.
        estimate: Prices of those to judge.
    """
    lines = []
    for task, found in transfers.items():
        for transfer in found:
            what = "to judge" if transfer.key in todo else "judged before"
            price = f", {format_price(estimate.seconds[transfer.key])}" if estimate and transfer.key in todo else ""
            lines.append(f"{what:>16}  {transfer.name} on {task}{price}")
        there = {transfer.trial.key for transfer in found if isinstance(transfer, Transfer)}
        lines += [f"{'not kept':>16}  {trial.name} on {task}" for trial in missing if trial.key not in there]
    return at_most_lines(lines)


def evaluation_summary(number: int, num_todo: int, estimate: JudgingEstimate | None) -> list[str]:
    """Return lines that count evaluations, and estimate those that are to be judged; none without any."""
    if not number:
        return []
    line = f"{number} evaluations: {num_todo} to judge, {number - num_todo} judged before; nothing is trained"
    return [line, *_estimate_lines(estimate)] if num_todo else [line]


def missing_lines(missing: Sequence[Trial], trained: Container[str]) -> list[str]:
    """Return lines that name the trials whose backbones are not kept, each with the remedy.

    Args:
        missing: The trials.
        trained: Keys of trials that need no more training.
    """
    never = [trial.name for trial in missing if trial.key not in trained]
    lost = [trial.name for trial in missing if trial.key in trained]
    lines = []
    if never:
        names = listed(never, NUM_LISTED)
        lines.append(f"not judged, as their backbones are not kept; make sweep trains them: {names}")
    if lost:
        names = listed(lost, NUM_LISTED)
        lines.append(
            f"not judged, as they were trained before, but their backbones are not kept; RETRAIN=1 trains them "
            f"again, and their records stay: {names}"
        )
    return lines


def _estimate_lines(estimate: JudgingEstimate | None) -> list[str]:
    if estimate is None:
        return [NO_ESTIMATE]
    work = sum(estimate.seconds.values())
    lines = [f"estimate: {format_seconds(estimate.wall_seconds)}, {format_price(work)} of work"]
    if estimate.num_nearest:
        who = "1 evaluation is" if estimate.num_nearest == 1 else f"{estimate.num_nearest} evaluations are"
        lines.append(f"{who} estimated from other images or probes, because nothing like it was judged before")
    return lines
