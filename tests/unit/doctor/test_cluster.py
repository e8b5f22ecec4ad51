import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ftlab.doctor import cluster
from ftlab.doctor.cluster import check_ray
from ftlab.doctor.finding import Level
from ftlab.doctor.surroundings import Surroundings
from ftlab.workers.cluster_query import ClusterAnswer, Refusal

HERE = ("2.60.0", "3.11.7")


@pytest.fixture
def on_cluster(surroundings: Surroundings) -> Iterator[Surroundings]:
    """Surroundings whose RAY_ADDRESS somebody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield replace(surroundings, ray_address=f"127.0.0.1:{listener.getsockname()[1]}")


def test_without_an_address_nobody_is_asked(surroundings: Surroundings) -> None:
    assert check_ray(surroundings).level is Level.OK


@pytest.mark.parametrize("address", ["ray://host:10001", "host", "auto"])
def test_an_address_that_cannot_serve_is_a_fault(surroundings: Surroundings, address: str) -> None:
    found = check_ray(replace(surroundings, ray_address=address))
    assert (found.level, "must be HOST:PORT" in found.message) == (Level.FAULT, True)


def test_nobody_at_the_address_is_a_fault(surroundings: Surroundings) -> None:
    found = check_ray(replace(surroundings, ray_address="127.0.0.1:9"))
    assert (found.level, "ray start --head --port=9" in found.fix) == (Level.FAULT, True)


@pytest.mark.parametrize(
    ("answer", "level", "words"),
    [
        (ClusterAnswer(theirs=HERE, ours=HERE), Level.OK, "answers, Ray 2.60.0 on Python 3.11.7"),
        (ClusterAnswer(theirs=("2.59.0", "3.11.7"), ours=HERE), Level.FAULT, "runs Ray 2.59.0 on Python 3.11.7, but"),
        (ClusterAnswer(Refusal.NO_TOKEN), Level.FAULT, "there is no token"),
        (ClusterAnswer(Refusal.WRONG_TOKEN), Level.FAULT, "does not accept our token"),
        (ClusterAnswer(Refusal.OTHER, "no answer in 45 s"), Level.FAULT, "like Ray: no answer in 45 s"),
    ],
)
def test_answers_are_told_apart(
    on_cluster: Surroundings, monkeypatch: pytest.MonkeyPatch, answer: ClusterAnswer, level: Level, words: str
) -> None:
    monkeypatch.setattr(cluster, "query_cluster", lambda _: answer)
    found = check_ray(on_cluster)
    assert (found.level, words in found.message, bool(found.fix)) == (level, True, level is not Level.OK)
