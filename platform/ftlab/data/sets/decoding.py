"""Decode images to uint8 arrays, in chunks that fit in memory."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image

from ftlab.data.sets.reader import Chunk, Int64Array, UInt8Array

CHUNK_BYTES = 16 * 2**20
# Pillow goes by a file's content, not by its name, and some of its readers run other programs.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
# Pillow warns above this; each core decodes one image at a time, at about 4 bytes a pixel.
MAX_PIXELS = 89_478_485
NUM_HEADERS = 1000
GRAYSCALE_MODES = ("1", "L")
WIDE_MODES = ("I", "F")
# Pillow reads the colours of a PNG with 16 bits a channel as if they had 8: their modes tell nothing.
DEEP_PNG = ";16B"
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ImageFile(NamedTuple):
    """One image file of a folder.

    Attributes:
        path: Path of the file.
        name: Its path below the data set's root, for messages.
        label: Position of its class in the class names.
        num_bytes: Its size.
        mtime_ns: Time of its last change, in nanoseconds.
        mode: Its kind and permissions.
    """

    path: str
    name: str
    label: int
    num_bytes: int
    mtime_ns: int
    mode: int


@dataclass(frozen=True)
class Fit:
    """The size that images are decoded to.

    Attributes:
        size: Side of a square, or the short side of a photograph, in pixels.
        keeps_shape: Whether images keep their aspect ratio and are never enlarged; else they become squares.
    """

    size: int
    keeps_shape: bool = False

    def of(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height of an image after decoding.

        >>> Fit(512, keeps_shape=True).of(1280, 854), Fit(512, keeps_shape=True).of(640, 427), Fit(512).of(640, 427)
        ((767, 512), (640, 427), (512, 512))
        """
        short = min(width, height)
        if not self.keeps_shape:
            return self.size, self.size
        # torchvision cuts off the fraction too
        return (width, height) if short <= self.size else (self.size * width // short, self.size * height // short)

    def apply(self, image: Image.Image) -> Image.Image:
        """Return an image of mode L or RGB, resized with antialiasing."""
        if not self.keeps_shape:
            return fit_square(image, self.size)
        fitted = self.of(*image.size)
        return image if fitted == image.size else image.resize(fitted, Image.Resampling.BILINEAR)


def fit_square(image: Image.Image, size: int) -> Image.Image:
    """Return the centre square of an image, resized with antialiasing; untouched if it has the size already.

    Same result as resizing the short side and cropping the centre, without the long side's memory.

    Args:
        image: Of any size, mode L or RGB.
        size: Side of the result, in pixels.
    """
    width, height = image.size
    if width == height == size:
        return image
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return image.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))


