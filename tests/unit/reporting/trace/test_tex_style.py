from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from ftlab.reporting.trace.definition import TableDefinition
from ftlab.reporting.trace.provenance import Origin, Provenance, parse_provenance, provenance_text, trace_table
from ftlab.reporting.trace.verification import verify_table
from ftlab.reporting.writers.render import render_table
from ftlab.reporting.writers.tex_style import TexStyle


@pytest.fixture
def trace(origin: Origin, definition: TableDefinition, recorded: pd.DataFrame) -> Callable[[TexStyle], Provenance]:
    def make(style: TexStyle) -> Provenance:
        own = replace(definition, tex_style=style, caption="Effect of momentum.")
        return trace_table(origin, own, own.tabulate(recorded), recorded)

    return make


@pytest.mark.parametrize("style", ["compact", "wide", "full"])
def test_a_table_is_verified_in_the_style_that_it_was_written_in(
    style: TexStyle, trace: Callable[[TexStyle], Provenance], recorded: pd.DataFrame
) -> None:
    provenance = trace(style)
    files = render_table(provenance.tabulate(recorded), style)
    assert "Effect of momentum." in files["table.tex"]
    assert verify_table(provenance, files, recorded).problems == ()
    other = render_table(provenance.tabulate(recorded), "full" if style != "full" else "compact")
    assert verify_table(provenance, other, recorded).problems != ()


def test_a_provenance_of_before_there_were_styles_has_the_full_one(trace: Callable[[TexStyle], Provenance]) -> None:
    assert TableDefinition.tex_style == "full"
    assert parse_provenance(provenance_text(trace("wide")), "f").definition.tex_style == "wide"
