"""The reference of the surroundings: environment variables and the variables of make."""

import re

from commands_page import MAKEFILE
from markdown_text import code, described, page, table
from product_sources import variables_read

VARIABLES = {
    "FTLAB_CACHE": "Folder of what each node makes for itself, such as the image cache. Default: below `FTLAB_HOME`; "
    "`~/.cache/ftlab` where that is a URI.",
    "FTLAB_COMMIT": "Commit that runs are tagged with where there is no repository, as in an image of `docker/`.",
    "FTLAB_EXPERIMENTS": "Folder of experiments, in place of `experiments/` of the project here or of ftlab's own.",
    "FTLAB_HOME": "Folder or URI of everything that ftlab keeps. Default: `.ftlab` where the command runs.",
    "FTLAB_METRICS_HOST": "Address that metrics are served on. Default: `127.0.0.1`.",
    "FTLAB_METRICS_PORT": "Port on which a sweep or search serves metrics for Prometheus. Default: none are served.",
    "MLFLOW_LOGGING_LEVEL": "How much MLflow says. Default: `WARNING`.",
    "MLFLOW_TRACKING_URI": "Tracking store: `http://SERVER`, `sqlite:////PATH` or `postgresql://...`. Default: "
    "`mlflow.db` in `FTLAB_HOME`.",
    "OPTUNA_STORAGE": "Database of searches. Default: `optuna.db` in `FTLAB_HOME`.",
    "RAY_ADDRESS": "`HOST:PORT` of a running Ray cluster. Default: Ray on this machine, while the command runs.",
    "RAY_TMPDIR": "Folder of Ray's files and sockets, at most 39 bytes long. Default: a short one is found.",
}
# Read by the libraries that ftlab uses.
OTHERS = {
    "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY": "Credentials of an object store that `FTLAB_HOME` or MLflow names.",
    "CUDA_VISIBLE_DEVICES": "GPUs that trials may use.",
    "MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD": "Account of an MLflow server.",
    "RAY_AUTH_MODE, RAY_AUTH_TOKEN": "`token`, and the token of the Ray cluster.",
    "TMPDIR": "Folder of temporary files.",
}
MAKE = {
    "EXP": "Experiment or search: a file in `experiments/`, without `.yaml`.",
    "PROFILE": "Profile: a file in `experiments/profiles/`, without `.yaml`.",
    "SEEDS": "Trials a cell, or `auto`. Default: the experiment's number.",
    "MAX_TRIALS": "Most trials of a table with `SEEDS=auto`.",
    "ON": "Images that kept backbones are judged on: a data set, or `folder:/path`.",
    "WEIGHTS": "File of weights made elsewhere, for `make evaluate` and `make features`.",
    "KIND": "Library whose names the weights have: `torchvision`, `timm` or `lightly`.",
    "PREFIX": "What stands before these names, such as `module.encoder_q.`",
    "MODEL": "ResNet of the weights. Default: `resnet50`.",
    "NAME": "Name of the weights' row.",
    "IMAGE_SIZE": "Side of the images that the weights see, in pixels. Default: the profile's.",
    "MEAN": "Mean of each channel that the weights were trained with. Default: ImageNet's.",
    "STD": "Deviation of each channel, likewise.",
    "TRIALS": "Configurations of a search.",
    "SET": 'Settings for every trial: `SET="train.epochs=50 method.queue_size=2048"`.',
    "CPUS": "CPU cores to use. Default: all.",
    "GPUS": "GPUs to use. Default: all.",
    "ONLY": "The one benchmark of `make bench`.",
    "SHARE": "`0` trains common prefixes of trials apart.",
    "INTERVAL": "`bca`: bootstrap intervals, from ten seeds.",
    "STYLE": "Style of `table.tex`: `compact` for a column of a paper, `wide` for two columns, `full` for an appendix.",
    "PORT": "Port of a page.",
    "SOAK_MINUTES": "Length of `make soak`.",
    "RESULTS": "Folder of tables and figures.",
    "CELL": "The cell that `make explain` explains.",
    "OUTPUT": "File or folder to write to.",
    "ARCHIVE": "`zip` or `tar.gz`: packs a bundle.",
    "CLUSTER": "`compose`: sweeps on the stack of `make up`.",
    "WORKERS": "Ray workers of the stack.",
    "TO": "Store that `make migrate` writes to; library that `make export-backbone` writes for.",
    "FROM": "Another home, for `make import-journal`.",
    "ARTIFACTS": "Folder of files, where `make migrate` writes to a database.",
    "DRY_RUN": "`1`: `make migrate` and `make evaluate` only say what they would do.",
    "RUN": "Trial that `make export-backbone` and `make features` take: its key, run or name.",
    "RETRAIN": "`1`: `make export-backbone` and `make evaluate` train trials again whose weights are gone.",
    "MINUTES": "Length of `make gpu-day`.",
    "DEVICE": "`cpu` tries `make gpu-day` without a GPU.",
    "SMALL": "`1`: a small `make gpu-day`, to try it.",
    "RAY": "`1`: `make gpu-day` runs a sweep by Ray.",
    "ALL": "`1`: `make gpu-day-pack` packs Ray and MLflow too.",
    "PHOTOGRAPHS": "Archive of photographs for `make gpu-day-pack`.",
    "HAVE": "`pip freeze` of the GPU machine, for `make gpu-day-pack`.",
    "FOR": "Python version of the GPU machine.",
    "PACK": "Part of a pack that `make gpu-day` takes in.",
    "PYTHON": "Python that `.venv` is made of, once.",
    "COMPOSE": "`podman compose`, in place of `docker compose`.",
}


def surroundings_text() -> str:
    """Return the page of the variables."""
    rows = [(code(name), meaning) for name, meaning in described(variables_read(), VARIABLES, "environment variable")]
    others = [(", ".join(map(code, names.split(", "))), meaning) for names, meaning in OTHERS.items()]
    pattern = r"^([A-Z_]+) \?= ?(.*)$"
    defaults = dict(re.findall(pattern, MAKEFILE.read_text("utf-8"), re.MULTILINE))
    make = [
        (code(name), code(defaults[name]) if defaults[name] else "", meaning)
        for name, meaning in described(defaults, MAKE, "variable of make")
    ]
    return page(
        "Environment and make variables",
        "## Environment variables",
        table(("variable", "meaning"), rows),
        "Libraries read others, of which these matter most:",
        table(("variables", "meaning"), others),
        "## Variables of `make`",
        "Written after the target: `make sweep EXP=queue SEEDS=3`. One that the shell exports counts too, and is named "
        "in the first line.",
        table(("variable", "default", "meaning"), make),
    )
