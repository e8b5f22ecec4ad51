from io import BytesIO, StringIO
from math import nan

import pandas as pd
import pytest

from ftlab.reporting.trace.provenance import SourceTrial
from ftlab.tuning.bundle.histories import HISTORY_COLUMNS, epochs_csv, histograms_parquet, join_histories


def trial(seed: int) -> SourceTrial:
    return SourceTrial("a", f"k{seed}", seed, "finished", f"r{seed}", 90.0, "abc", "false")


@pytest.fixture
def joined() -> pd.DataFrame:
    first = pd.DataFrame(
        [
            {"epoch": 1, "name": "loss", "value": 0.1, "counts": None},
            {"epoch": 1, "name": "scores/positive", "value": nan, "counts": [0, 2]},
            {"epoch": 2, "name": "loss", "value": nan, "counts": None},
            {"epoch": 2, "name": "knn/top1", "value": 90.5, "counts": None},
        ]
    )
    second = pd.DataFrame([{"epoch": 1, "name": "loss", "value": 0.30000000000000004, "counts": None}])
    empty = pd.DataFrame(columns=HISTORY_COLUMNS)
    return join_histories([(trial(0), first), (trial(1), empty), (trial(2), second)])


def test_scalars_stand_in_a_row_an_epoch(joined: pd.DataFrame) -> None:
    assert epochs_csv(joined) == (
        "cell,seed,trial_key,epoch,knn/top1,loss\na,0,k0,1,,0.1\na,0,k0,2,90.5,\na,2,k2,1,,0.30000000000000004\n"
    )
    read = pd.read_csv(StringIO(epochs_csv(joined)))
    assert read["loss"].iloc[2] == 0.30000000000000004


def test_histograms_keep_their_counts(joined: pd.DataFrame) -> None:
    (row,) = pd.read_parquet(BytesIO(histograms_parquet(joined))).to_dict("records")
    assert list(row.pop("counts")) == [0, 2]
    assert row == {"cell": "a", "seed": 0, "trial_key": "k0", "epoch": 1, "name": "scores/positive"}
    assert histograms_parquet(joined) == histograms_parquet(joined)


def test_no_history_gives_headings_alone() -> None:
    nothing = join_histories([])
    assert epochs_csv(nothing) == "cell,seed,trial_key,epoch\n"
    assert pd.read_parquet(BytesIO(histograms_parquet(nothing))).empty
