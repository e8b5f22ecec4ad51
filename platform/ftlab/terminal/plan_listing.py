"""Lines that state a plan: its trials, the estimate of its cost, and the command that carries it out."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from types import MappingProxyType

from ftlab.config.home import RESULTS
from ftlab.config.setting import Setting
from ftlab.estimate.resource_plan import ResourcePlan
from ftlab.seeding.auto import AutoSeeds
from ftlab.study.plan import Plan
from ftlab.study.spec import StudySpec
from ftlab.study.stages import Stage
from ftlab.terminal.durations import format_price
from ftlab.terminal.estimate_listing import estimate_lines, packing_line

MAX_LINES = 60
NO_ESTIMATE = "estimate: none, because no similar trial was recorded on this hardware; make plan calibrates one"


def plan_lines(plan: Plan, seconds: Mapping[str, float] = MappingProxyType({})) -> list[str]:
    """Return a line per trial: new, resumed, forked or reused; at most `MAX_LINES` lines, forks below their trunks.

    Args:
        plan: The plan.
        seconds: Seconds for which each trial holds a worker, by its key; those that are known are its price.
    """
    lines = [f"{'reused':>16}  {trial.name}" for trial in plan.reused]
    branches: dict[str | None, list[Stage]] = {}
    for stage in plan.stages.values():
        branches.setdefault(stage.parent, []).append(stage)
    for trunk in branches.get(None, ()):
        lines += _tree(plan, trunk, branches, seconds)
    return at_most_lines(lines)


def at_most_lines(lines: list[str]) -> list[str]:
    """Return the first `MAX_LINES` lines, and the number of the others."""
    hidden = len(lines) - MAX_LINES
    return [*lines[:MAX_LINES], f"... and {hidden} more"] if hidden > 0 else lines


def plan_summary(plan: Plan) -> str:
    """Return a line that counts trials and epochs."""
    new = len(plan.todo) - len(plan.resumable) - len(plan.forked) - len(plan.evaluations)
    counts = f"{len(plan.trials)} trials: {new} new, {len(plan.resumable)} resumed, {len(plan.reused)} reused"
    if plan.forked:
        counts += f", {len(plan.forked)} forked"
    if plan.evaluations:
        counts += f", {len(plan.evaluations)} judged anew from kept backbones"
    return f"{counts}; {_epochs(plan)} to train" if plan.todo else counts


def resource_lines(resource_plan: ResourcePlan, *, at_most: bool = False) -> list[str]:
    """Return lines that state the estimate of a plan, or an upper one, and how its trials share the machine."""
    without = (
        f"estimate: none, because a calibration run failed: {resource_plan.problem}"
        if resource_plan.problem
        else NO_ESTIMATE
    )
    lines = estimate_lines(resource_plan.estimate) if resource_plan.estimate else [without]
    if at_most and resource_plan.estimate:
        lines[0] = f"upper {lines[0]}"
    if resource_plan.packing is not None:
        lines.append(packing_line(resource_plan.packing, "GPU" if resource_plan.packing.gpus_per_trial else "machine"))
    return lines


def _epochs(plan: Plan) -> str:
    if not plan.epochs_saved:
        return f"{plan.epochs_left} epochs"
    unshared = plan.epochs_left + plan.epochs_saved
    return f"{plan.epochs_left} epochs (of {unshared} without shared prefixes: {plan.epochs_left / unshared:.2f})"


def _tree(
    plan: Plan,
    stage: Stage,
    branches: Mapping[str | None, Sequence[Stage]],
    seconds: Mapping[str, float],
    depth: int = 0,
) -> list[str]:
    forks = sorted(branches.get(stage.trial.key, ()), key=lambda fork: fork.start_epoch)
    mark = "  " * (depth - 1) + "└ " if depth else ""
    price = f", {format_price(seconds[stage.trial.key])}" if stage.trial.key in seconds else ""
    line = f"{_beginning(stage):>16}  {mark}{stage.trial.name}{price}{_regret(plan, stage)}"
    return [line, *(text for fork in forks for text in _tree(plan, fork, branches, seconds, depth + 1))]


def _regret(plan: Plan, stage: Stage) -> str:
    return " (trained before, but its backbone is not kept)" if stage.trial.key in plan.pretrained else ""


def sweep_command(study: StudySpec, auto: AutoSeeds | None = None, results: Path = RESULTS) -> str:
    """Return the command that continues a study, and writes its table below a folder of results."""
    seeds = [f"SEEDS={len(study.seeds)}"]
    if auto is not None:
        seeds = ["SEEDS=auto", *([f"MAX_TRIALS={auto.max_trials}"] if auto.max_trials else [])]
    parts = [f"make sweep EXP={study.experiment}", f"PROFILE={study.profile_name}", *seeds]
    return " ".join([*parts, *_overrides(study), *_folder(results)])


def search_command(study: StudySpec, num_trials: int, results: Path = RESULTS) -> str:
    """Return the command that continues a search, and writes its tables below a folder of results."""
    parts = [f"make search EXP={study.experiment}", f"PROFILE={study.profile_name}", f"TRIALS={num_trials}"]
    return " ".join([*parts, *_overrides(study), *_folder(results)])


def _folder(results: Path) -> list[str]:
    return [] if results == RESULTS else [f"RESULTS={quote(str(results))}"]


def _overrides(study: StudySpec) -> list[str]:
    settings = " ".join(f"{name}={_spell(value)}" for name, value in study.overrides.items())
    return [f'SET="{settings}"'] if settings else []


def _beginning(stage: Stage) -> str:
    if stage.parent is not None:
        return f"forked at {stage.start_epoch}"
    if stage.is_evaluation:
        return "judged anew"
    return f"resumed at {stage.start_epoch}" if stage.start_epoch else "new"


def _spell(value: Setting) -> str:
    # Without spaces, because SET separates its settings by them.
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
