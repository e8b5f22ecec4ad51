"""Checks of FTLAB_HOME, disks, clock and data."""

import os
import shutil
import time
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from ftlab.assembly.images import make_source
from ftlab.data.sets.catalogue import open_reader
from ftlab.data.sets.image_folder import FolderReader
from ftlab.doctor.finding import Finding, fault, good, warning
from ftlab.doctor.surroundings import Surroundings
from ftlab.errors import ConfigError, FtlabError
from ftlab.running.kept_backbones import BUDGET, DEFAULT_BUDGET, KeptBackbones
from ftlab.storage.location import is_uri, nearest_folder
from ftlab.terminal.backbone_listing import taken_line
from ftlab.tracking.tracking_uri import SERVERS
from ftlab.workers.ray_folder import ray_folder

GIB = 2**30
LEAST_FREE, COMFORTABLE_FREE = 1 * GIB, 5 * GIB
LARGE_CACHE = 0.1e9
FULL_FOR_RAY = 0.95  # beyond it Ray refuses to spill objects
CLOCK_TOLERANCE_SECONDS = 30.0


def check_home(surroundings: Surroundings) -> Finding:
    """Check that the driver's folder of FTLAB_HOME can be written."""
    folder = surroundings.home.local
    existing = nearest_folder(folder)
    if not existing.is_dir():
        return fault(f"{existing} is a file, where FTLAB_HOME needs a folder", "export FTLAB_HOME=/another/folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        return fault(f"{existing} cannot be written", f"chmod u+rwx {existing}, or export FTLAB_HOME=/another/folder")
    return good(f"{folder} can be written" if existing == folder else f"{folder} can be created")


def check_shared_home(surroundings: Surroundings) -> Finding:
    """Check that an object store answers, if FTLAB_HOME is in one."""
    location = surroundings.home.location
    if not is_uri(location):
        return good("not used: FTLAB_HOME is a path")
    try:
        checkpoints = surroundings.home.shared("checkpoints").names()
    except FtlabError as error:
        return fault(
            f"{location} cannot be read: {error}",
            "check bucket, region and credentials with the store's own tool, e.g. aws s3 ls; "
            "see docs/tutorials/cluster.md",
        )
    return good(f"{location} answers, {len(checkpoints)} checkpoints")


def check_disk(surroundings: Surroundings) -> Finding:
    """Check the free space on the disk of FTLAB_HOME."""
    return _check_free(surroundings.home.local, "export FTLAB_HOME=/a/larger/disk")


def check_backbones(surroundings: Surroundings) -> Finding:
    """Check that the kept backbones are within their budget."""
    try:
        room = KeptBackbones(surroundings.home).room_for(0)
    except ConfigError as error:
        return fault(str(error), f"export {BUDGET}={DEFAULT_BUDGET}")
    except FtlabError as error:
        return fault(f"they cannot be listed: {error}", "make FTLAB_HOME readable, or export another one")
    if room.spare or not room.fits:
        return warning(f"{taken_line(room)}: the next sweep keeps none, or deletes some", f"export {BUDGET}=100GB")
    return good(taken_line(room))


def check_ray_disk(_: Surroundings) -> Finding:
    """Check the folder of Ray's sockets, logs and of the objects that it moves out of memory, and its disk's space."""
    try:
        folder = ray_folder()
    except ConfigError as error:
        return fault(str(error), "export RAY_TMPDIR=/tmp")
    usage = shutil.disk_usage(nearest_folder(folder))
    move = "export RAY_TMPDIR=/a/larger/disk"
    if 1 - usage.free / usage.total > FULL_FOR_RAY and usage.free >= LEAST_FREE:
        return warning(
            f"the disk of {folder} is over {FULL_FOR_RAY:.0%} full, so Ray keeps everything in memory",
            move,
        )
    return _check_free(folder, move)


def check_clock(surroundings: Surroundings) -> Finding:
    """Compare the clock with that of the tracking server, or with the times of the files in FTLAB_HOME."""
    if surroundings.tracking_uri.startswith(SERVERS):
        return _check_server_clock(surroundings.tracking_uri)
    folder = nearest_folder(surroundings.home.local)
    newest = max((path.stat().st_mtime for path in [folder, *folder.iterdir()] if path.exists()), default=0.0)
    ahead = newest - time.time()
    if ahead > CLOCK_TOLERANCE_SECONDS:
        return warning(
            f"a file in {folder} is {ahead:.0f} s in the future: this clock, or that of the file server, is wrong",
            "timedatectl set-ntp true, on both machines",
        )
    return good(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S %Z}, not behind the files in {folder}")


def check_data(surroundings: Surroundings) -> Finding:
    """Check that the profile's images are in the folder that it names."""
    source = make_source(surroundings.data)
    place = source.root or surroundings.home.local / "data"
    try:
        reader = None if source.download else open_reader(source, surroundings.home.local)
        num_files = 0 if reader is None else len(reader.listing())
        size = reader.decoded_bytes() if isinstance(reader, FolderReader) else 0
    except FtlabError as error:
        return fault(f"{surroundings.profile_name}: {error}", "follow the message above")
    if source.name == "digits":
        return good(f"{surroundings.profile_name}: digits, part of the installation")
    if source.download:
        return good(f"{surroundings.profile_name}: {source.name} in {place}, downloaded when it is missing")
    takes = f", about {size / 1e9:.1f} GB in the cache of decoded images" if size > LARGE_CACHE else ""
    return good(f"{surroundings.profile_name}: {source.name} in {place}, {num_files:,} files{takes}")


def _check_free(folder: Path, fix: str) -> Finding:
    free = shutil.disk_usage(nearest_folder(folder)).free
    message = f"{free / GIB:.1f} GiB free at {folder}"
    if free < LEAST_FREE:
        return fault(f"{message}, less than {LEAST_FREE / GIB:.0f}", fix)
    return (
        warning(f"{message}, less than {COMFORTABLE_FREE / GIB:.0f}", fix) if free < COMFORTABLE_FREE else good(message)
    )


def _check_server_clock(uri: str) -> Finding:
    from ftlab.tracking.mlflow.store_health import ask_health

    try:
        date = ask_health(uri).date
    except FtlabError:
        return good("not compared: the tracking server does not answer")
    if date is None:
        return good("not compared: the tracking server does not tell its time")
    offset = time.time() - parsedate_to_datetime(date).timestamp()
    if abs(offset) > CLOCK_TOLERANCE_SECONDS:
        return warning(
            f"{abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} the tracking server's: "
            "times of runs will not fit together",
            "timedatectl set-ntp true, on both machines",
        )
    return good("equal to the server's, to the second" if abs(offset) < 2 else f"{offset:+.0f} s to the server's")
