"""The surroundings that the checks examine."""

import os
from dataclasses import dataclass
from pathlib import Path

from ftlab.config.experiment import ProfileConfig
from ftlab.config.home import Home, ftlab_home
from ftlab.config.loading import load_profile
from ftlab.config.sections.data_section import DataConfig
from ftlab.study.spec import single_trial_study
from ftlab.tracking.opening import tracking_uri


@dataclass(frozen=True)
class Surroundings:
    """The folders, addresses and settings that a sweep of a profile would use.

    Attributes:
        home: FTLAB_HOME.
        tracking_uri: Address of the tracking store.
        ray_address: Address of a Ray cluster; empty for Ray on this machine.
        profile_name: Name of the profile.
        profile: The profile.
        data: The images that it trains on.
        lock: The checkout's file of exact versions.
    """

    home: Home
    tracking_uri: str
    ray_address: str
    profile_name: str
    profile: ProfileConfig
    data: DataConfig
    lock: Path


def find_surroundings(profile_name: str) -> Surroundings:
    """Return the surroundings of this process.

    Raises:
        ConfigError: There is no such profile, or it breaks the schema.
    """
    profile, home = load_profile(profile_name), ftlab_home()
    return Surroundings(
        home=home,
        tracking_uri=tracking_uri(home.local),
        ray_address=os.environ.get("RAY_ADDRESS", ""),
        profile_name=profile_name,
        profile=profile,
        data=single_trial_study(profile_name, profile, 0, {}).cells[0].config.data,
        lock=Path(__file__).parents[3] / "requirements.lock",
    )
