"""The journal beside its peers: rates, latency, sync, recovery, memory and crashes, in one run.

`main` (``./inv bench.journal``) runs the parts in a private stack that is wiped at the end. `systems` holds each
system behind one face, `drive` exercises it in its own virtual environment.
"""

from pathlib import Path


def main(quick: bool, out: Path) -> None:
    """Measure, and write the report to `out`, its plot into ``images/`` beside it. `quick` takes tiny sizes, once."""
    from benchmarks.journal.run import run

    run(quick, out)
