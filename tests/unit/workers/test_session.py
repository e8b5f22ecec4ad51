import shlex

import pytest

from ftlab.workers.session import _quoted_python


@pytest.mark.parametrize(
    "path", ["/my own/.venv/bin/python", "/it's/python", "/a&b/python", "/$HOME/python", "/a#b (2)/p"]
)
def test_a_python_in_a_path_that_a_shell_would_part_is_quoted(path: str) -> None:
    assert shlex.split(_quoted_python(path)["runtime_env"]["py_executable"]) == [path]


@pytest.mark.parametrize("path", ["/usr/bin/python3.11", "/home/a-b_c/.venv/bin/python"])
def test_another_python_is_left_to_ray(path: str) -> None:
    assert _quoted_python(path) == {}
