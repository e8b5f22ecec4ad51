from pathlib import Path
from zipfile import ZipFile

import pytest
from parcels import THIS_PYTHON, ParcelError, Store, make_parcels, read_parcel

LIMIT = 1000


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Return files of 300, 600 and 2,500 bytes, no two bytes in a row alike."""
    folder = tmp_path / "files"
    folder.mkdir()
    paths = []
    for name, size in (("small.bin", 300), ("middle.bin", 600), ("large.bin", 2500)):
        path = folder / name
        path.write_bytes(bytes(number % 251 for number in range(size)))
        paths.append(path)
    return paths


@pytest.fixture
def parts(files: list[Path], tmp_path: Path) -> list[Path]:
    return make_parcels(files, LIMIT, tmp_path / "parts", THIS_PYTHON)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_no_part_is_over_its_limit_and_nothing_travels_twice(parts: list[Path]) -> None:
    sizes = [sum(path.stat().st_size for path in part.iterdir() if path.suffix != ".json") for part in parts]
    assert max(sizes) <= LIMIT
    assert sum(sizes) == 300 + 600 + 2500
    assert len(parts) == 4


def test_parts_make_up_the_files_whatever_comes_first(parts: list[Path], files: list[Path], store: Store) -> None:
    missing = [store.take(part) for part in reversed(parts)]
    assert missing[0]
    assert missing[-1] == []
    assert {path.name: path.read_bytes() for path in store.files.iterdir()} == {
        path.name: path.read_bytes() for path in files
    }


def test_a_part_that_comes_twice_changes_nothing(parts: list[Path], files: list[Path], store: Store) -> None:
    for part in (*parts, *parts):
        store.take(part)
    assert sorted(path.name for path in store.files.iterdir()) == sorted(path.name for path in files)


def test_a_damaged_piece_is_named(parts: list[Path], store: Store) -> None:
    piece = next(path for path in sorted(parts[0].iterdir()) if path.suffix != ".json")
    content = bytearray(piece.read_bytes())
    content[7] ^= 1
    piece.write_bytes(content)
    with pytest.raises(ParcelError, match=f"a piece must be what was packed, but .*{piece.name} was damaged"):
        store.take(parts[0])


def test_a_piece_that_is_not_there_is_named(parts: list[Path], store: Store) -> None:
    piece = next(path for path in sorted(parts[0].iterdir()) if path.suffix != ".json")
    piece.unlink()
    with pytest.raises(ParcelError, match=f"every piece of a parcel must be there, but .*{piece.name}"):
        store.take(parts[0])


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"python": "3.12", "wholes": [{}], "digests": {}}'])
def test_a_folder_that_is_no_parcel_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "parcel.json").write_text(content)
    with pytest.raises(ParcelError, match=r"a parcel must hold parcel\.json"):
        read_parcel(tmp_path)


def test_wheels_for_another_python_are_refused(files: list[Path], tmp_path: Path, store: Store) -> None:
    (part, *_) = make_parcels(files, LIMIT, tmp_path / "other", "3.7")
    with pytest.raises(ParcelError, match=f"must be for this Python, {THIS_PYTHON}, but .* is for 3.7"):
        store.take(part)


def test_a_piece_with_a_path_for_a_name_is_refused(parts: list[Path], store: Store) -> None:
    manifest = parts[0] / "parcel.json"
    name = next(iter(read_parcel(parts[0]).digests))
    manifest.write_text(manifest.read_text().replace(f'"{name}"', '"../../outside"'))
    with pytest.raises(ParcelError, match=r"a piece must have a plain name, but got '\.\./\.\./outside'"):
        store.take(parts[0])


def make_wheel(folder: Path, name: str) -> Path:
    """Write a wheel whose only module lies in a namespace package that others share."""
    folder.mkdir(exist_ok=True)
    path = folder / f"shared_{name}-1.0-py3-none-any.whl"
    info = f"shared_{name}-1.0.dist-info"
    with ZipFile(path, "w") as wheel:
        wheel.writestr(f"shared/{name}/__init__.py", f"NAME = {name!r}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: shared-{name}\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.mark.slow
def test_packages_of_one_namespace_are_whole_though_they_come_apart(tmp_path: Path, store: Store) -> None:
    for name in ("first", "second"):
        (part,) = make_parcels([make_wheel(tmp_path / "wheels", name)], 10_000, tmp_path / name, THIS_PYTHON)
        assert store.take(part) == []
    assert sorted(path.name for path in (store.site / "shared").iterdir()) == ["first", "second"]
