"""What optuna-dashboard shows of a search: names of objectives, both scales, the best so far, known configurations."""

from collections.abc import Callable
from typing import Any

from optuna_dashboard import save_note
from optuna_dashboard._note import get_note_from_system_attrs

from ftlab.search.scope import SearchSpec

MakeSearch = Callable[..., SearchSpec]
OpenLaboratory = Callable[..., Any]

HAND_MADE = {"name": "hand-made", "set": {"transform.start": 0.3}}


def note(laboratory: Any, trial_id: int | None = None) -> str:
    study = laboratory.ledger.study
    return str(get_note_from_system_attrs(study._storage.get_study_system_attrs(study._study_id), trial_id)["body"])


def test_objectives_are_named_and_the_note_tells_the_best_so_far(
    make_search: MakeSearch, open_laboratory: OpenLaboratory
) -> None:
    stopping = {"grace": 0.5, "reduction_factor": 2.0}
    spec = make_search(enqueue=[HAND_MADE], num_trials=3, early_stopping=stopping)
    laboratory = open_laboratory(spec)
    study = laboratory.ledger.study
    assert study.metric_names == ["few-shot top-1 (%)"]
    begun = note(laboratory)
    assert begun.startswith("# Which?\n\nThe objective is **few-shot top-1 (%)**, once, after the last epoch.")
    assert "Intermediate values are **kNN top-1 (%)**, another scale" in begun
    assert "Best so far" not in begun
    laboratory.end(laboratory.next_trial(), 80.0)
    assert note(laboratory).endswith("Best so far by few-shot top-1 (%):\n\n1. trial 0: 80.0 (hand-made)")
    laboratory.end(laboratory.next_trial(), 81.0)
    assert note(laboratory).endswith("\n\n1. trial 1: 81.0\n2. trial 0: 80.0 (hand-made)")
    first, second = study.get_trials()[:2]
    assert note(laboratory, first._trial_id).startswith("# hand-made")
    assert note(laboratory, second._trial_id) == ""
    # The next process goes on with the same note, and leaves one that a person wrote alone.
    told = note(laboratory)
    later = open_laboratory(spec)
    assert note(later) == told
    save_note(later.ledger.study, "mine")
    later.end(later.next_trial(), 82.0)
    assert note(later) == "mine"


def test_one_scale_needs_no_words(make_search: MakeSearch, open_laboratory: OpenLaboratory) -> None:
    laboratory = open_laboratory(make_search(objectives=["accuracy", "cost"]))
    assert laboratory.ledger.study.metric_names == ["few-shot top-1 (%)", "hours x devices"]
    assert "Intermediate" not in note(laboratory)
