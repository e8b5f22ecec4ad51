"""A Ray session that starts in the background, because the driver can use the seconds that it takes."""

import logging
import os
import shlex
import signal
import sys
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any

from ftlab.errors import ConfigError, FtlabError
from ftlab.machine.capacity import Capacity
from ftlab.machine.facts import usable_cores
from ftlab.workers.cluster_query import require_cluster
from ftlab.workers.environment import ENVIRONMENT, LOCAL_ENVIRONMENT
from ftlab.workers.ray_folder import mark_session, ray_folder, remove_left_sessions


class RaySession:
    """Ray on this machine, or the cluster of RAY_ADDRESS, from `start` to the end of the ``with`` block.

    One thread starts, keeps and ends the session: Ray's processes are bound to the life of the thread that made them,
    so that they die with the driver even when it is killed.

    Args:
        capacity: The part of this machine that the session may use.
    """

    def __init__(self, capacity: Capacity) -> None:
        self.capacity = capacity
        self._ready, self._over = Event(), Event()
        self._error: Exception | None = None
        self._thread = Thread(target=self._live, name="ftlab-ray-session", daemon=True)

    def start(self) -> "RaySession":
        """Begin to start Ray and return at once; do nothing if the session has begun."""
        if self._thread.ident is None:
            self._thread.start()
        return self

    def stop(self) -> None:
        """End the session, also if it is still starting or never began."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def wait(self) -> "RaySession":
        """Start Ray if it was not started, and return when it is ready.

        Raises:
            FtlabError: Ray could not be started or reached.
        """
        self.start()
        self._ready.wait()
        if self._error is not None:
            place = os.environ.get("RAY_ADDRESS") or "this machine"
            raise FtlabError(f"Ray must be started or reached, but at {place} it was not: {self._error}")
        return self

    def __enter__(self) -> "RaySession":
        return self.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _live(self) -> None:
        local = {} if os.environ.get("RAY_ADDRESS") else LOCAL_ENVIRONMENT
        for name, value in {**ENVIRONMENT, **local}.items():
            os.environ.setdefault(name, value)
        # Ray's processes inherit it: a closed terminal tells every process, but the driver's end must find workers.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        try:
            import ray

            # The study reports a trial's error in one line, so Tune's own report is not needed.
            logging.getLogger("ray").setLevel(logging.ERROR)
            logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
            context = ray.init(log_to_driver=False, configure_logging=False, **self._arguments())
            if local:
                mark_session(Path(context.address_info["session_dir"]))  # type: ignore[attr-defined] # a client has none
            # Tune is imported here too, because the driver would wait for it otherwise.
            import ray.tune
        except Exception as error:
            self._error = error
            return
        finally:
            self._ready.set()
        self._over.wait()
        ray.shutdown()

    def _arguments(self) -> dict[str, Any]:
        from ray._private.services import get_ray_address_from_environment

        address = os.environ.get("RAY_ADDRESS", "")
        if address.startswith("ray://"):
            # Ray's client runs Tune in the cluster, where there is no terminal, no journal and no tracking store.
            raise ConfigError(
                "RAY_ADDRESS must be HOST:PORT of a cluster that this machine is a node of; from elsewhere use "
                "`ray job submit`, see docs/tutorials/cluster.md."
            )
        if address and address != "local":
            # Ray's own search and patience are without a bound, or of a quarter of an hour.
            require_cluster(get_ray_address_from_environment(address, None))
        if address:
            return {}
        folder = ray_folder()
        remove_left_sessions(folder)
        # Without an address Ray would join any cluster that was started on this machine.
        return {
            "address": "local",
            "num_cpus": self.capacity.cpus or usable_cores(),
            "num_gpus": self.capacity.gpus,
            "include_dashboard": False,
            "_temp_dir": str(folder),
            **_quoted_python(sys.executable),
        }


def _quoted_python(executable: str) -> dict[str, Any]:
    """Return Ray's argument for a Python with a space or the like in its path, which Ray hands to a shell as it is."""
    quoted = shlex.quote(executable)
    return {} if quoted == executable else {"runtime_env": {"py_executable": quoted}}
