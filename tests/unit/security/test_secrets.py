"""Passwords, keys and tokens stay out of messages, logs, records and files."""

import logging
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ftlab.cli.command_line import app
from ftlab.config.home import Home
from ftlab.credentials import without_credentials
from ftlab.errors import FtlabError, TrackingError
from ftlab.machine.facts import collect_provenance
from ftlab.search.storage import open_storage
from ftlab.storage.location import open_folder
from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.opening import open_tracker
from ftlab.tracking.tracking_uri import check_tracking_uri

SECRET = "hunter2"  # noqa: S105 - what must not appear


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"http://ann:{SECRET}@lab:5000/x", "http://***@lab:5000/x"),
        (f"https://{SECRET}@lab did not", "https://***@lab did not"),
        (f"s3://KEY:{SECRET}@bucket/x?region=y", "s3://***@bucket/x?region=y"),
        (
            f"s3://bucket?access_key=a&secret_key={SECRET}&region=y",
            "s3://bucket?access_key=***&secret_key=***&region=y",
        ),
        (f"(http://a:{SECRET}@b) 'http://c:{SECRET}@d'", "(http://***@b) 'http://***@d'"),
        (f"postgresql+psycopg2://a:p@{SECRET}@lab/db", "postgresql+psycopg2://***@lab/db"),
        ("mail ann@lab.example, 3 @ 4, http://lab/a@b", "mail ann@lab.example, 3 @ 4, http://lab/a@b"),
    ],
)
def test_an_error_holds_no_credentials(text: str, shown: str) -> None:
    assert without_credentials(text) == shown
    assert str(FtlabError(text)) == shown


@pytest.mark.parametrize(
    "uri",
    [
        f"http://ann:{SECRET}@127.0.0.1:9",
        f"postgresql://ann:{SECRET}@127.0.0.1:9/mlflow",
        f"ftp://ann:{SECRET}@host",
        f"http://{SECRET}@127.0.0.1:9",
    ],
)
def test_a_tracking_store_that_fails_is_named_without_its_password(
    uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with caplog.at_level(logging.DEBUG, "ftlab"), pytest.raises(TrackingError) as refused:
        open_tracker(tmp_path)
    assert "127.0.0.1" in str(refused.value) or "ftp://***@host" in str(refused.value)
    assert SECRET not in str(refused.value) + caplog.text


@pytest.mark.parametrize("command", [["plan", "momentum"], ["table", "momentum"], ["ui", "momentum"]])
def test_no_command_prints_a_password(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://ann:{SECRET}@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    done = CliRunner().invoke(app, command)
    assert isinstance(done.exception, TrackingError)
    assert SECRET not in done.output + str(done.exception)


def test_the_link_to_a_server_holds_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    class Server:
        uri = f"http://ann:{SECRET}@lab:5000"

        find_experiment_id = {"momentum": "7"}.get

    monkeypatch.setattr("ftlab.cli.serve_command.open_tracker", lambda _: Server())
    assert CliRunner().invoke(app, ["ui", "momentum"]).output.startswith("http://***@lab:5000/#/experiments/7")


@pytest.mark.parametrize(
    "location",
    [
        f"s3://KEY:{SECRET}@bucket name/x",
        f"nothing://KEY:{SECRET}@bucket",
        f"s3://KEY:{SECRET}@",
        f"s3://bucket?secret_key={SECRET}&no=1",
    ],
)
def test_a_home_that_cannot_be_opened_is_named_without_its_keys(location: str) -> None:
    with pytest.raises(FtlabError) as refused:
        open_folder(location, "checkpoints").names()
    assert SECRET not in str(refused.value)
    assert SECRET not in repr(Home(location))


def test_a_database_of_searches_is_named_without_its_password() -> None:
    for uri in (f"mysql+nothing://a:{SECRET}@h/db", f"postgresql+nothing:///db?user=a&password={SECRET}"):
        with pytest.raises(TrackingError) as refused:
            open_storage(uri)
        assert SECRET not in str(refused.value)


@pytest.fixture
def surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every variable that may hold a secret does."""
    for name in (
        "MLFLOW_TRACKING_PASSWORD",
        "MLFLOW_TRACKING_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "RAY_AUTH_TOKEN",
    ):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("FTLAB_CACHE", f"/nowhere/{SECRET}")
    collect_provenance.cache_clear()
    yield
    collect_provenance.cache_clear()


@pytest.mark.usefixtures("surroundings")
def test_a_trial_records_nothing_of_the_surroundings() -> None:
    assert SECRET not in str(collect_provenance())


@pytest.mark.slow  # a new SQLite store gets its tables
@pytest.mark.usefixtures("surroundings")
def test_a_store_holds_nothing_of_the_surroundings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, write_experiment: object
) -> None:
    write_experiment("one", cells=[{"name": "a"}])  # type: ignore[operator]
    done = CliRunner().invoke(app, ["train", "--profile", "tiny"])
    assert done.exit_code == 0, done.output
    database = tmp_path / "home" / "mlflow.db"
    with sqlite3.connect(database) as connection:
        dump = "\n".join(connection.iterdump())
    journal = "".join(path.read_text() for path in (tmp_path / "home" / "trials").iterdir())
    assert "probe/few_shot_top1" in dump
    assert SECRET not in dump + journal + done.output


def test_a_failed_upload_names_no_password(tmp_path: Path) -> None:
    tracker = object.__new__(MlflowTracker)
    tracker.uri = f"http://ann:{SECRET}@lab"
    with pytest.raises(TrackingError) as refused:
        tracker.load_trials()
    assert SECRET not in str(refused.value)
    with pytest.raises(TrackingError) as refused:
        check_tracking_uri(f"mysql://ann:{SECRET}@lab/db")
    assert SECRET not in str(refused.value)


MEGABYTE = 1_000_000


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "a" * MEGABYTE,
        "a-" * (MEGABYTE // 2),
        "http://" * (MEGABYTE // 7),
        "http://" + "a:" * (MEGABYTE // 2),
        "http://" + "@" * MEGABYTE + "/",
        "?" * MEGABYTE,
        "?" + "token" * (MEGABYTE // 5),
        "?" + "token_" * (MEGABYTE // 6) + "=",
        "?token" * (MEGABYTE // 6),
        "?token=" * (MEGABYTE // 7),
        "?" + "access" * (MEGABYTE // 6),
        "?" + "a." * (MEGABYTE // 2) + "token",
        "?a=" * (MEGABYTE // 3),
        "\n" * MEGABYTE,
        "\u0130" * MEGABYTE,
    ],
    ids=lambda text: repr(text[:16]),
)
def test_a_megabyte_of_hostile_text_is_read_in_under_a_second(text: str) -> None:
    began = time.perf_counter()
    without_credentials(text)
    assert time.perf_counter() - began < 1.0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("?next=http://lab?token=" + SECRET, "?next=http://lab?token=***"),
        (f"?a=1;X-Amz-Credential={SECRET}&X-Amz-Signature={SECRET}", "?a=1;X-Amz-Credential=***&X-Amz-Signature=***"),
        (f"?my.token.of-ann={SECRET} failed", "?my.token.of-ann=*** failed"),
        (f"?aws_accesskey_id={SECRET}#here", "?aws_accesskey_id=***#here"),
        ("?region=x&tokens&a=token", "?region=x&tokens&a=token"),
        (f"see (1http://ann:{SECRET}@lab)", "see (1http://***@lab)"),
    ],
)
def test_a_secret_is_hidden_by_the_name_of_its_parameter(text: str, shown: str) -> None:
    assert without_credentials(text) == shown
