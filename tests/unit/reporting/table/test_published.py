from pathlib import Path

import pytest

from ftlab.errors import ConfigError
from ftlab.reporting.table.published import PublishedSeries, load_published

HEADER = "transform.start,value,series,metric,protocol,source\n"
RESNET_50 = "ResNet-50, 200 epochs"


def write(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text)
    return path


def test_a_value_keeps_its_printed_precision(momentum_series: PublishedSeries) -> None:
    value = momentum_series.lookup({"method.key_momentum": 0.99}, "any")
    assert value is not None
    assert (value.value, value.text, value.shown) == (56.24, "56.24", "56.24")


def test_words_stand_where_there_is_no_number(momentum_series: PublishedSeries) -> None:
    value = momentum_series.lookup({"method.key_momentum": 0.50}, "any")
    assert value is not None
    assert (value.value, value.shown) == (None, "collapse")


@pytest.mark.parametrize("momentum", [0.7, 0.8, "never", None])
def test_what_is_not_published_is_not_found(momentum_series: PublishedSeries, momentum: float | str | None) -> None:
    assert momentum_series.lookup({"method.key_momentum": momentum}, "any") is None


def test_a_cell_without_the_axis_is_not_found(momentum_series: PublishedSeries) -> None:
    assert momentum_series.lookup({}, "any") is None


@pytest.mark.parametrize(("start", "shown"), [(0, "76.9"), (0.01, "76.4"), (0.40, "72.2"), ("never", "71.1")])
def test_numbers_and_words_share_an_axis(published_folder: Path, start: float | str, shown: str) -> None:
    value = load_published(published_folder / "ft_start.csv", RESNET_50).lookup({"transform.start": start}, "any")
    assert value is not None
    assert value.shown == shown


@pytest.mark.parametrize(
    ("positives", "alpha", "span", "shown"),
    [
        ("none", None, None, "71.1"),
        ("none", 2.0, None, "71.1"),
        ("extrapolate", 2, (1.0, 2.0), "72.8"),
        ("interpolate", 0.2, (0.0, 1.0), "69.1"),
        ("extrapolate", 2, (1.0, 1.5), None),
    ],
)
def test_an_empty_axis_matches_anything(
    published_folder: Path, positives: str, alpha: float | None, span: tuple[float, float] | None, shown: str | None
) -> None:
    axes = {
        "transform.positives": positives,
        "transform.alpha_extrapolation": alpha,
        "transform.lambda_extrapolation": span,
        "method.temperature": 0.1,
    }
    value = load_published(published_folder / "lambda_ex.csv").lookup(axes, "any")
    assert (value.shown if value else None) == shown


def test_cells_are_found_by_name(published_folder: Path) -> None:
    series = load_published(published_folder / "queue.csv")
    found = [series.lookup({}, cell) for cell in ("K", "2K", "FT", "union")]
    assert [value.shown for value in found if value] == ["71.10", "71.40", "74.64", "74.73"]
    assert series.lookup({}, "4K") is None


def test_every_file_of_the_repository_loads(published_folder: Path) -> None:
    sizes = {}
    for path in sorted(published_folder.glob("*.csv")):
        with pytest.raises(ConfigError, match="Choices: ") as error:
            load_published(path, "no such series")
        assert path.name in str(error.value)
        lines = path.read_text().splitlines()
        assert all("arXiv 2108.02982" in line for line in lines[1:])
        sizes[path.stem] = len(lines) - 1
    assert sizes == {
        "comparators": 4,
        "components": 21,
        "detection": 25,
        "ft_start": 12,
        "imagenet1k_transfer": 22,
        "lambda_ex": 5,
        "lambda_in": 7,
        "methods": 21,
        "momentum": 7,
        "queue": 4,
    }


@pytest.mark.parametrize("series", ["MoCo v1", "MoCo v2", "SimCLR", "InfoMin", "SwAV", "SimSiam"])
def test_components_have_a_series_a_method(published_folder: Path, series: str) -> None:
    published = load_published(published_folder / "components.csv", series)
    assert published.axes == ("cell",)
    assert published.protocol == "ImageNet-100, linear top-1, ResNet-50, 200 epochs"
    assert published.source == "arXiv 2108.02982, Table 7"


def test_an_unknown_series_names_the_nearest(published_folder: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'SimCLR'"):
        load_published(published_folder / "components.csv", "SimCRL")


def test_several_series_need_a_choice(published_folder: Path) -> None:
    with pytest.raises(ConfigError, match="needs a choice"):
        load_published(published_folder / "ft_start.csv")


def test_a_missing_file_names_the_nearest(published_folder: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'momentum'"):
        load_published(published_folder / "momentun.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER, "must have rows"),
        (HEADER + "0.1,high,s,m,p,o\n", "must be a number or empty, but table.csv has 'high'"),
        (HEADER + "0.1,,s,m,p,o\n", "a value or a note"),
        (HEADER + "0.1,1.0,s,m\n", "must fill"),
        (HEADER + "0.1,1.0,s,m,p,o,extra\n", "must fill"),
        ("transform.start,series,metric,protocol,source\n0.1,s,m,p,o\n", "must fill"),
        (HEADER + "0.1,1.0,s,m,p,o\n0.2,1.0,s,m,q,o\n", "one metric, protocol and source"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_published(write(tmp_path, text))
