import pytest

from ftlab.reporting.table.axes import AxisValue, axis_number, same_value


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("0.50", 0.5, True),
        ("0", 0, True),
        ("1.0", 1, True),
        ("0.3", 0.1 + 0.2, True),
        ("0.999", 0.99, False),
        ("never", "never", True),
        ("never", 0.0, False),
        ("true", True, True),
        ("1", True, False),
        ("[1.0, 2.0]", (1.0, 2.0), True),
        ("none", None, False),
    ],
)
def test_values_are_compared_by_size_or_text(left: AxisValue, right: AxisValue, same: bool) -> None:
    assert same_value(left, right) is same


def test_none_has_no_number() -> None:
    assert axis_number(None) is None
