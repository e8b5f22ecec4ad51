import json
from pathlib import Path

from ftlab.tracking.timings import seconds_spent


def write(folder: Path, key: str, *times: tuple[str, float]) -> None:
    lines = [{"event": event, "time": time, "trial": {"params": {}, "tags": {}}} for event, time in times]
    (folder / f"{key}.jsonl").write_text("\n".join(map(json.dumps, lines)))


def test_what_a_sweep_held_workers_for_is_added_up(tmp_path: Path) -> None:
    write(tmp_path, "a", ("trial", 100.0), ("outcome", 110.0))
    write(tmp_path, "b", ("trial", 10.0), ("outcome", 90.0), ("trial", 105.0), ("epochs", 107.0))
    write(tmp_path, "other", ("trial", 100.0), ("outcome", 900.0))
    assert seconds_spent(tmp_path, ["a", "b", "unheard of"], since=95.0) == 12.0
    assert seconds_spent(tmp_path, ["a", "b"], since=5.0) == 92.0
    assert seconds_spent(tmp_path, [], since=0.0) == 0.0
