"""The site builds without a warning and without a network, and asks no other host for anything."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="the site's packages are not installed: make setup")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
# What a browser fetches by itself, unlike the links that a reader follows.
FETCHED = r"""<(?:script|img|iframe|source)\b[^>]*\bsrc="([^"]+)"|<link\b[^>]*\bhref="([^"]+)"|url\(["']?([^"')]+)"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    # An address at which nobody answers: what would be fetched fails the build.
    closed = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "docs", str(folder)]
    environment = {**os.environ, **closed}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    files = [path for path in site.rglob("*") if path.suffix in (".html", ".css")]
    assert len(files) > 40
    for path in files:
        fetched = {address for found in re.findall(FETCHED, path.read_text("utf-8")) for address in found if address}
        assert [address for address in fetched if re.match(r"(https?:)?//", address)] == [], path


def test_every_page_has_a_search_and_a_width_of_its_own(site: Path) -> None:
    for path in site.rglob("*.html"):
        text = path.read_text("utf-8")
        assert 'name="viewport"' in text, path
        assert 'action="' in text, path
    assert (site / "searchindex.js").stat().st_size > 50_000
