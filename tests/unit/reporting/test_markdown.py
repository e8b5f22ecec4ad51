from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from ftlab.reporting.ablation import AblationTable, Cell, ablate
from ftlab.reporting.markdown import table_md

MOMENTUM = """\
# How does key momentum change accuracy?

| key momentum | n | few-shot top-1 (%) | 95% interval | difference [95% interval] | paper§ |
| ---: | ---: | ---: | ---: | ---: | ---: |
| 0.5 | 2 | 64.0 † | [-88.5, 216.5] | -23.5 [-169.6, +122.6] | collapse |
| 0.9 | 1 | 81.0 | - | -6.0 | 46.5 |
| 0.99 | 3 | **88.0** | [85.5, 90.5] | baseline | 56.24 |
| 0.999 | 0 | - | - | - | 53.1 |
| 1.0 | 1 | *85.0* | - | -3.0 | 31.2 |

Mean over 1 to 3 seeds with its 95% Student-t interval; best in bold, second best in italics.

† Collapse, counted in the mean: key momentum 0.5 (1 of 3).

§ Paper: arXiv 2108.02982, momentum ablation (MoCo v1, ResNet-18, 100 epochs; ImageNet-100, linear top-1, ResNet-18, \
100 epochs). Same protocol: no (ours: digits, 5-shot).

Baseline: key momentum 0.99. Difference: mean over common seeds with its 95% interval. No tests below 3 common seeds.

Failed, without a value: key momentum 1.0 (1 of 3).

Not finished yet: key momentum 0.5 (1 of 3), key momentum 0.9 (2 of 3), key momentum 0.999 (3 of 3), \
key momentum 1.0 (1 of 3).
"""


def test_a_grid_is_told_by_its_axes(momentum_table: AblationTable) -> None:
    assert table_md(momentum_table) == MOMENTUM


def test_a_rule_that_gave_seeds_says_why_it_stopped(seeded_table: AblationTable, momentum_table: AblationTable) -> None:
    plain, seeded = (table_md(table).splitlines() for table in (momentum_table, seeded_table))
    assert seeded[2].endswith("| paper§ | seeds ended |")
    assert seeded[3].endswith("| ---: | :--- |")
    assert seeded[6] == f"{plain[6]} told by 3 & no more |"
    assert [line for line in seeded[9:] if line not in plain] == [
        "Baseline: key momentum 0.99. Difference: mean over common seeds with its 95% interval. "
        "No tests: the rule that gave the seeds has looked at the values.",
        "Seeds by a rule: 5% & less.",
    ]


def test_named_cells_keep_their_names(components_table: AblationTable) -> None:
    lines = table_md(components_table).splitlines()
    assert lines[2].startswith("| cell | positives | granularity | n |")
    assert lines[4].startswith("| none | none | - | 2 | *86.0* |")
    assert lines[5].startswith("| both_per_element | extrapolate | element | 2 | **92.2** |")
    assert any(line.startswith("Paper: ") and line.endswith("Same protocol: yes.") for line in lines)


def test_differences_have_corrected_p_values(two_way_table: AblationTable) -> None:
    table = replace(two_way_table, axes=("transform.positives",))
    lines = table_md(table).splitlines()
    assert lines[2].endswith("| difference [95% interval] | p (Holm) |")
    assert lines[4].endswith("| baseline | - |")
    assert lines[6].endswith("| +0.1 [-0.1, +0.3] | 0.225 |")
    assert lines[-1].endswith(
        "p: paired t test, two-sided, Holm-corrected for 4 comparisons; none below 3 common seeds, nor without spread."
    )


def test_two_axes_give_a_two_way_table(two_way_table: AblationTable) -> None:
    parts = table_md(two_way_table).split("\n\n")
    assert parts[1] == "**few-shot top-1 (%)**"
    assert parts[2].splitlines()[0] == "| alpha extrapolation / positives | interpolate | extrapolate |"
    assert parts[2].splitlines()[3] == "| 0.6 | 85.1 [82.4, 87.8] | *89.0* [86.5, 91.5] |"
    assert parts[3] == "**difference to the baseline**"
    assert parts[4].splitlines()[2:4] == [
        "| 0.2 | baseline | +3.0 [+1.8, +4.2] (p 0.037) |",
        "| 0.6 | +0.1 [-0.1, +0.3] (p 0.225) | +4.0 [+4.0, +4.0] |",
    ]


def test_an_empty_store(empty_table: AblationTable) -> None:
    text = table_md(empty_table)
    assert "| 0.5 | 0 | - | - |\n" in text
    assert "No trial has a value yet." in text
    assert "Paper" not in text


def test_texts_cannot_break_the_table(
    make_trials: Callable[[dict[str, list[tuple[str, float]]]], pd.DataFrame],
) -> None:
    cells = [Cell("a|b\n*c* <script>", {}, (), "x")]
    text = table_md(ablate("t", cells, make_trials({}), metric="knn/top1"))
    assert "| a\\|b \\*c\\* &lt;script> | 0 | - | - |\n" in text
