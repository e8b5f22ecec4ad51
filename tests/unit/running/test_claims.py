import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftlab.running.claims import TrialClaims
from ftlab.tracking.journal import Journal
from ftlab.tracking.records import Outcome, TrialRecord, TrialStatus

KEY, OTHER = "0123456789abcdef0123456789abcdef", "ffffffffffffffffffffffffffffffff"
HOLD = """
import sys
from pathlib import Path
from ftlab.tracking.journal import Journal
from ftlab.running.claims import TrialClaims
claims = TrialClaims(Path(sys.argv[1]), Journal(Path(sys.argv[1])))
print(claims.take(sys.argv[2]), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def claims(tmp_path: Path) -> Iterator[TrialClaims]:
    with TrialClaims(tmp_path, Journal(tmp_path / "trials")) as claims:
        yield claims


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that has claimed `KEY`."""
    command = [sys.executable, "-c", HOLD, str(tmp_path), KEY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def test_a_trial_is_claimed_by_one_process(claims: TrialClaims, holder: "subprocess.Popen[str]") -> None:
    assert not claims.take(KEY)
    assert claims.take(OTHER)
    assert not claims.any_free([KEY])
    assert claims.any_free([KEY, OTHER])


def test_a_claim_ends_with_its_process_even_when_it_is_killed(
    claims: TrialClaims, holder: "subprocess.Popen[str]"
) -> None:
    holder.kill()
    holder.wait()
    assert claims.any_free([KEY])
    assert claims.take(KEY)


def test_a_released_trial_may_be_claimed_again(claims: TrialClaims) -> None:
    assert claims.take(KEY)
    claims.release(KEY)
    assert claims.take(KEY)


@pytest.mark.parametrize(
    ("outcome", "free"),
    [
        (Outcome(TrialStatus.FINISHED), False),
        (Outcome(TrialStatus.FAILED, "diverged: NaN"), False),
        (Outcome(TrialStatus.FAILED, "the worker died"), True),
        (Outcome(TrialStatus.INTERRUPTED), True),
    ],
)
def test_what_another_sweep_has_settled_is_not_trained_again(
    outcome: Outcome, free: bool, claims: TrialClaims, tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "trials")
    journal.append_trial(TrialRecord(KEY, "cell", 0, "exp/tiny", "trial", {}))
    journal.append_outcome(KEY, outcome)
    assert claims.take(KEY) is free
    assert claims.is_settled(KEY) is not free
