import json
from dataclasses import replace

import pandas as pd
import pytest

from ftlab.errors import ResultsError
from ftlab.reporting.table.ablation import Cell, Seeding
from ftlab.reporting.trace.definition import TableDefinition
from ftlab.reporting.trace.provenance import (
    Origin,
    Provenance,
    parse_provenance,
    provenance_text,
    text_digest,
    trace_table,
)


def test_a_provenance_reads_back_as_it_was_written(provenance: Provenance) -> None:
    text = provenance_text(provenance)
    assert provenance_text(parse_provenance(text, "provenance.json")) == text
    assert text == provenance_text(provenance)
    assert text.endswith("}\n")


def test_it_suffices_to_make_the_same_table(provenance: Provenance, recorded: pd.DataFrame) -> None:
    read = parse_provenance(provenance_text(provenance), "provenance.json")
    table = provenance.definition.tabulate(recorded)
    assert read.tabulate(recorded).rows == table.rows
    assert read.tabulate(recorded).published == table.published
    later = pd.concat([recorded, recorded.iloc[[3]].assign(trial_key="0.99-3", seed=3)])
    assert len(provenance.definition.tabulate(later).trials) == 6
    assert read.tabulate(later).rows == table.rows


def test_values_of_axes_keep_their_kind(origin: Origin, definition: TableDefinition, recorded: pd.DataFrame) -> None:
    axes = {"a": 1.0, "b": 1, "c": True, "d": "never", "e": None, "f": [1.0, 2.0], "g": "0.50"}
    described = replace(
        definition,
        cells=(Cell("key_momentum=0.99", axes, ("0.99-0", "0.99-9"), "cell-0.99"),),
        seeding=Seeding({"key_momentum=0.99": "best"}, "a rule"),
    )
    written = trace_table(origin, described, described.tabulate(recorded), recorded)
    read = parse_provenance(provenance_text(written), "provenance.json")
    assert dict(read.definition.cells[0].axes) == axes
    assert [type(value) for value in read.definition.cells[0].axes.values()] == [type(value) for value in axes.values()]
    assert read.definition.cells[0].trial_keys == ("0.99-0", "0.99-9")
    assert read.tabulate(recorded).rows[0].n_missing == 1
    assert read.definition.seeding == described.seeding


def test_trials_are_named_with_run_value_and_commit(provenance: Provenance, files: dict[str, str]) -> None:
    first, *_, last = provenance.trials
    assert (first.cell, first.trial_key, first.run_id) == ("key_momentum=0.9", "0.9-0", "run-0.9-0")
    assert (first.status, first.value, first.commit, first.dirty) == ("collapsed", 60.1, "abc", "false")
    assert (last.status, last.value) == ("failed", None)
    assert provenance.files == {name: text_digest(text) for name, text in files.items()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "p.json must be the JSON that ftlab wrote, but cannot be read; write it anew: make table"),
        ("[]", "cannot be read"),
        ('{"digest": "1"}', "cannot be read"),
        ('{"digest": "1", "format": 7}', "must have format 1, but got 7"),
        ('{"digest": "1", "format": 1}', "was edited: its digest differs"),
    ],
)
def test_what_is_no_provenance_is_refused(text: str, message: str) -> None:
    with pytest.raises(ResultsError, match=message):
        parse_provenance(text, "p.json")


def test_an_edited_value_is_noticed(provenance: Provenance) -> None:
    edited = provenance_text(provenance).replace("91.4", "92.4")
    with pytest.raises(ResultsError, match="was edited: its digest differs"):
        parse_provenance(edited, "p.json")


def test_a_provenance_without_a_part_names_it(provenance: Provenance) -> None:
    content = json.loads(provenance_text(provenance))
    del content["digest"], content["origin"]["profile"]
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    with pytest.raises(ResultsError, match=r"origin.profile: Field required"):
        parse_provenance(json.dumps({**content, "digest": text_digest(canonical)}), "p.json")
