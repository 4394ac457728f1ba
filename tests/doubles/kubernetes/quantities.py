"""Amounts as Kubernetes writes them (250m, 1536Mi, 1e3), as exact numbers."""

import re
from fractions import Fraction

_FORM = re.compile(
    r"(?P<number>[+-]?[0-9]+(\.[0-9]*)?|[+-]?\.[0-9]+)(?P<unit>[EPTGMK]i|[numkMGTPE]|[eE][+-]?[0-9]+)?", re.ASCII
)
_UNIT = {"n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "": Fraction(1)}
_UNIT |= {letter: Fraction(1000**power) for power, letter in enumerate("kMGTPE", 1)}
_UNIT |= {f"{letter}i": Fraction(1024**power) for power, letter in enumerate("KMGTPE", 1)}


def quantity(text: str | int | float) -> Fraction:
    """Raises ValueError for what is no amount."""
    found = _FORM.fullmatch(str(text).strip())
    if not found:
        raise ValueError(f"{text!r} is no quantity")
    unit = found["unit"] or ""
    if unit[:1] in "eE" and len(unit) > 1 and unit != "Ei":
        return Fraction(found["number"]) * Fraction(10) ** int(unit[1:])
    return Fraction(found["number"]) * _UNIT[unit]
