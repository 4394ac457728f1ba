"""Amounts of CPU and memory as Kubernetes writes them (``250m``, ``1536Mi``), kept as whole numbers.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import re
from dataclasses import dataclass
from functools import reduce

MIB = 1 << 20
GIB = 1 << 30

_CPU = re.compile(r"(?P<whole>[1-9][0-9]{0,5})(?P<milli>m?)", re.ASCII)
_MEMORY = re.compile(r"(?P<number>[1-9][0-9]{0,8})(?P<unit>Ki|Mi|Gi)", re.ASCII)
_UNIT = {"Ki": 1 << 10, "Mi": MIB, "Gi": GIB}


def millicores(text: str) -> int:
    """``250m`` or ``2`` -> 250 or 2000. Raises ValueError for anything else, fractions of a core included."""
    found = _CPU.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no amount of CPU: write millicores (250m) or whole cores (2)")
    return int(found["whole"]) * (1 if found["milli"] else 1000)


def memory_bytes(text: str) -> int:
    """``512Mi`` -> 536870912. Raises ValueError for anything else; units of 1000 are refused, they are a trap."""
    found = _MEMORY.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no amount of memory: write Mi or Gi (512Mi, 2Gi)")
    return int(found["number"]) * _UNIT[found["unit"]]


def cpu_text(amount: int) -> str:
    return f"{amount}m"


def memory_text(amount: int) -> str:
    """In Gi where it comes out even, else in Mi, rounded down."""
    return f"{amount // GIB}Gi" if amount % GIB == 0 and amount else f"{amount // MIB}Mi"


@dataclass(frozen=True)
class Resources:
    """Millicores, bytes of memory, and pods: what a node has, or what runs on it wants."""

    cpu: int = 0
    memory: int = 0
    pods: int = 0

    def __add__(self, other: "Resources") -> "Resources":
        return Resources(self.cpu + other.cpu, self.memory + other.memory, self.pods + other.pods)

    def __sub__(self, other: "Resources") -> "Resources":
        return Resources(self.cpu - other.cpu, self.memory - other.memory, self.pods - other.pods)

    def holds(self, other: "Resources") -> bool:
        return self.cpu >= other.cpu and self.memory >= other.memory and self.pods >= other.pods

    @staticmethod
    def total(parts: "list[Resources]") -> "Resources":
        return reduce(Resources.__add__, parts, Resources())

    def __str__(self) -> str:
        return f"{cpu_text(self.cpu)} CPU and {memory_text(self.memory)}"
