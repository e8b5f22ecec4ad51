"""A PostgreSQL server of one's own, on a free port of this machine, which can be stopped hard and started again."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psycopg2
from loopback import HOST, free_port, wait_until

USER = "ftlab"


class PostgresServer:
    """Keeps its data in a new folder, and asks for a password (SCRAM).

    PostgreSQL refuses root: its processes then run as another user.

    Args:
        databases: Names of the databases that it is to hold.
    """

    def __init__(self, databases: Sequence[str]) -> None:
        self.password = secrets.token_urlsafe(24)
        # Not below a test's folder, which other users may not enter.
        self._folder = Path(tempfile.mkdtemp(prefix="ftlab-postgres-", dir="/tmp"))
        self._data = self._folder / "data"
        self._password_file = self._folder / "pgpass"
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._user = _other_user() if os.geteuid() == 0 else None
        self._create()
        self.start()
        for name in databases:
            self._execute(f'CREATE DATABASE "{name}"')

    @staticmethod
    def programs() -> Path | None:
        """Return the folder of PostgreSQL's programs, the newest version's; None if it is not installed."""
        found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
        return max(found, key=lambda path: int(path.parent.name), default=None)

    @property
    def log(self) -> Path:
        """File of what the server says."""
        return self._folder / "server.log"

    def uri(self, database: str) -> str:
        """Return the address of a database for SQLAlchemy, with a file in the place of the password."""
        return f"postgresql+psycopg2://{USER}@{HOST}:{self._port}/{database}?passfile={self._password_file}"

    def start(self) -> None:
        """Start the server and wait until it answers; after a hard stop it recovers first."""
        settings = {"listen_addresses": HOST, "port": self._port, "unix_socket_directories": ""}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command("postgres", "-D", str(self._data), *options),
                cwd=self._folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._answers, 60.0)

    def stop(self) -> None:
        """Stop the server as `pg_ctl stop -m immediate` does: nothing is brought to an end, connections are cut."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(60.0)
            self._process = None

    def close(self) -> None:
        """Stop the server and remove its data."""
        self.stop()
        shutil.rmtree(self._folder)

    def _create(self) -> None:
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(f"{HOST}:{self._port}:*:{USER}:{self.password}\n")
        given = self._folder / "password"
        given.write_text(self.password)
        if self._user is not None:
            for path in (self._folder, given):
                os.chown(path, self._user.pw_uid, self._user.pw_gid)
        options = ("--auth=scram-sha-256", "--encoding=UTF8", "--no-locale")
        subprocess.run(
            self._command("initdb", "-D", str(self._data), "-U", USER, f"--pwfile={given}", *options),
            cwd=self._folder,
            check=True,
            capture_output=True,
        )
        given.unlink()

    def _command(self, program: str, *arguments: str) -> list[str]:
        programs = self.programs()
        assert programs is not None
        change = []
        if self._user is not None:
            change = ["setpriv", f"--reuid={self._user.pw_uid}", f"--regid={self._user.pw_gid}", "--clear-groups"]
        return [*change, str(programs / program), *arguments]

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        try:
            self._execute("SELECT 1")
        except psycopg2.OperationalError:
            return False
        return True

    def _execute(self, statement: str) -> None:
        connection = psycopg2.connect(host=HOST, port=self._port, user=USER, password=self.password, dbname="postgres")
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()


def _other_user() -> pwd.struct_passwd:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return pwd.getpwnam("postgres" if "postgres" in names else "nobody")
