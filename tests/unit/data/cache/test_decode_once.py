import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

from ftlab.data.cache.build import ABANDONED_AFTER_SECONDS, publish
from ftlab.data.cache.decode_once import DatasetSource, load_dataset
from ftlab.data.cache.split_writer import ArrayWriter, ChannelHistogram, write_split
from ftlab.data.sets.decoding import LabelledImages
from ftlab.errors import DataError

COUNTS = {"train/cat": 3, "train/dog": 2, "test/cat": 1, "test/dog": 2}


def load(root, home, **settings):
    return load_dataset(DatasetSource("folder", root, **{"image_size": 6, **settings}), home)


def folders(home):
    return sorted(path.name for path in (home / "cache").iterdir() if path.name != "index")


def make_undecodable(root):
    """Damage every image without changing what a listing shows of it."""
    for path in root.rglob("*.png"):
        stat = path.stat()
        path.write_bytes(b"x" * stat.st_size)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


class TestHit:
    def test_does_not_decode_again(self, tmp_path, write_folder):
        root = write_folder("animals", COUNTS)
        first = load(root, tmp_path)
        make_undecodable(root)
        second = load(root, tmp_path)
        np.testing.assert_array_equal(first.train_images, second.train_images)
        assert second.fingerprint == first.fingerprint
        assert (second.channel_mean, second.channel_std) == (first.channel_mean, first.channel_std)

    def test_images_are_mapped_and_read_only(self, tmp_path, write_folder):
        dataset = load(write_folder("animals", COUNTS), tmp_path)
        assert isinstance(dataset.train_images, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            dataset.train_images[0] = 0
        with pytest.raises(ValueError, match="read-only"):
            dataset.train_labels[0] = 0

    def test_needs_neither_torch_nor_scikit_learn(self, tmp_path):
        fingerprint = load_dataset(DatasetSource("digits", None, 8), tmp_path).fingerprint
        script = f"""
import pathlib, sys
sys.modules.update(torch=None, torchvision=None, sklearn=None)  # importing one of them now fails
from ftlab.data.cache.decode_once import DatasetSource, load_dataset
print(load_dataset(DatasetSource("digits", None, 8), pathlib.Path({str(tmp_path)!r})).fingerprint)
"""
        result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert result.stdout.strip() == fingerprint


class TestFingerprint:
    def test_is_that_of_the_digits_ever_since(self, tmp_path):
        digits = load_dataset(DatasetSource("digits", None, 8), tmp_path)
        assert digits.fingerprint == "a5c30de5c08194a6ec1957ccadfe4798"

    def test_ignores_where_the_files_lie(self, tmp_path, write_folder):
        here, there = write_folder("here", COUNTS), write_folder("there", COUNTS)
        assert load(here, tmp_path).fingerprint == load(there, tmp_path).fingerprint
        assert len(folders(tmp_path)) == 1

    def test_follows_a_changed_pixel(self, tmp_path, write_folder):
        root = write_folder("animals", COUNTS)
        before = load(root, tmp_path)
        image = Image.open(root / "test/dog/1.png")
        image.putpixel((5, 5), tuple(255 - value for value in image.getpixel((5, 5))))
        image.save(root / "test/dog/1.png")
        assert load(root, tmp_path).fingerprint != before.fingerprint

    def test_follows_class_names_labels_and_size(self, tmp_path, write_folder):
        names = {"train/cat": 3, "train/dot": 2, "test/cat": 1, "test/dot": 2}
        moved = {"train/cat": 2, "train/dog": 3, "test/cat": 1, "test/dog": 2}
        datasets = [
            load(write_folder("animals", COUNTS), tmp_path),
            load(write_folder("renamed", names), tmp_path),
            load(write_folder("moved", moved), tmp_path),
            load(write_folder("animals", COUNTS), tmp_path, image_size=5),
        ]
        assert len({dataset.fingerprint for dataset in datasets}) == 4

    def test_is_the_same_when_nothing_had_to_be_skipped(self, tmp_path, write_folder):
        root = write_folder("animals", COUNTS)
        whole = load(root, tmp_path)
        (root / "train/cat/broken.png").write_bytes(b"no image")
        skipping = load(root, tmp_path, corrupt_images="skip")
        assert skipping.fingerprint == whole.fingerprint
        assert (len(whole.skipped), len(skipping.skipped)) == (0, 1)


class TestDamagedCache:
    @pytest.mark.parametrize(
        "name", ["meta.json", "train_images.npy", "train_labels.npy", "test_images.npy", "test_labels.npy"]
    )
    @pytest.mark.parametrize("damage", ["missing", "truncated", "empty"])
    def test_is_rebuilt(self, tmp_path, write_folder, name, damage):
        root = write_folder("animals", COUNTS)
        before = load(root, tmp_path)
        expected = np.array(before.train_images)
        path = tmp_path / "cache" / before.fingerprint / name
        content = path.read_bytes()
        path.unlink()
        if damage != "missing":
            path.write_bytes(content[:-5] if damage == "truncated" else b"")
        after = load(root, tmp_path)
        assert after.fingerprint == before.fingerprint
        np.testing.assert_array_equal(after.train_images, expected)
        assert path.read_bytes() == content

    def test_of_another_shape_is_rebuilt(self, tmp_path, write_folder):
        root = write_folder("animals", COUNTS)
        dataset = load(root, tmp_path)
        path = tmp_path / "cache" / dataset.fingerprint / "test_images.npy"
        path.unlink()
        np.save(path, np.zeros((3, 3, 6, 5), dtype=np.uint8))
        assert load(root, tmp_path).test_images.shape == (3, 3, 6, 6)

    def test_with_a_damaged_index_is_decoded_again(self, tmp_path, write_folder):
        root = write_folder("animals", COUNTS)
        fingerprint = load(root, tmp_path).fingerprint
        for index in (tmp_path / "cache/index").glob("*.json"):
            index.write_text("{")
        assert load(root, tmp_path).fingerprint == fingerprint

    def test_what_a_killed_process_left_is_removed_a_day_later(self, tmp_path, write_folder):
        fresh, old = tmp_path / "cache/.building-fresh", tmp_path / "cache/.building-old"
        for folder in (fresh, old):
            folder.mkdir(parents=True)
        yesterday = time.time() - ABANDONED_AFTER_SECONDS - 60
        os.utime(old, (yesterday, yesterday))
        fingerprint = load(write_folder("animals", COUNTS), tmp_path).fingerprint
        assert folders(tmp_path) == [".building-fresh", fingerprint]


def builder(root, home, meanwhile):
    """Return the command of a process that loads a folder, says when it decodes, and then does what is given."""
    script = f"""
import time
from pathlib import Path
from ftlab.data.cache import decode_once as cache
decode = cache._decode
def slowly(*arguments):
    print("decoding", flush=True)
    {meanwhile}
    return decode(*arguments)
cache._decode = slowly
print(cache.load_dataset(cache.DatasetSource("folder", Path({str(root)!r}), 6), Path({str(home)!r})).fingerprint)
"""
    return [sys.executable, "-c", script]


class TestTwoBuilders:
    @pytest.mark.slow
    def test_in_two_processes_end_with_one_folder(self, tmp_path, write_folder):
        root = write_folder("animals", COUNTS)
        script = f"""
from pathlib import Path
from ftlab.data.cache.decode_once import DatasetSource, load_dataset
dataset = load_dataset(DatasetSource("folder", Path({str(root)!r}), 6), Path({str(tmp_path)!r}))
print(dataset.fingerprint, dataset.train_images.sum())
"""
        command = [sys.executable, "-c", script]
        builders = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        first, second = (builder.communicate()[0] for builder in builders)
        assert first == second != ""
        assert len(folders(tmp_path)) == 1

    @pytest.mark.slow
    def test_on_one_machine_decode_once(self, tmp_path, write_folder):
        command = builder(write_folder("animals", COUNTS), tmp_path, "time.sleep(0.5)")
        builders = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
        printed = [builder.communicate()[0].splitlines() for builder in builders]
        assert sorted(len(lines) for lines in printed) == [1, 1, 1, 2]
        assert len({lines[-1] for lines in printed}) == 1

    @pytest.mark.slow
    def test_go_on_when_the_one_that_decodes_is_killed(self, tmp_path, write_folder):
        root = write_folder("animals", COUNTS)
        killed = subprocess.Popen(builder(root, tmp_path, "time.sleep(600)"), stdout=subprocess.PIPE, text=True)
        assert killed.stdout.readline() == "decoding\n"
        waiting = subprocess.Popen(builder(root, tmp_path, "pass"), stdout=subprocess.PIPE, text=True)
        time.sleep(1.0)
        assert waiting.poll() is None
        killed.kill()
        killed.communicate()
        assert waiting.communicate(timeout=20)[0].splitlines()[0] == "decoding"

    def test_without_locks_the_loser_uses_the_winners_folder(self, tmp_path, write_folder):
        dataset = load(write_folder("animals", COUNTS), tmp_path)
        winner = tmp_path / "cache" / dataset.fingerprint
        before = (winner / "meta.json").stat().st_ino
        loser = tmp_path / "cache" / ".building-loser"
        loser.mkdir()
        publish(loser, winner)
        assert (winner / "meta.json").stat().st_ino == before
        assert loser.exists()

    def test_many_threads_that_publish_the_same_folder_all_succeed(self, tmp_path, write_folder):
        dataset = load(write_folder("animals", COUNTS), tmp_path)
        source = tmp_path / "cache" / dataset.fingerprint
        content = {path.name: path.read_bytes() for path in source.iterdir()}
        target, errors = tmp_path / "target", []
        target.mkdir()
        (target / "meta.json").write_text("partial")
        barrier = threading.Barrier(8)

        def build(number):
            building = tmp_path / f"building-{number}"
            building.mkdir()
            for name, value in content.items():
                (building / name).write_bytes(value)
            barrier.wait()
            try:
                publish(building, target)
            except OSError as error:
                errors.append(error)

        threads = [threading.Thread(target=build, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert {path.name: path.read_bytes() for path in target.iterdir()} == content


class TestFolder:
    def test_may_lie_apart_from_the_home(self, tmp_path, write_folder):
        source = DatasetSource("folder", write_folder("animals", COUNTS), 6)
        dataset = load_dataset(source, tmp_path / "home", tmp_path / "scratch")
        assert (tmp_path / "scratch" / dataset.fingerprint / "meta.json").is_file()
        assert not (tmp_path / "home").exists()

    def test_that_cannot_be_written_is_named(self, tmp_path, write_folder):
        (tmp_path / "file").touch()
        with pytest.raises(DataError, match=r"image cache must be a folder that can be written, but .*file.* is not"):
            load(write_folder("animals", COUNTS), tmp_path / "file")


class TestWriting:
    def test_the_file_is_what_numpy_reads(self, tmp_path):
        rows = np.random.default_rng(0).integers(0, 256, (1234, 3, 4, 4), np.uint8)
        with ArrayWriter(tmp_path / "rows.npy", np.uint8) as writer:
            for start in range(0, 1234, 100):
                writer.append(rows[start : start + 100])
        np.testing.assert_array_equal(np.load(tmp_path / "rows.npy", mmap_mode="r"), rows)

    def test_the_digest_does_not_depend_on_the_chunks(self, tmp_path):
        rows = np.arange(60, dtype=np.int64)
        digests = set()
        for chunk in (7, 60):
            with ArrayWriter(tmp_path / f"{chunk}.npy", np.int64) as writer:
                for start in range(0, 60, chunk):
                    writer.append(rows[start : start + chunk])
                digests.add(writer.digest())
        assert len(digests) == 1

    def test_channel_statistics_are_exact(self, tmp_path):
        images = np.random.default_rng(0).integers(0, 256, (50, 3, 5, 5), np.uint8)
        split = write_split(LabelledImages(images, np.zeros(50, np.int64)).chunks(5), tmp_path, "train", 1)
        mean, std = split.histogram.mean_and_std()
        np.testing.assert_allclose(mean, (images / 255).mean(axis=(0, 2, 3)), rtol=1e-12)
        np.testing.assert_allclose(std, (images / 255).std(axis=(0, 2, 3)), rtol=1e-12)

    def test_a_constant_channel_can_still_be_normalised(self):
        histogram = ChannelHistogram()
        histogram.add(np.full((2, 1, 3, 3), 7, np.uint8))
        assert histogram.mean_and_std() == ((pytest.approx(7 / 255),), (1 / 255,))
