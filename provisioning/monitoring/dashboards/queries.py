"""PromQL as the panels need it: short names for what they ask again and again.

Rates are over Grafana's own ``$__rate_interval``, which is never too short for the scrapes. ``by`` names the labels
that a result keeps, separated by commas; without it one series is left.
"""

from __future__ import annotations

from typing import Final

RATE: Final = "$__rate_interval"
RANGE: Final = "$__range"

# Each pod gets a probe every few seconds, and they would hide what users meet. As in the recording rules.
NO_PROBES: Final = 'route!~".*/(health|ready|metrics)"'


def series(metric: str, where: str = "") -> str:
    return f"{metric}{{{where}}}" if where else metric


def total(expression: str, by: str = "") -> str:
    return f"sum by ({by}) ({expression})" if by else f"sum({expression})"


def rate(metric: str, where: str = "", by: str = "", over: str = RATE) -> str:
    """Of a counter, a second."""
    return total(f"rate({series(metric, where)}[{over}])", by)


def increase(metric: str, where: str = "", by: str = "", over: str = RANGE) -> str:
    """Of a counter, in the time ``over``."""
    return total(f"increase({series(metric, where)}[{over}])", by)


def quantile(share: float, metric: str, where: str = "", by: str = "", over: str = RATE) -> str:
    """Of a histogram: what this share of the observations stayed below."""
    return f"histogram_quantile({share}, {rate(f'{metric}_bucket', where, f'le, {by}' if by else 'le', over)})"


def mean(metric: str, where: str = "", by: str = "", over: str = RATE) -> str:
    """Of a histogram; nothing where nothing was observed."""
    return f"{rate(f'{metric}_sum', where, by, over)} / ({rate(f'{metric}_count', where, by, over)} > 0)"


def ratio(part: str, whole: str) -> str:
    """0 where there is a whole and no part of it, such as no errors; nothing where there is no whole."""
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


def share_of(used: str, limit: str) -> str:
    """Nothing where there is no limit."""
    return f"{used} / ({limit} > 0)"


def top(count: int, expression: str) -> str:
    """The largest ones only: a panel with a hundred lines says nothing."""
    return f"topk({count}, {expression})"
