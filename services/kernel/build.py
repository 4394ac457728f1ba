"""Which build of Eco² this process is, as Prometheus sees it."""

import configparser
import os
from pathlib import Path

from prometheus_client import Gauge

VERSION, COMMIT = "ECO2_VERSION", "ECO2_COMMIT"
"""What an image says of itself; a tree without them has the version of its setup.cfg."""

UNKNOWN = "unknown"
SETUP = Path(__file__).parents[2] / "setup.cfg"

BUILD = Gauge("eco2_build_info", "Always 1; the labels say what runs", ["version", "commit"])


def version() -> str:
    """The version that runs, or "unknown"."""
    metadata = configparser.ConfigParser()
    metadata.read(SETUP, encoding="utf-8")
    return os.environ.get(VERSION) or str(metadata.get("metadata", "version", fallback=UNKNOWN))


BUILD.labels(version(), os.environ.get(COMMIT) or UNKNOWN).set(1)
