"""The choices of the page as its address, so that a link can be shared."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self
from urllib.parse import parse_qs, urlencode

EACH = "each"
# More curves cannot be told apart.
MAX_COMPARED = 8
# What the parts of the page depend on: the table, the differences, the runs, and the curves that are drawn of them.
OF_STUDY = ("experiment", "profile")
OF_CELLS = (*OF_STUDY, "cell", "compare")
OF_DIFFERENCES = (*OF_CELLS, "against")
OF_RUNS = (*OF_CELLS, "seed", "status", "run")
OF_CURVES = (*OF_RUNS, "runs")


@dataclass(frozen=True)
class Address:
    """The choices of a page; an empty one stands for what is usual.

    Attributes:
        experiment: Name of the experiment; empty for the first one.
        profile: Name of the profile with its mark of overrides; empty for the experiment's first one.
        cell: Name of the cell; empty for the baseline.
        compare: Cells that are shown beside it, of any study, see `cell_mark`.
        against: The cell that the others' differences are taken to; empty for the baseline of each cell's table.
        seed: Seeds of the runs that are shown; empty for all.
        status: Statuses of the runs that are shown; empty for any.
        run: Trial keys of single runs laid over them.
        runs: ``each`` to draw every run beside the means.
        epoch: Epoch of the distribution of scores; empty for the last one.
        find: Words and settings of the table's rows that are shown, see `explorer.row_filter`.
        sort: Column that the table is sorted by, with a minus in front for the largest first; empty for its order.
        order: The same of the list of runs.
    """

    experiment: str = ""
    profile: str = ""
    cell: str = ""
    compare: tuple[str, ...] = ()
    against: str = ""
    seed: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    runs: str = ""
    epoch: str = ""
    find: str = ""
    sort: str = ""
    order: str = ""

    @classmethod
    def parse(cls, search: str | None) -> Self:
        """Parse the query of an address; what it does not know is left out.

        >>> Address.parse("?experiment=momentum&seed=0&seed=1&colour=red").seed
        ('0', '1')
        """
        given = parse_qs((search or "").removeprefix("?"))
        lists = {field.name: isinstance(field.default, tuple) for field in fields(cls)}
        return cls(**{name: tuple(given[name]) if lists[name] else given[name][0] for name in lists if name in given})  # type: ignore[arg-type]

    @property
    def study(self) -> str:
        """Name of the study in the store."""
        return f"{self.experiment}/{self.profile}"

    def with_study(self, study: str) -> Self:
        """Return the address of a study, e.g. ``momentum/digits``; what is compared stays."""
        experiment, _, profile = study.partition("/")
        return replace(self, experiment=experiment, profile=profile, cell="", find="", sort="")

    def toggled(self, name: str, values: Sequence[str]) -> Self:
        """Return the address in which values of a list are chosen if they are not all now, and are not if they are."""
        chosen = getattr(self, name)
        kept = tuple(value for value in chosen if value not in values)
        more = (*chosen, *(value for value in values if value not in chosen))
        now: dict[str, Any] = {name: kept if {*values} <= {*chosen} else more}
        return replace(self, **now)

    def __str__(self) -> str:
        """Return the link.

        >>> str(Address("momentum", "digits", "key_momentum=0.99", seed=("0", "1")))
        '/?experiment=momentum&profile=digits&cell=key_momentum%3D0.99&seed=0&seed=1'
        """
        return f"/?{urlencode({name: value for name, value in vars(self).items() if value}, doseq=True)}"


def cell_mark(study: str, cell: str) -> str:
    """Return a cell of a study as it stands in an address.

    >>> cell_mark("momentum/digits", "key_momentum=0.99")
    'momentum/digits|key_momentum=0.99'
    """
    return f"{study}|{cell}"
