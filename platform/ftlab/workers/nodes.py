"""Check the nodes of an existing Ray cluster before anything is computed there."""

import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ftlab.errors import ConfigError
from ftlab.machine.software import check_software, installed_software

# A node that starts its first process reads Python's packages from a cold, maybe remote, disk.
ANSWER_SECONDS = 180.0


def check_nodes() -> None:
    """Query every node of the cluster for its software, all at once.

    On nodes that join later, each worker makes the check itself.

    Raises:
        ConfigError: A node lacks ftlab, has another version of something that decides numbers, or does not answer.
    """
    known = ray.nodes()
    nodes = {node["NodeID"]: node["NodeName"] for node in known if node["Alive"]}
    ask = ray.remote(installed_software)
    answers = {
        node: ask.options(
            num_cpus=0, max_retries=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)
        ).remote()
        for node in nodes
    }
    found = []
    for node, answer in answers.items():
        try:
            found.append(ray.get(answer, timeout=ANSWER_SECONDS))
        except GetTimeoutError as error:
            raise _refusal(nodes[node], f"it did not answer in {ANSWER_SECONDS:g} s") from error
        except RayError as error:
            raise _refusal(nodes[node], _last_line(error)) from error
    check_software(installed_software(), found)


def _refusal(node: str, reason: str) -> ConfigError:
    return ConfigError(
        f"Every node must have ftlab installed as the driver has, but the query of {node} failed: {reason}. "
        "Install it there, or submit the checkout with the job, see docs/tutorials/cluster.md."
    )


def _last_line(error: RayError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else type(error).__name__
