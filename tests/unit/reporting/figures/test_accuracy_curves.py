from dataclasses import replace

import pandas as pd

from ftlab.reporting.figures.accuracy_curves import AccuracyCurves, accuracy_curves
from ftlab.reporting.figures.histories import Histories, LeftOut
from ftlab.reporting.pages.accuracy_chart import accuracy_chart
from ftlab.reporting.table.ablation import AblationTable


def judged(histories: Histories, name: str, epochs: tuple[int, ...]) -> Histories:
    keys = ("0.5-0", "0.99-0", "0.99-1")
    rows = [(key, epoch, name, 10.0 * epoch + place) for place, key in enumerate(keys) for epoch in epochs]
    more = pd.DataFrame(rows, columns=histories.metrics.columns)
    return replace(histories, metrics=pd.concat([histories.metrics, more], ignore_index=True))


def test_a_metric_that_was_judged_at_the_end_alone_leaves_its_place_to_another(
    momentum_table: AblationTable, momentum_histories: Histories
) -> None:
    histories = judged(judged(momentum_histories, "probe/few_shot_top1", (2,)), "knn/top1", (1, 2))
    curves = accuracy_curves(momentum_table, histories)
    assert isinstance(curves, AccuracyCurves)
    assert (curves.metric, curves.label, curves.legend) == ("knn/top1", "kNN top-1 (%)", "key momentum")
    assert [cell.label for cell in curves.cells] == ["0.5", "0.99"]
    curve = curves.cells[1].curves["knn/top1"]
    assert (curve.places, curve.mean, curve.low, curve.high) == ((1, 2), (11.5, 21.5), (11, 21), (12, 22))
    assert "Not recorded: 0.9, 1.0." in curves.note


def test_the_metric_of_the_table_comes_first(momentum_table: AblationTable, momentum_histories: Histories) -> None:
    histories = judged(judged(momentum_histories, "probe/few_shot_top1", (1, 2)), "knn/top1", (1, 2))
    curves = accuracy_curves(momentum_table, histories)
    assert isinstance(curves, AccuracyCurves)
    drawn = accuracy_chart(curves)
    assert drawn.layout.yaxis.title.text == "few-shot top-1 (%)"
    assert [trace.name for trace in drawn.data if trace.name] == ["0.5", "0.99"]


def test_without_a_judgement_during_training_there_is_a_reason(
    momentum_table: AblationTable, momentum_histories: Histories
) -> None:
    reason = LeftOut("no accuracy was judged before the last epoch")
    assert accuracy_curves(momentum_table, momentum_histories) == reason
