import time

from ftlab.doctor.checkup import CHECKS, Check, check_up
from ftlab.doctor.finding import Finding, Level, good
from ftlab.doctor.surroundings import Surroundings


def fail(_: Surroundings) -> Finding:
    raise ValueError("a damaged package\nand more")


def hang(_: Surroundings) -> Finding:
    time.sleep(1.0)
    return good("at last")


def test_checks_that_hang_or_fail_are_faults_and_stop_no_other(surroundings: Surroundings) -> None:
    checks = {"hangs": Check(hang, 0.05), "fails": Check(fail), "works": Check(lambda _: good("well"))}
    started = time.monotonic()
    found = dict(check_up(surroundings, checks))
    assert time.monotonic() - started < 0.9
    assert {name: finding.level for name, finding in found.items()} == {
        "hangs": Level.FAULT,
        "fails": Level.FAULT,
        "works": Level.OK,
    }
    assert found["hangs"].message == "no answer in 0 s"
    assert found["fails"].message == "the check failed: ValueError: a damaged package"


def test_every_check_is_bounded() -> None:
    assert all(0 < check.seconds <= 120 for check in CHECKS.values())
