import pytest


@pytest.fixture(autouse=True)
def _decode_once(decode_once: None) -> None:
    """Let all tests here share the decoded digits, since none is about their cache."""
