"""The choices of the page as its address, so that a link can be shared."""

from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import parse_qs, urlencode


@dataclass(frozen=True)
class Address:
    """The choices of a page.

    Attributes:
        experiment: Name of the experiment; empty for the first one.
        profile: Name of the profile with its mark of overrides; empty for the experiment's first one.
        cell: Name of the cell; empty for the baseline.
    """

    experiment: str = ""
    profile: str = ""
    cell: str = ""

    @classmethod
    def parse(cls, search: str | None) -> Self:
        """Parse the query of an address.

        >>> Address.parse("?experiment=momentum&cell=key_momentum%3D0.99&colour=red")
        Address(experiment='momentum', profile='', cell='key_momentum=0.99')
        """
        given = parse_qs((search or "").removeprefix("?"))
        return cls(**{name: given[name][0] for name in ("experiment", "profile", "cell") if name in given})

    @classmethod
    def of_study(cls, study: str) -> Self:
        """Return the address of a study, e.g. ``momentum/digits``."""
        experiment, _, profile = study.partition("/")
        return cls(experiment, profile)

    def with_cell(self, cell: str) -> Self:
        """Return the address of one of the study's cells."""
        return replace(self, cell=cell)

    @property
    def study(self) -> str:
        """Name of the study in the store."""
        return f"{self.experiment}/{self.profile}"

    def __str__(self) -> str:
        """Return the link.

        >>> str(Address("momentum", "digits", "key_momentum=0.99"))
        '/?experiment=momentum&profile=digits&cell=key_momentum%3D0.99'
        """
        return f"/?{urlencode({name: text for name, text in vars(self).items() if text})}"
