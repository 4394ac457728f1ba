"""``python -m benchmarks.journal [--quick] [--out FILE]``."""

import argparse
from pathlib import Path

from benchmarks.journal import main
from benchmarks.journal.sizes import ROOT

parser = argparse.ArgumentParser(prog="benchmarks.journal", description=main.__doc__)
parser.add_argument("--quick", action="store_true", help="tiny sizes, one round")
parser.add_argument("--out", type=Path, help="the report; docs/benchmarks.md, or .eco2/benchmarks.md when quick")
options = parser.parse_args()
main(options.quick, options.out or ROOT / (".eco2" if options.quick else "docs") / "benchmarks.md")
