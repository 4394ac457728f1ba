"""The command line of `workers.ai.evaluation.command`."""

import argparse
import sys
from pathlib import Path

from workers.ai.evaluation.command import evaluate

parser = argparse.ArgumentParser(prog="evaluate", description="Judge a vision provider on labelled photos.")
parser.add_argument("photos_dir", type=Path, help="photos and labels.csv (file,item_id,situations,note)")
parser.add_argument("--provider", default="local", help="local (default) or openai")
parser.add_argument("--json", action="store_true", help="for scripts")
parser.add_argument("--output", type=Path, help="folder for the pictures and result.json")
given = parser.parse_args()
sys.exit(evaluate(given.photos_dir, given.provider, given.json, given.output))
