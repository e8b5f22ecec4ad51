"""The reference of records: metrics, tags of runs, and files below FTLAB_HOME."""

from collections.abc import Iterator
from dataclasses import fields

from markdown_text import code, described, page, table
from product_sources import names_in_code

from ftlab.contrast.score_statistics import AFTER_FT, SCORE_STATISTICS, ScoreStatistic
from ftlab.machine.facts import PACKAGES, collect_provenance
from ftlab.machine.hardware import Hardware
from ftlab.methods.prototype_prediction import SCORES, SEEN_SCORES
from ftlab.methods.simsiam import SimSiam
from ftlab.methods.swav import COLLAPSE_SIGNS
from ftlab.reporting.printed.metric_labels import METRIC_LABELS

# The names of metrics in the code; parts of names end in a slash.
METRIC = r'"((?:pretrain|health|knn|probe|scores|features|codes|finetune|long_tail)/[a-z0-9_]+|[a-z]+_seconds)"'
METRICS = {
    "pretrain/loss": "Loss of the pretraining, mean over the epoch's steps.",
    "pretrain/learning_rate": "Learning rate of the epoch's last step.",
    "probe/top1": "Accuracy of the linear evaluation on test images, in %, at the end.",
    "probe/few_shot_top1": "Accuracy of the nearest centroid of a few labels, in %, mean over draws, at the end.",
    "knn/top1": "Accuracy of the nearest neighbours, in %, every `probe.every` epochs.",
    "finetune/top1": "Accuracy of the fine-tuned network on test images, in %, at the end, with `probe.finetune`.",
    **{
        f"{family}/{group}_top1": f"Mean accuracy of {classes} {classifier}, in %, at the end, with `probe.long_tail`."
        for family, classifier in (("long_tail", "by the linear evaluation"), ("finetune", "by the fine-tuned network"))
        for group, classes in (
            ("balanced", "all classes"),
            ("many", "classes with many training images"),
            ("medium", "classes between many and few"),
            ("few", "classes with few training images"),
        )
    },
    "health/backbone_rankme": "Effective rank of the backbone's features (RankMe, arXiv 2210.02885).",
    "health/embedding_rankme": "The same of the projections.",
    "health/alignment": "Mean squared distance of an image's two views on the unit sphere (arXiv 2005.10242).",
    "health/uniformity": "Logarithm of the mean Gaussian potential of all pairs (arXiv 2005.10242).",
    "health/feature_std": "Deviation of unit projections times the square root of their dimension: 1 spread, 0 one.",
    "train_seconds": "Seconds of the epoch's steps.",
    "epoch_seconds": "Seconds of its steps and its probes.",
}
TAGS = {
    "ftlab.layout": "Version of this layout, on the experiment.",
    "ftlab.kind": "`study` for a table's run, `trial` for a trial's.",
    "ftlab.driver": "The process that writes the run.",
    "ftlab.study": "The study: experiment, profile and a mark of overrides.",
    "ftlab.trial_key": "Digest that names the trial.",
    "ftlab.cell_key": "The same without the seed: equal for the trials of a cell.",
    "ftlab.cell": "Name of the trial's row in the table of its study.",
    "ftlab.reference": "Run of another study that this row only points to.",
    "ftlab.seed": "Seed of the trial.",
    "ftlab.status": "`running`, `interrupted`, `finished`, `collapsed`, `failed` or `pruned`.",
    "ftlab.reason": "Reason why it did not finish, or why it collapsed.",
    "ftlab.collapse": "`true` on a trial that collapsed.",
    "ftlab.copy_of": "Run of another store that this one is a copy of (`make migrate`).",
    "ftlab.copy": "State of that copy: `begun`, `complete`.",
    "ftlab.profile": "Profile of a study.",
    "ftlab.metric": "Metric of its table.",
    "ftlab.overrides": "Its overrides, as JSON.",
    "ftlab.question": "Its question.",
    "mlflow.note.content": "Description of a study, shown by MLflow.",
    "mlflow.parentRunId": "Run of the trial's study.",
    "data.fingerprint": "Digest of the images.",
    "data.skipped": "Unreadable images that were left out.",
    "compile.fallback": "Reason why the encoders were not compiled.",
    "files.refused": "Reason why the store refused the trial's files.",
    "version.numerics": "Version of the numerics.",
    "version.evaluation": "Version of the probes.",
    "key.pretraining": "Digest that names the pretraining.",
    "backbone.digest": "SHA-256 of the kept backbone.",
    "evaluation.of": "Where nothing was trained: digest of the trial, or of weights made elsewhere, that it judged.",
    "evaluation.task": "Name of the other images that a kept backbone was judged on.",
    "key.evaluation.": "Followed by a probe's name: digest that names that evaluation.",
    "git.commit": "Commit of the code.",
    "git.dirty": "Whether files differed from it.",
    "hardware.host": "Name of the machine.",
    "hardware.cpu": "Model of its CPU.",
    "hardware.cores": "Cores that the process could use.",
    "hardware.device": "Device of the trial: `cpu` or a GPU's name.",
    "hardware.threads": "Threads of the trial.",
    "hardware.together": "Trials at a time on the device.",
    "hardware.cluster": "Address of the Ray cluster; empty on one machine.",
    "python": "Version of Python.",
    "version.PACKAGE": f"Versions of {', '.join(PACKAGES)}, and of packages that add methods or data.",
}
HOME = {
    "trials": "The journal: a file a trial, with every epoch. It outlives an unreachable or damaged store.",
    "mlflow.db": "The tracking store (SQLite), unless `MLFLOW_TRACKING_URI` names another.",
    "artifacts": "Files of that store: score histories, tables, figures.",
    "optuna.db": "Searches, unless `OPTUNA_STORAGE` names another place.",
    "checkpoints": "Checkpoints of unfinished trials, named by what they hold; removed when no trial needs them.",
    "plans": "The trials that each unfinished study still needs checkpoints for.",
    "cache": "Decoded images, a folder a fingerprint; made again when it is gone.",
    "data": "Data sets that are downloaded or put there.",
    "backbones": "Weights of trained encoders, for questions that need no training, and features computed by them; "
    "`FTLAB_BACKBONES` bounds both.",
    "tables": "The kept backbones that each table refers to: those are never deleted.",
    "transfers": "Accuracies of kept backbones on other images.",
    "floors": "Accuracies without training, for the last rows of tables.",
    "sweeps": "What the last sweep of each study showed: the same command shows it again while nothing has changed.",
    "costs": "Calibrated times and memory, for estimates.",
    "locks": "Locks of running sweeps and claimed trials.",
    "ray": "Files of Ray Tune while a sweep runs.",
}


