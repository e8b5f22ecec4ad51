"""The command that writes a trained backbone for another library."""

from pathlib import Path
from typing import Annotated

import typer

from ftlab.config.home import ftlab_home
from ftlab.encoders.backbones import Library, check_exportable
from ftlab.errors import CheckpointError
from ftlab.reporting.printed.metric_labels import metric_label
from ftlab.terminal.console import complain, say
from ftlab.tracking.opening import open_tracker

app = typer.Typer()

Run = Annotated[str, typer.Argument(help="Key, run id or name of a trial, or the first characters of a key or id.")]
To = Annotated[Library, typer.Option(help="Library that will load the weights.")]
Output = Annotated[Path | None, typer.Option(help="File for the weights (.pth); by default one below backbones/.")]
Force = Annotated[bool, typer.Option("--force", help="Replace existing files.")]
Retrain = Annotated[bool, typer.Option("--retrain", help="Train the trial again if its final checkpoint is gone.")]


@app.command("export-backbone")
def export_backbone(run: Run, to: To, output: Output = None, force: Force = False, retrain: Retrain = False) -> None:
    """Write the trained query encoder's backbone so that another library loads it with strict=True."""
    from ftlab.publish.backbone_file import BackboneFile, default_file, write_backbone
    from ftlab.running.final_state import differing_metrics, load_final_state
    from ftlab.running.final_state import retrain as train_again
    from ftlab.study.recorded_trial import find_recorded

    home = ftlab_home()
    found = find_recorded(open_tracker(home.local).load_trials(), run)
    model = found.trial.config.model
    check_exportable(model.backbone, model.stem, to)
    file = BackboneFile(output) if output else default_file(found, to)
    file.check_free(force=force)
    try:
        state = load_final_state(found.trial, home)
    except CheckpointError as error:
        if not retrain:
            again = f"ftlab export-backbone {found.trial.key} --to {to} --retrain"
            raise CheckpointError(f"{error} To train it again without recording anything: {again}") from error
        say(f"training {found.trial.name} again, {found.trial.epochs} epochs: {error}")
        state = train_again(found, home, lambda result: say(f"epoch {result.epoch} of {found.trial.epochs}"))
    for name, (here, recorded) in differing_metrics(state, found).items():
        complain(
            f"{metric_label(name)} of these weights is {here:.10g}, but {recorded:.10g} is recorded: "
            "other hardware or versions trained it"
        )
    lines = write_backbone(found, state, to, file, home, force=force)
    say(f"{file.path}: {model.backbone} of {found.trial.name}, for {to}; {file.companion} says how it was trained")
    for line in lines:
        say(f"  {line}")
