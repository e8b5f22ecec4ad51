import hashlib
import tarfile
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest

from ftlab.errors import ConfigError, ResultsError
from ftlab.publish.bundle.writing import archive_bundle, check_archive, checksums, write_bundle
from ftlab.reporting.trace.definition import TableDefinition
from ftlab.reporting.trace.provenance import Origin, Provenance, provenance_text

ORIGIN = Origin("exp/tiny", "exp", "tiny", {}, 2, None, "f00d", 1)
DEFINITION = TableDefinition("exp", (), "knn/top1", "?", None, "", None, None)


def make_files(study: str = "exp/tiny", **more: bytes) -> dict[str, bytes]:
    provenance = Provenance(replace(ORIGIN, study=study), DEFINITION, (), {})
    files = {"provenance.json": provenance_text(provenance).encode(), **more}
    return {**files, "SHA256SUMS": checksums(files)}


def test_checksums_are_what_sha256sum_reads() -> None:
    digest = hashlib.sha256(b"1").hexdigest()
    assert checksums({"b": b"1", "a/c": b"1"}).decode() == f"{digest}  a/c\n{digest}  b\n"


def test_a_bundle_is_written_again_in_the_place_of_its_older_self(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    write_bundle(make_files(old=b"1", same=b"2"), folder, "exp/tiny")
    (folder / "notes.txt").write_text("mine")
    write_bundle(make_files(new=b"1", same=b"2"), folder, "exp/tiny")
    names = {path.name for path in folder.iterdir()}
    assert names == {"provenance.json", "SHA256SUMS", "new", "same", "notes.txt"}


def test_what_is_no_bundle_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(ResultsError, match=r"must not overwrite anything else, but .* is not empty; .*--output"):
        write_bundle(make_files(), tmp_path, "exp/tiny")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_the_bundle_of_another_study_is_not_overwritten(tmp_path: Path) -> None:
    write_bundle(make_files(study="other/tiny"), tmp_path, "other/tiny")
    with pytest.raises(ResultsError, match=r"of exp/tiny must not overwrite that of other/tiny"):
        write_bundle(make_files(), tmp_path, "exp/tiny")


def test_checksums_that_were_edited_delete_nothing_outside(tmp_path: Path) -> None:
    folder, outside = tmp_path / "bundle", tmp_path / "outside"
    outside.write_text("here")
    write_bundle(make_files(), folder, "exp/tiny")
    (folder / "SHA256SUMS").write_text("0  ../outside\n")
    write_bundle(make_files(), folder, "exp/tiny")
    assert outside.read_text() == "here"


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_an_archive_holds_the_folder_and_tells_no_user_and_no_time(ending: str, tmp_path: Path) -> None:
    files = make_files(spec=b"1")
    path = archive_bundle(files, tmp_path / "tiny+a=1.5", ending)
    first = path.read_bytes()
    path.unlink()
    assert archive_bundle(dict(reversed(files.items())), tmp_path / "tiny+a=1.5", ending).read_bytes() == first
    if ending == "zip":
        with ZipFile(path) as archive:
            assert archive.read("tiny+a=1.5/spec") == b"1"
            return
    with tarfile.open(path) as archive:
        assert archive.getnames() == [f"tiny+a=1.5/{name}" for name in sorted(files)]
        assert {(entry.uname, entry.uid, entry.mtime) for entry in archive} == {("", 0, 0)}


def test_another_kind_of_archive_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"but got 'zpi'. Did you mean 'zip'\? Choices: tar.gz, zip"):
        check_archive("zpi")
