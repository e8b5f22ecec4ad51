"""Known vulnerabilities of what the locks install: ``python .ci/audit.py requirements.lock ...``.

Exits with status 1 where one is found, or where a part of the packages could not be audited. Without a network, or with
a package index that knows nothing of vulnerabilities, nothing is audited: it says so, and exits with status 0.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

UNREACHABLE = ("ConnectionError", "ProxyError", "ConnectTimeout", "ReadTimeout", "Max retries exceeded")
NOT_AUDITED = "the vulnerability service could not be reached: nothing was audited"


def main(locks: list[str]) -> int:
    """Audit each lock that is there; return the highest status."""
    return max((audit(Path(lock)) for lock in locks if Path(lock).is_file()), default=0)


def audit(lock: Path) -> int:
    """Audit one lock, say what was found, and return the status."""
    program = shutil.which("pip-audit", path=str(Path(sys.executable).parent)) or "pip-audit"
    options = ["--requirement", str(lock), "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run([program, *options], capture_output=True, encoding="utf-8", check=False)  # noqa: S603 - ours
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        is_offline = any(name in done.stderr for name in UNREACHABLE)
        say(lock, NOT_AUDITED if is_offline else done.stderr.strip())
        return 0 if is_offline else 2
    return report(lock, packages)


def report(lock: Path, packages: list[dict[str, Any]]) -> int:
    """Say what the service knows of packages, and return the status."""
    audited = [package for package in packages if "skip_reason" not in package]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if packages and not audited:
        say(lock, NOT_AUDITED)
        return 0
    found = [(package, flaw) for package in audited for flaw in package["vulns"]]
    for package, flaw in found:
        fixed = ", ".join(flaw["fix_versions"]) or "no version yet"
        say(lock, f"{package['name']} {package['version']}: {flaw['id']}, fixed in {fixed}")
    if skipped:
        say(lock, f"{len(skipped)} packages could not be audited: {', '.join(skipped)}")
    say(lock, f"{len(audited)} packages audited, {len(found)} known vulnerabilities")
    return 1 if found or skipped else 0


def say(lock: Path, text: str) -> None:
    """Print a line about a lock."""
    sys.stdout.write(f"{lock}: {text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
