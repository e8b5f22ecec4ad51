import os
import socket
from collections.abc import Iterator

import pytest

from ftlab.errors import FtlabError
from ftlab.machine.ports import require_free_port


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_taken_port_is_named_with_the_process_that_holds_it(taken_port: int) -> None:
    with pytest.raises(FtlabError, match=f"a port must be free, but got {taken_port}: process {os.getpid()} listens"):
        require_free_port(taken_port)


def test_any_port_is_accepted() -> None:
    require_free_port(0)
