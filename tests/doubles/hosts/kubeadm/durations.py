"""Go's durations: ``1h0m0s``."""

from __future__ import annotations

import re

_UNITS = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}


def seconds(text: str) -> float:
    """Raises ValueError."""
    if text == "0":
        return 0
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"time: invalid duration {text!r}")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
