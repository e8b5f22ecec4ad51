"""A plan in words: its trials, its cost, and the command that carries it out."""

import json
import os

from ftlab.config.experiment import Setting
from ftlab.display import format_seconds
from ftlab.tuning.plan import Plan
from ftlab.tuning.spec import StudySpec

MAX_LINES = 60


def plan_lines(plan: Plan) -> list[str]:
    """Return a line per trial with what will be done with it, at most `MAX_LINES` of them."""
    reused = {trial.key for trial in plan.reused}
    lines = [
        f"{'reused' if trial.key in reused else _beginning(plan.start_epochs[trial.key]):>16}  {trial.name}"
        for trial in plan.trials[:MAX_LINES]
    ]
    hidden = len(plan.trials) - MAX_LINES
    return [*lines, f"... and {hidden} more"] if hidden > 0 else lines


def plan_summary(plan: Plan, cpus: int | None) -> str:
    """Return numbers of trials and epochs, and the expected time on ``cpus`` cores; None means all of this machine."""
    new = len(plan.todo) - len(plan.resumable)
    counts = f"{len(plan.trials)} trials: {new} new, {len(plan.resumable)} resumed, {len(plan.reused)} reused"
    if not plan.todo:
        return counts
    slots = (cpus or os.cpu_count() or 1) // plan.study.profile.resources.cpus_per_trial
    seconds = plan.seconds_left(slots)
    forecast = f"about {format_seconds(seconds)} by recorded trials" if seconds else "no recorded trials to tell by"
    return f"{counts}; {plan.epochs_left} epochs to train, {forecast}"


def sweep_command(study: StudySpec) -> str:
    """Return the command that carries a study on."""
    parts = [f"make sweep EXP={study.experiment}", f"PROFILE={study.profile_name}", f"SEEDS={len(study.seeds)}"]
    if study.overrides:
        settings = " ".join(f"{name}={_spell(value)}" for name, value in study.overrides.items())
        parts.append(f'SET="{settings}"')
    return " ".join(parts)


def _beginning(epoch: int) -> str:
    return f"resumed at {epoch}" if epoch else "new"


def _spell(value: Setting) -> str:
    # Without spaces, which separate the settings of SET.
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
