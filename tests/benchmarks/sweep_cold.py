"""Whole-process seconds of `make sweep EXP=momentum` in an empty home: 45 digits trials, table and figures included."""

from _harness import report
from _sweeps import first_epoch_seconds, run_sweep


def main() -> None:
    """Time one cold sweep."""
    seconds, output, _ = run_sweep()
    report("sweep_cold", [seconds], "seconds", {"first epoch on screen, seconds": first_epoch_seconds(output)})


if __name__ == "__main__":
    main()
