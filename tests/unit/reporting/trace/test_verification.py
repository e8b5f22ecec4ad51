from collections.abc import Callable

import pandas as pd

from ftlab.reporting.trace.provenance import Provenance
from ftlab.reporting.trace.verification import verify_table

MakeTrial = Callable[..., dict[str, object]]


def test_what_was_just_written_is_confirmed(
    provenance: Provenance, files: dict[str, str], recorded: pd.DataFrame
) -> None:
    found = verify_table(provenance, files, recorded)
    assert (found.problems, found.notes) == ((), ())


def test_an_edited_mean_names_its_cell(provenance: Provenance, files: dict[str, str], recorded: pd.DataFrame) -> None:
    edited = {**files, "table.csv": files["table.csv"].replace("90.85", "91.85", 1)}
    assert verify_table(provenance, edited, recorded).problems == (
        "table.csv: cell key_momentum=0.99, column mean: 91.85 in the file, 90.85 recomputed",
    )


def test_an_edited_paper_table_names_its_line(
    provenance: Provenance, files: dict[str, str], recorded: pd.DataFrame
) -> None:
    edited = {**files, "table.tex": files["table.tex"].replace("90.8", "98.0")}
    (problem,) = verify_table(provenance, edited, recorded).problems
    assert problem.startswith("table.tex: line ")
    assert "98.0" in problem


def test_further_seeds_are_no_error(
    provenance: Provenance, files: dict[str, str], recorded: pd.DataFrame, make_trial: MakeTrial
) -> None:
    further = [make_trial(0.9, seed, "finished", 75.0) for seed in (2, 3)]
    later = pd.concat([recorded, pd.DataFrame([*further, make_trial(0.9, 4, "running", 1.0)])], ignore_index=True)
    found = verify_table(provenance, files, later)
    assert found.problems == ()
    assert found.notes == ("cell key_momentum=0.9: 2 further seeds are recorded",)


def test_a_trial_that_is_gone_is_named(provenance: Provenance, files: dict[str, str], recorded: pd.DataFrame) -> None:
    found = verify_table(provenance, files, recorded[recorded["trial_key"] != "0.99-1"])
    assert found.problems == ("cell key_momentum=0.99, trial 0.99-1 (seed 1): gone from the tracking store",)


def test_a_result_that_changed_is_named_and_so_is_an_edited_file(
    provenance: Provenance, files: dict[str, str], recorded: pd.DataFrame
) -> None:
    changed = recorded.assign(**{"knn/top1": recorded["knn/top1"].replace(91.4, 95.0)})
    edited = {**files, "table.md": files["table.md"] + "more"}
    assert verify_table(provenance, edited, changed).problems == (
        "cell key_momentum=0.99, trial 0.99-1 (seed 1): kNN top-1 (%) was 91.4 when the table was written, "
        "and is 95.0 in the tracking store",
        "table.md: edited since it was written",
    )


def test_a_failed_trial_that_finished_later_is_named(
    provenance: Provenance, files: dict[str, str], recorded: pd.DataFrame
) -> None:
    changed = recorded.assign(status="finished", **{"knn/top1": recorded["knn/top1"].fillna(92.0)})
    problems = verify_table(provenance, files, changed).problems
    assert problems[1:] == (
        "cell key_momentum=0.99, trial 0.99-2 (seed 2): status was failed when the table was written, "
        "and is finished in the tracking store",
        "cell key_momentum=0.99, trial 0.99-2 (seed 2): kNN top-1 (%) was None when the table was written, "
        "and is 92.0 in the tracking store",
    )
    assert "trial 0.9-0 (seed 0): status was collapsed" in problems[0]


def test_another_metric_that_changed_in_the_store_is_not_blamed_on_the_file(
    provenance: Provenance, files: dict[str, str], recorded: pd.DataFrame
) -> None:
    changed = recorded.assign(**{"pretrain/loss": recorded["pretrain/loss"].replace(91.4 / 3, 1.5)})
    assert verify_table(provenance, files, changed).problems == (
        f"trials.csv: cell key_momentum=0.99, trial 0.99-1, column pretrain/loss: {91.4 / 3!r} in the file, "
        "1.5 recomputed (the file is as it was written)",
    )