def records_text() -> str:
    """Return the page of metrics, tags and files."""
    names = described(tags_used(), TAGS, "tag")
    tags = [(code(f"{name}PROBE" if name.endswith(".") else name), text) for name, text in names]
    home = [(code(name), text) for name, text in described(home_files(), HOME, "file below FTLAB_HOME")]
    metrics = [(code(name), *words) for name, *words in metric_rows()]
    return page(
        "Records: metrics, tags and files",
        "## Metrics",
        "Every metric is recorded once an epoch; those of probes when the probe is taken. `metric` and `metrics` of an "
        "experiment or profile choose among the accuracies. Scores are cosine similarities and have no unit.",
        table(("metric", "what it is", "in tables"), metrics),
        "## Tags of runs",
        "A study is a parent run in MLflow, its trials are child runs. Parameters are settings that have an effect.",
        table(("tag", "meaning"), tags),
        "## Files below `FTLAB_HOME`",
        "On a cluster some lie elsewhere: [where things lie](../tutorials/cluster.md#where-things-lie).",
        table(("name", "what it is"), home),
        "Everything may be moved or copied as a whole while no command runs.",
    )


def metric_rows() -> Iterator[tuple[str, str, str]]:
    """Yield each metric with its meaning and its name in tables."""
    statistics = {each.name: _meaning(each) for each in _statistics() if each.is_reported}
    silent = {each.name for each in _statistics() if not each.is_reported}
    # Names of histograms are no metrics.
    named = [name for name in names_in_code(METRIC, "training", "methods", "contrast") if name not in silent]
    named = [name for name in named if name not in ("scores/positive", "scores/negative")]
    meanings = {**METRICS, **statistics}
    order = {name: place for place, name in enumerate(meanings)}
    names = sorted({*named, *statistics}, key=lambda name: order.get(name, len(order)))
    for name, meaning in described(names, meanings, "metric"):
        yield name, meaning, METRIC_LABELS.get(name, "")


def tags_used() -> list[str]:
    """Return the names of all tags that runs may have."""
    constants = names_in_code(r'(?m)^[A-Z_]+_TAG = "([\w.]+)"', "study", "tracking", "running")
    of_studies = names_in_code(r'"(ftlab\.[a-z]+)": ', "running")
    facts = [name for name in collect_provenance() if not name.startswith("version.")]
    hardware = [f"hardware.{field.name}" for field in fields(Hardware)]
    return [*constants, *of_studies, *facts, *hardware, "version.PACKAGE"]


def home_files() -> list[str]:
    """Return the names of files and folders below FTLAB_HOME."""
    here, shared = r'\bhome / "([\w.]+)"', r'\.shared\("(\w+)"\)'
    records = r'(?m)(?:^RECORDS|\bfolder: str) = "(\w+)"'
    return [*names_in_code(here), *names_in_code(shared), *names_in_code(records, "engine", "running")]


def _statistics() -> list[ScoreStatistic]:
    scores = (*SCORE_STATISTICS, *SCORES, *SEEN_SCORES, *COLLAPSE_SIGNS, *SimSiam.statistics)
    return list({each.name: each for each in scores}.values())


def _meaning(statistic: ScoreStatistic) -> str:
    label = statistic.label[0].upper() + statistic.label[1:]
    if not statistic.name.startswith("scores/"):
        return f"{label}."
    return f"{label}, {'after' if statistic.name.endswith(AFTER_FT) else 'before'} FT."
