"""Arguments and options that several commands share, and the study that they select."""

import re
from pathlib import Path
from typing import Annotated

import typer

from ftlab.config.loading import check_weights_file, parse_overrides
from ftlab.config.section import MANY
from ftlab.config.weights_file import WeightsConfig
from ftlab.encoders.backbones import RESNETS, Layout
from ftlab.errors import ConfigError
from ftlab.reporting.table.statistics import Interval
from ftlab.reporting.writers.tex_style import TexStyle
from ftlab.seeding.auto import AutoSeeds, parse_seeds
from ftlab.study.spec import MAX_TRIALS, StudySpec, load_study

_BEFORE_A_NAME = re.compile(r"(?<!\s)\s++(?=[A-Za-z_][\w.]*=)")

Experiment = Annotated[str, typer.Argument(help="Name of an experiment: a file in experiments/, without .yaml.")]
Profile = Annotated[
    str,
    typer.Option(metavar="NAME", help="Name of a profile (the scale): a file in experiments/profiles/, without .yaml."),
]
Seeds = Annotated[
    str | None,
    typer.Option(
        metavar="N|auto",
        help="Trials per cell, or auto to add seeds where they matter; by default the experiment's number.",
    ),
]
MaxTrials = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, max=MAX_TRIALS, help="Most trials that the table may hold with --seeds auto."),
]


def split_settings(texts: list[str] | None) -> list[str]:
    """Part texts of one or more settings before each ``name=`` that follows a space; other spaces belong to a value.

    >>> split_settings(["data.root=/data/my images train.epochs=2"])
    ['data.root=/data/my images', 'train.epochs=2']
    """
    return [setting for text in texts or [] for setting in _BEFORE_A_NAME.split(text.strip())]


Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        callback=split_settings,
        help="Settings for every trial, as name=value; may be repeated.",
    ),
]
Cpus = Annotated[
    int | None, typer.Option(metavar="N", min=1, max=MANY, help="CPU cores of this machine to use; by default all.")
]
Gpus = Annotated[
    int | None, typer.Option(metavar="N", min=0, max=MANY, help="GPUs of this machine to use; by default all.")
]
Share = Annotated[bool, typer.Option(help="Train common prefixes of trials once; the results stay the same.")]
IntervalKind = Annotated[
    Interval,
    typer.Option("--interval", help="Kind of 95% interval of means: Student's t, or, from ten seeds, a BCa bootstrap."),
]
TableStyle = Annotated[
    TexStyle,
    typer.Option(
        "--style",
        help="Style of table.tex: compact for a column of a paper, wide for two columns, full for an appendix.",
    ),
]
On = Annotated[
    list[str] | None,
    typer.Option(
        metavar="IMAGES",
        help="Images to judge on: the name of a data set, or folder:PATH of one with train/ and test/ class folders; "
        "linear:, finetune: or another probe before it asks that alone, @100 behind it makes a long tail; "
        "may be repeated. By default the evaluations of the experiment, or else of the profile.",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="File of weights made elsewhere: .safetensors, or what torch.save wrote."),
]
Kind = Annotated[
    Layout | None,
    typer.Option(help="Library whose names the weights have; torchvision, the default, and timm have the same."),
]
Prefix = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="What stands before these names in the file, such as module.encoder_q."),
]
Model = Annotated[
    str | None,
    typer.Option(metavar="NAME", help=f"ResNet of the weights: {', '.join(RESNETS)}; by default resnet50."),
]
RowName = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Name of the weights' row; by default that of the file.")
]
ImageSize = Annotated[
    int | None, typer.Option(metavar="N", help="Side of the images that the weights see; by default the profile's.")
]
Mean = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBERS",
        help="Mean of each channel that the weights were trained with, for intensities in [0, 1], with spaces or "
        "commas between them; by default ImageNet's.",
    ),
]
Std = Annotated[str | None, typer.Option(metavar="NUMBERS", help="Deviation of each channel, likewise.")]
Port = Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="Port of this machine.")]
Results = Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of tables and figures.")]


def load_asked(
    experiment: str, profile: str, seeds: str | None, overrides: list[str] | None, max_trials: int | None = None
) -> tuple[StudySpec, AutoSeeds | None]:
    """Return the study with the first seeds of every cell, and the rule for further seeds if there is one."""
    asked = parse_seeds(seeds, max_trials)
    auto, num_seeds = (asked, asked.rule.first_seeds) if isinstance(asked, AutoSeeds) else (None, asked)
    study = load_study(experiment, profile, num_seeds=num_seeds, overrides=parse_overrides(overrides or []))
    if auto is not None:
        auto.check_study(study)
    return study, auto


def asked_weights(
    file: Path | None, *, mean: str | None, std: str | None, **settings: str | int | None
) -> WeightsConfig | None:
    """Return the weights made elsewhere that options describe; None without a file.

    Args:
        file: The file.
        mean: Mean of each channel.
        std: Deviation of each channel.
        settings: The other settings of `WeightsConfig`; None leaves its default.

    Raises:
        ConfigError: A value breaks a rule, or there are settings without a file.
    """
    asked = {**settings, "mean": _numbers("mean", mean), "std": _numbers("std", std)}
    given = {name: value for name, value in asked.items() if value is not None}
    if file is not None:
        return check_weights_file({"file": str(file), **given})
    if given:
        option = f"--{next(iter(given)).replace('_', '-')}"
        raise ConfigError(f"{option} describes weights made elsewhere, but got none; add --weights FILE.")
    return None


def _numbers(option: str, text: str | None) -> list[float] | None:
    try:
        return [float(part) for part in text.replace(",", " ").split()] if text else None
    except ValueError as error:
        raise ConfigError(f"--{option} must be numbers, but got {text!r}; e.g. '0.485 0.456 0.406'.") from error
