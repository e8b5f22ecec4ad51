"""A setting of a search: the parameters that Optuna draws for it, and the value that follows from them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, cast

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from ftlab.config.search import ChoiceSpace, FloatSpace, IntSpace, RangeSpace, Space
from ftlab.config.setting import Setting
from ftlab.errors import ConfigError

# Continuous values are rounded, so that a table can print them and suggestions that hardly differ are one trial.
SIGNIFICANT_DIGITS = 3
RANGE_DECIMALS = 2
TOLERANCE = 1e-9

Params = dict[str, Any]


class Dimension(ABC):
    """One setting of a search.

    Attributes:
        name: Dotted name of the setting.
        distributions: Distributions that Optuna draws from, by the name of the parameter.
    """

    def __init__(self, name: str, distributions: Mapping[str, BaseDistribution]) -> None:
        self.name = name
        self.distributions = dict(distributions)

    @abstractmethod
    def setting(self, params: Mapping[str, Any]) -> Setting:
        """Return the setting's value for drawn parameters."""

    @abstractmethod
    def params(self, value: Any) -> Params:
        """Return parameters that give a value, or the nearest possible value.

        Raises:
            ConfigError: The value lies outside the space.
        """

    @abstractmethod
    def examples(self) -> list[Setting]:
        """Return the values at the edges of the dimension, or all values of a choice."""

    def _refuse(self, value: object, rule: str, nearest: str) -> ConfigError:
        return ConfigError(f"{self.name} must {rule}, but got {value!r}; nearest valid: {nearest}.")


class NumberDimension(Dimension):
    """A number between two bounds."""

    def __init__(self, name: str, space: FloatSpace | IntSpace) -> None:
        distribution: BaseDistribution
        if isinstance(space, IntSpace):
            distribution = IntDistribution(space.low, space.high, log=space.scale == "log", step=space.step)
        elif space.scale == "log_from_one":
            distribution = FloatDistribution(1.0 - space.high, 1.0 - space.low, log=True)
        else:
            distribution = FloatDistribution(space.low, space.high, log=space.scale == "log", step=space.step)
        self._from_one = space.scale == "log_from_one"
        self._space = space
        self._param = f"1 - {name}" if self._from_one else name
        super().__init__(name, {self._param: distribution})

    def setting(self, params: Mapping[str, Any]) -> Setting:
        """Return the number, rounded unless it has steps."""
        drawn = params[self._param]
        if isinstance(self._space, IntSpace):
            return int(drawn)
        if self._space.step is not None:
            return round(float(drawn), 10)
        rounded = significant(float(drawn))
        value = round(1.0 - rounded, 10) if self._from_one else rounded
        return min(max(value, self._space.low), self._space.high)

    def params(self, value: Any) -> Params:
        """Return the parameter of a number within the bounds."""
        space = self._space
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._refuse(value, "be a number", f"{space.low:g}")
        if not space.low <= value <= space.high:
            nearest = min(max(value, space.low), space.high)
            raise self._refuse(value, f"lie in the space [{space.low:g}, {space.high:g}]", f"{nearest:g}")
        if space.step is not None:
            steps = (value - space.low) / space.step
            nearest = space.low + round(steps) * space.step
            if abs(steps - round(steps)) > 1e-6:
                raise self._refuse(value, f"be a number of steps of {space.step:g} from {space.low:g}", f"{nearest:g}")
            value = nearest
        return {self._param: 1.0 - value if self._from_one else value}

    def examples(self) -> list[Setting]:
        """Return both bounds."""
        return [self._space.low, self._space.high]


class ChoiceDimension(Dimension):
    """One of several values."""

    def __init__(self, name: str, space: ChoiceSpace) -> None:
        self._choices = {str(value): value for value in space.choices}
        super().__init__(name, {name: CategoricalDistribution(list(self._choices))})

    def setting(self, params: Mapping[str, Any]) -> Setting:
        """Return the chosen value."""
        return self._choices[params[self.name]]

    def params(self, value: Any) -> Params:
        """Return the parameter of a value that is among the choices."""
        for label, choice in self._choices.items():
            if choice == value:
                return {self.name: label}
        raise self._refuse(value, "be a choice of the space", ", ".join(self._choices))

    def examples(self) -> list[Setting]:
        """Return all values."""
        return list(self._choices.values())


class RangeDimension(Dimension):
    """A pair low <= high, drawn as its width and its position in the room that is left."""

    def __init__(self, name: str, space: RangeSpace) -> None:
        self._space = space
        self._width, self._position = f"{name}.width", f"{name}.position"
        distributions: dict[str, BaseDistribution] = {self._width: FloatDistribution(*space.width)}
        if not space.anchored:
            distributions[self._position] = FloatDistribution(0.0, 1.0)
        super().__init__(name, distributions)

    def setting(self, params: Mapping[str, Any]) -> Setting:
        """Return the pair, rounded within the bounds."""
        bottom, top = self._space.within
        width = params[self._width]
        low = bottom + params.get(self._position, 0.0) * (top - bottom - width)
        ends = (low, low + width)
        return [min(max(round(end, RANGE_DECIMALS), bottom), top) for end in ends]

    def params(self, value: Any) -> Params:
        """Return width and position of a pair within the bounds."""
        bottom, top = self._space.within
        low, high = cast("tuple[float, float]", value)
        width, room = high - low, top - bottom - (high - low)
        if low < bottom or high > top or (self._space.anchored and abs(low - bottom) > TOLERANCE):
            rule = f"begin at {bottom:g} and end" if self._space.anchored else "lie"
            nearest = f"[{bottom if self._space.anchored else max(low, bottom):g}, {min(high, top):g}]"
            raise self._refuse([low, high], f"{rule} within [{bottom:g}, {top:g}]", nearest)
        narrowest, widest = self._space.width
        if not narrowest - TOLERANCE <= width <= widest + TOLERANCE:
            nearest = f"a width of {min(max(width, narrowest), widest):g}"
            raise self._refuse([low, high], f"have a width in [{narrowest:g}, {widest:g}]", nearest)
        params = {self._width: min(max(width, narrowest), widest)}
        if not self._space.anchored:
            params[self._position] = min(max((low - bottom) / room, 0.0), 1.0) if room > TOLERANCE else 0.0
        return params

    def examples(self) -> list[Setting]:
        """Return the narrowest and the widest pair at the lower bound."""
        bottom = self._space.within[0]
        return [[bottom, bottom + width] for width in self._space.width]


def make_dimension(name: str, space: Space) -> Dimension:
    """Return the dimension of a setting."""
    if isinstance(space, ChoiceSpace):
        return ChoiceDimension(name, space)
    if isinstance(space, RangeSpace):
        return RangeDimension(name, space)
    return NumberDimension(name, space)


def significant(value: float) -> float:
    """Return a number rounded to three significant digits.

    >>> [significant(value) for value in (0.123456, 98765.0, 0.00054321)]
    [0.123, 98800.0, 0.000543]
    """
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
