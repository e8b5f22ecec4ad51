from io import BytesIO, StringIO
from math import nan

import pandas as pd

from ftlab.publish.bundle.epochs import epochs_csv, histograms_parquet
from ftlab.reporting.trace.provenance import SourceTrial
from ftlab.tracking.records import HISTORY_COLUMNS, HistoryPart


def trial(cell: str, seed: int) -> SourceTrial:
    return SourceTrial(cell, f"k{seed}", seed, "finished", f"r{seed}", 90.0, "abc", "false")


# Two cells share the last trial; the second left no record.
TRIALS = [trial("a", 0), trial("a", 1), trial("a", 2), trial("b", 2)]


def frame(part: HistoryPart, *rows: tuple[object, ...]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=list(HISTORY_COLUMNS[part]))
    return made.astype({"trial_key": "category", "name": "category"})


def test_scalars_stand_in_a_row_an_epoch() -> None:
    metrics = frame(
        HistoryPart.METRICS,
        ("k0", 1, "loss", 0.1),
        ("k0", 2, "loss", nan),
        ("k0", 2, "knn/top1", 90.5),
        ("k2", 1, "loss", 0.30000000000000004),
    )
    text = epochs_csv(TRIALS, metrics)
    assert text == (
        "cell,seed,trial_key,epoch,knn/top1,loss\n"
        "a,0,k0,1,,0.1\n"
        "a,0,k0,2,90.5,\n"
        "a,2,k2,1,,0.30000000000000004\n"
        "b,2,k2,1,,0.30000000000000004\n"
    )
    assert pd.read_csv(StringIO(text))["loss"].iloc[2] == 0.30000000000000004


def test_histograms_keep_their_counts() -> None:
    histograms = frame(
        HistoryPart.HISTOGRAMS,
        ("k0", 1, "scores/positive", [0, 2], -9.0, 1.0),
        ("k2", 1, "scores/positive", [1, 1], -1.0, 1.0),
    )
    content = histograms_parquet(TRIALS, histograms)
    first, *others = pd.read_parquet(BytesIO(content)).to_dict("records")
    assert list(first.pop("counts")) == [0, 2]
    assert (first.pop("low"), first.pop("high")) == (-9.0, 1.0)
    assert first == {"cell": "a", "seed": 0, "trial_key": "k0", "epoch": 1, "name": "scores/positive"}
    assert [row["cell"] for row in others] == ["a", "b"]
    assert histograms_parquet(TRIALS, histograms) == content


def test_no_history_gives_headings_alone() -> None:
    assert epochs_csv(TRIALS, frame(HistoryPart.METRICS)) == "cell,seed,trial_key,epoch\n"
    assert pd.read_parquet(BytesIO(histograms_parquet(TRIALS, frame(HistoryPart.HISTOGRAMS)))).empty