class LabelledImages(NamedTuple):
    """Images of a split that lie in memory.

    Attributes:
        images: (N, channels, height, width) uint8 with 1 or 3 channels.
        labels: (L,) int64 of the first L images.
    """

    images: UInt8Array
    labels: Int64Array

    def take(self, rows: Int64Array) -> "LabelledImages":
        """Return the images at ascending positions, without a copy if that is all of them."""
        if len(rows) == len(self.images):
            return self
        return LabelledImages(self.images[rows], self.labels[rows[rows < len(self.labels)]])

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield the images, few at a time, resized to squares of ``size`` pixels."""
        chunk_size = _chunk_size(self.images.shape[1], size)
        for start in range(0, max(len(self.images), 1), chunk_size):
            rows = slice(start, start + chunk_size)
            yield Chunk(_resize(self.images[rows], size), self.labels[rows])


def file_chunks(files: Sequence[ImageFile], num_channels: int, fit: Fit) -> Iterator[Chunk]:
    """Decode image files on all cores, one chunk ahead of the consumer, and yield them in order.

    Args:
        files: At least one.
        num_channels: 1 for grayscale, 3 for RGB.
        fit: Size of the yielded images.
    """
    chunk_size = _chunk_size(num_channels, fit.size)
    pending: deque[tuple[Sequence[ImageFile], list[Future[UInt8Array | str]]]] = deque()
    with ThreadPoolExecutor() as pool:  # threads, because Pillow decodes without the interpreter's lock
        for start in range(0, len(files), chunk_size):
            batch = files[start : start + chunk_size]
            pending.append((batch, [pool.submit(_decode, file.path, num_channels, fit) for file in batch]))
            if len(pending) > 1:
                yield _collect(*pending.popleft(), num_channels, fit.size)
        while pending:
            yield _collect(*pending.popleft(), num_channels, fit.size)


def is_grayscale(path: str) -> bool:
    """Return whether an image has a single channel, by its header alone; or cannot be decoded."""
    try:
        with _open(path) as image:
            return image.mode in GRAYSCALE_MODES or bool(_deep_mode(image))
    except Exception:  # whatever Pillow raises here, decoding raises again and records
        return True


def decoded_bytes(files: Sequence[ImageFile], fit: Fit) -> int:
    """Return the size of images after decoding, estimated from the headers of at most `NUM_HEADERS` files."""
    some = files[:: -(-len(files) // NUM_HEADERS)]
    sizes = [fit.of(*size) for file in some if (size := _size_of(file.path))]
    num_channels = 1 if all(is_grayscale(file.path) for file in some) else 3
    return num_channels * sum(width * height for width, height in sizes) * len(files) // max(1, len(sizes))


def _size_of(path: str) -> tuple[int, int] | None:
    """Return width and height by the header of a file, as it lies; None if it cannot be read."""
    try:
        with _open(path) as image:
            return image.size
    except Exception:  # whatever Pillow raises here, decoding raises again and records
        return None


def _chunk_size(num_channels: int, size: int) -> int:
    return max(1, CHUNK_BYTES // (num_channels * size * size))


def _resize(images: UInt8Array, size: int) -> UInt8Array:
    num_images, num_channels, height, width = images.shape
    if height == width == size:
        return images
    resized = np.empty((num_images, num_channels, size, size), dtype=np.uint8)
    for position, image in enumerate(images):
        pixels = image[0] if num_channels == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))
        resized[position] = _channels_first(fit_square(Image.fromarray(pixels), size))
    return resized


def _decode(path: str, num_channels: int, fit: Fit) -> UInt8Array | str:
    """Return the (channels, height, width) pixels of a file, or the reason why it cannot be decoded."""
    try:
        with _open(path) as image:
            if deep := _deep_mode(image):
                return f"mode {deep} has more than 8 bits a channel"
            converted = image.convert("L" if num_channels == 1 else "RGB")
            turn = _turn_upright(image)
            upright = converted if turn is None else converted.transpose(turn)
            return _channels_first(fit.apply(upright))
    except Exception as error:  # Pillow raises a dozen types on damaged files; each is named in the record
        return f"{type(error).__name__}: {error}"


def _deep_mode(image: Image.Image) -> str:
    """Return the mode of an image that has just been opened if it has more than 8 bits a channel; else nothing."""
    if image.mode.startswith(WIDE_MODES):
        return image.mode
    raw_modes = [str(tile[3]) for tile in getattr(image, "tile", ())] if image.format == "PNG" else []
    return next((mode for mode in raw_modes if mode.endswith(DEEP_PNG)), "")


def _turn_upright(image: Image.Image) -> Image.Transpose | None:
    """Return the turn that a camera wrote down for viewers; None without one, and if it cannot be read."""
    try:
        return UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 0))
    except Exception:  # damaged metadata: the pixels are sound
        return None


def _open(path: str) -> Image.Image:
    """Read the header of an image; refuse what is not a regular file or has more than `MAX_PIXELS`."""
    mode = Path(path).stat().st_mode
    if S_ISDIR(mode):
        raise ValueError("it is a folder, with the name of an image or without permission to list it")
    if not S_ISREG(mode):  # reading a pipe would wait for ever
        raise ValueError("it is no regular file")
    image = Image.open(path, formats=FORMATS)
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise ValueError(f"{image.width} x {image.height} pixels are more than {MAX_PIXELS:,}")
    return image


def _collect(
    files: Sequence[ImageFile], futures: list[Future[UInt8Array | str]], num_channels: int, size: int
) -> Chunk:
    images: list[UInt8Array] = []
    labels, unreadable = [], []
    for file, future in zip(files, futures, strict=True):
        decoded = future.result()
        if isinstance(decoded, str):
            unreadable.append(f"{file.name} ({decoded})")
        else:
            images.append(decoded)
            labels.append(file.label)
    if len({image.shape for image in images}) > 1:
        return Chunk(images, np.array(labels, dtype=np.int64), tuple(unreadable))
    stacked = np.stack(images) if images else np.empty((0, num_channels, size, size), dtype=np.uint8)
    return Chunk(stacked, np.array(labels, dtype=np.int64), tuple(unreadable))


def _channels_first(image: Image.Image) -> UInt8Array:
    pixels = np.asarray(image)  # (height, width) or (height, width, 3)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
