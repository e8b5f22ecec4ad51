from dataclasses import replace

from ftlab.reporting.printed.layout import lay_out
from ftlab.reporting.printed.two_way import find_two_way
from ftlab.reporting.table.ablation import AblationTable, Seeding


def test_the_axis_of_fewer_values_goes_across(two_way_table: AblationTable) -> None:
    found = find_two_way(two_way_table)
    assert found is not None
    assert (found.down_heading, found.down) == ("alpha extrapolation", ("0.2", "0.6", "2.0"))
    assert (found.across_heading, found.across) == ("positives", ("interpolate", "extrapolate"))
    assert found.places == ((0, 1), (2, 3), (4, 5))


def test_the_order_of_axes_does_not_matter(two_way_table: AblationTable) -> None:
    turned = replace(two_way_table, axes=two_way_table.axes[::-1])
    assert find_two_way(turned) == find_two_way(two_way_table)


def test_a_grid_may_have_a_hole(two_way_table: AblationTable) -> None:
    found = find_two_way(replace(two_way_table, rows=two_way_table.rows[:-1]))
    assert found is not None
    assert found.places == ((0, 1), (2, 3), (4, None))
    assert found.has_holes


def test_rows_by_name_that_leave_a_hole_are_a_list(two_way_table: AblationTable) -> None:
    first, *others = two_way_table.rows[:-1]
    assert find_two_way(replace(two_way_table, rows=(replace(first, cell="by name"), *others))) is None


def test_one_axis_is_a_list(momentum_table: AblationTable) -> None:
    assert find_two_way(momentum_table) is None


def test_named_cells_are_a_list(components_table: AblationTable) -> None:
    assert lay_out(components_table).two_way is None


def test_one_value_of_an_axis_is_a_list(two_way_table: AblationTable) -> None:
    assert find_two_way(replace(two_way_table, rows=two_way_table.rows[::2])) is None


def test_seeds_by_a_rule_are_a_list(two_way_table: AblationTable) -> None:
    stopped = dict.fromkeys((row.cell for row in two_way_table.rows), "best")
    assert find_two_way(replace(two_way_table, seeding=Seeding(stopped, "Seeds by a rule."))) is None


def test_unequal_numbers_of_seeds_are_told(two_way_table: AblationTable) -> None:
    first, *others = two_way_table.rows
    rows = (replace(first, summary=replace(first.summary, n=2)), *others)
    assert lay_out(two_way_table).notes[-1].startswith("Baseline:")
    notes = lay_out(replace(two_way_table, rows=rows)).notes
    assert "Seeds: positives interpolate alpha extrapolation 0.2 (2); all others 5." in notes
