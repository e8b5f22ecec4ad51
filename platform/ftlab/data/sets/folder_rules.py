"""The rules by which files and folders of an image folder count, by their names alone.

| name | what becomes of it |
|---|---|
| ends in one of `IMAGE_SUFFIXES`, in any case | an image; one that cannot be read is refused, or left out and counted |
| begins with a dot: ``._0001.jpg``, ``.ipynb_checkpoints``, ``.thumbnails`` | left out, with all below it |
| one of `PROGRAM_NAMES`, in any case: ``__MACOSX``, ``@eaDir``, ``Thumbs.db`` | left out, with all below it |
| any other file: ``.gif`` and ``.tif``, which hold several images or deep ones, ``.txt`` | left out |
| any other folder below a class | part of its class |
| a file beside the folders of the classes | left out |
| a folder with the name of an image: ``0001.jpg`` | an image that cannot be read |
"""

from collections.abc import Mapping
from pathlib import PurePath

# .jpe and .jfif are other names of .jpg.
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp")
# In lower case: what systems and programs put beside images, for themselves.
PROGRAM_NAMES = frozenset(
    {
        "__macosx",
        "__pycache__",
        "@eadir",
        "@recycle",
        "#recycle",
        "$recycle.bin",
        "lost+found",
        "system volume information",
        "thumbnails",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
    }
)
HIDDEN, OF_PROGRAMS, OUTSIDE = "hidden", "of other programs", "outside the classes"


def is_image_name(name: str) -> bool:
    """Return whether a name ends as that of an image."""
    return name.lower().endswith(IMAGE_SUFFIXES)


def unseen_reason(name: str) -> str:
    """Return the reason to leave out a file or a folder with all below it; empty if there is none.

    >>> [unseen_reason(name) for name in ("._0001.jpg", "__MACOSX", "0001.jpg")]
    ['hidden', 'of other programs', '']
    """
    if name.startswith("."):
        return HIDDEN
    return OF_PROGRAMS if name.lower() in PROGRAM_NAMES else ""


def reason_to_leave_out(name: str) -> str:
    """Return the reason to leave out a file, such as its suffix; empty for an image.

    >>> [reason_to_leave_out(name) for name in ("a.JPG", "a.gif", "notes", ".a.jpg")]
    ['', '.gif', 'without a suffix', 'hidden']
    """
    if reason := unseen_reason(name):
        return reason
    return "" if is_image_name(name) else PurePath(name).suffix.lower() or "without a suffix"


def describe_left_out(counts: Mapping[str, int]) -> str:
    """Return the numbers of files and folders that were left out, by reason, the most frequent first.

    >>> describe_left_out({"hidden": 2, ".gif": 1400})
    '1,400 .gif, 2 hidden'
    """
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number:,} {reason}" for reason, number in ordered)
