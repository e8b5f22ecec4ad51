"""The commands that write what other programs read: a trained backbone, and features of frozen ones."""

from pathlib import Path
from typing import Annotated

import typer

from ftlab.cli.options import (
    ImageSize,
    Kind,
    Mean,
    Model,
    On,
    Overrides,
    Prefix,
    Profile,
    RowName,
    Std,
    Weights,
    asked_weights,
)
from ftlab.config.home import ftlab_home
from ftlab.config.loading import load_profile, parse_overrides
from ftlab.encoders.backbones import Library, check_exportable
from ftlab.errors import CheckpointError, ConfigError
from ftlab.reporting.printed.metric_labels import metric_label
from ftlab.study.spec import single_trial_study
from ftlab.terminal.console import complain, say
from ftlab.terminal.phase import phase
from ftlab.tracking.opening import open_tracker

app = typer.Typer()

Run = Annotated[str, typer.Argument(help="Key, run id or name of a trial, or the first characters of a key or id.")]
To = Annotated[Library, typer.Option(help="Library that will load the weights.")]
Output = Annotated[Path | None, typer.Option(help="File for the weights (.pth); by default one below backbones/.")]
TrialOf = Annotated[str | None, typer.Argument(help="Trial whose kept backbone it is: its key, run id or name.")]
Folder = Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of the files.")]
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


@app.command()
def features(
    run: TrialOf = None,
    on: On = None,
    output: Folder = Path("features"),
    profile: Profile = "digits",
    overrides: Overrides = None,
    weights: Weights = None,
    kind: Kind = None,
    prefix: Prefix = None,
    model: Model = None,
    name: RowName = None,
    image_size: ImageSize = None,
    mean: Mean = None,
    std: Std = None,
) -> None:
    """Write the features of a frozen backbone, with labels and provenance, as Parquet, a file for each data set.

    The backbone is that of a trial, by default with its own images, or of weights made elsewhere, which see images as
    the profile and its settings say.
    """
    from ftlab.assembly.process import make_device, prepare_process
    from ftlab.config.experiment import ResourcesConfig
    from ftlab.publish.feature_file import trial_transfers, weights_transfers, write_features
    from ftlab.running.transfer.weights_reader import read_weights
    from ftlab.study.recorded_trial import find_recorded

    home, resources = ftlab_home(), ResourcesConfig()
    beside = asked_weights(
        weights, kind=kind, prefix=prefix, model=model, name=name, image_size=image_size, mean=mean, std=std
    )
    if run is not None and beside is None:
        found = find_recorded(open_tracker(home.local).load_trials(), run)
        transfers = trial_transfers(found.trial, on or (), home)
    elif beside is not None and run is None:
        study = single_trial_study(profile, load_profile(profile), 0, parse_overrides(overrides or []))
        read = read_weights(beside)
        say(read.note)
        transfers = weights_transfers(read, on or study.evaluations, study.cells[0].config, home)
    else:
        got = "neither" if run is None else "both"
        raise ConfigError(
            f"features are those of a trial or of weights made elsewhere, but got {got}; e.g. RUN=<key>, WEIGHTS=FILE."
        )
    prepare_process(resources)
    for task, transfer in transfers.items():
        with phase(f"computing features of {task}"):
            path = write_features(transfer, task, output, home, make_device(resources.device))
        say(f"{path}: features of {task} by {transfer.name}")
