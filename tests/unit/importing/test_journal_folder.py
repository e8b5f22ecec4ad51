from pathlib import Path
from typing import Any

import pytest

from ftlab.errors import TrackingError
from ftlab.importing.journal_folder import find_trial_files

Lab = Any  # of conftest.py


def test_a_home_and_its_folder_of_trials_are_found(lab: Lab, tmp_path: Path) -> None:
    paths = sorted([lab.record(1), lab.record(0)])
    (lab.trials / f"._{paths[0].name}").write_bytes(b"what a Mac leaves beside a file")
    (lab.trials / "notes.txt").touch()
    for folder in (lab.folder, lab.trials, f"{lab.folder}/"):
        assert find_trial_files(str(folder), tmp_path / "home" / "trials") == paths


def test_links_and_folders_are_found_to_be_refused_one_by_one(lab: Lab, tmp_path: Path) -> None:
    path = lab.record()
    (lab.trials / f"{'0' * 32}.jsonl").symlink_to(path)
    (lab.trials / f"{'1' * 32}.jsonl").mkdir()
    assert len(find_trial_files(str(lab.trials), tmp_path)) == 3


def test_what_holds_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    for folder, reason in {
        "": "but got '': it does not exist",
        str(tmp_path / "nowhere"): r"but got '.*nowhere': it does not exist",
        str(tmp_path / "file"): r"but got '.*file': it is no folder",
        str(tmp_path / "empty"): r"but .*empty holds no such file",
        f"/{'a' * 300}": r"but got '.*': File name too long",
    }.items():
        with pytest.raises(TrackingError, match=rf"FROM must be a folder of <trial_key>\.jsonl files, .*{reason}"):
            find_trial_files(folder, tmp_path / "home" / "trials")


def test_the_journal_of_this_home_is_no_other(ours: Lab) -> None:
    ours.record()
    for folder in (ours.folder, ours.trials):
        with pytest.raises(TrackingError, match=r"of another home, but .* is the journal of FTLAB_HOME itself"):
            find_trial_files(str(folder), ours.trials)


def test_a_home_whose_trials_are_a_link_is_named_with_where_it_leads(lab: Lab, tmp_path: Path) -> None:
    lab.record()
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "trials").symlink_to(lab.trials)
    with pytest.raises(TrackingError, match=rf"trials is a link; nearest valid: FROM={lab.trials}"):
        find_trial_files(str(tmp_path / "linked"), tmp_path / "home" / "trials")
