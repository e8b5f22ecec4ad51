"""Our whole training step, data path included, against a bare forward and backward pass of the same encoders.

The yardstick has no data path, loss, queue, statistics, optimiser or moving average: nothing can be faster.
"""

import argparse

import torch
from _harness import paired_seconds, report_ratio
from _training import OurSteps, bare_encoders, cell_config, load_like, moco_settings

CPU = torch.device("cpu")


def main() -> None:
    """Time a profile's step with both parts of FT on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", choices=["digits", "photos"], default="digits")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=40)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    config = cell_config(arguments.profile)
    ours = OurSteps(config, load_like(arguments.profile), CPU)
    bare, steps = bare_encoders(ours, CPU), arguments.steps
    pairs = paired_seconds(lambda: ours.run(steps), lambda: bare.run(steps), rounds=arguments.rounds, repeats=1)
    per_step = [(a / steps, b / steps) for a, b in pairs]
    details = {
        "profile": arguments.profile,
        "batch": config.train.batch_size,
        "K": moco_settings(config).queue_size,
        "threads": 1,
        "FT": "both",
    }
    report_ratio("step_limit", per_step, details)


if __name__ == "__main__":
    main()
