"""How much is measured: every load is bounded in count and in time."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Sizes:
    """Times in seconds; the rest are counts of tasks or rows."""

    rounds: int
    cell_s: float  # of one cell of the journal-alone table
    paced_s: float
    paced_rate: int
    concurrent: tuple[int, ...]
    flow: int
    backlog: int
    crash: int
    sync: int
    recovery: int
    memory: int
    memory_s: float


FULL = Sizes(
    rounds=3,
    cell_s=2.0,
    paced_s=5.0,
    paced_rate=1000,
    concurrent=(1, 8, 64, 256),
    flow=5000,
    backlog=2000,
    crash=300,
    sync=50_000,
    recovery=100_000,
    memory=1_000_000,
    memory_s=15.0,
)

QUICK = Sizes(
    rounds=1,
    cell_s=0.3,
    paced_s=1.5,
    paced_rate=1000,
    concurrent=(1, 64),
    flow=300,
    backlog=300,
    crash=150,
    sync=3000,
    recovery=2000,
    memory=20_000,
    memory_s=3.0,
)
