from dataclasses import replace

from ftlab.config.experiment import ResourcesConfig
from ftlab.plan_listing import NO_FORECAST, quote_lines
from ftlab.tuning.forecast import Forecast
from ftlab.tuning.hardware import Hardware
from ftlab.tuning.quote import Quote

QUOTE = Quote(ResourcesConfig(), None, Hardware("EPYC", "2", "cpu", threads=1, together=2), None)
FORECAST = Forecast(12, 1200, 220.0, 0.12, "CPU", 9_800_000, 7_200_000, "12 recorded trials")


def test_only_a_price_is_at_most() -> None:
    assert quote_lines(QUOTE, at_most=True) == [NO_FORECAST]
    priced, *_ = quote_lines(replace(QUOTE, forecast=FORECAST), at_most=True)
    assert priced.startswith("upper estimate: 3 min 40 s")


def test_a_probe_that_failed_is_named() -> None:
    (line,) = quote_lines(replace(QUOTE, problem="the loss is NaN"))
    assert line == "estimate: none, because a calibration run failed: the loss is NaN"
