"""The types of what the package imports when it is first used."""

from ftlab.errors import FtlabError as FtlabError
from ftlab.notebook import SweepPlan as SweepPlan
from ftlab.notebook import load_epochs as load_epochs
from ftlab.notebook import load_table as load_table
from ftlab.notebook import load_trials as load_trials
from ftlab.notebook import plan as plan
from ftlab.notebook import sweep as sweep

__all__ = ["FtlabError", "SweepPlan", "load_epochs", "load_table", "load_trials", "plan", "sweep"]
