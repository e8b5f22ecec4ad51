"""Durations in words."""


def format_price(seconds: float) -> str:
    """Return a duration in units that people read, with tenths of a second where they matter.

    >>> [format_price(seconds) for seconds in (0.44, 8.2, 42.0)]
    ['0.4 s', '8.2 s', '42 s']
    """
    return f"{seconds:.1f} s" if seconds < 10 else format_seconds(seconds)


def format_seconds(seconds: float) -> str:
    """Return a duration in units that people read.

    >>> [format_seconds(seconds) for seconds in (8.2, 190, 9000)]
    ['8 s', '3 min 10 s', '2 h 30 min']
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
