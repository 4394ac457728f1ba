"""Terraform and this package read the cluster file by different YAMLs; what is accepted here is the same to both."""

import json
import shutil
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from provisioning.cluster.document import read
from provisioning.cluster.loading import CLUSTER_FILE

TERRAFORM = shutil.which("terraform")
pytestmark = pytest.mark.skipif(TERRAFORM is None, reason="terraform is not installed: nothing to compare with")

# Scalars that YAML's versions, or its readers, are known to disagree on, with some that are plain.
TRICKY = [
    *("yes", "no", "on", "off", "y", "n", "Yes", "NO", "true", "True", "TRUE", "false", "~", "null", "Null", "NULL"),
    *("1", "-1", "+1", "0", "007", "0o17", "0x1F", "0b11", "1_000", "1:30", "1:30.5", "099720109477", "12e3", "1e3"),
    *("1.5", "1.", ".5", "+1.5", "1_0.5", "1.5e3", "1.5E+3", ".inf", "-.inf", ".nan", ".NaN", "Infinity", "nan"),
    *("2026-11-23", "2026-11-23T01:02:03Z", "2026-1-2", "10.0.0.0/16", "1.34.12", "1.34", "10%", "5Gi", "250m", "="),
    *("a:b", "a=b:NoSchedule", "a#b", "-a", "?a", "!a", "&a", "'1'", '"yes"', "'it''s'", '"\\u00e9"', "한국", "é"),
    *("1e400", "9223372036854775807", "99999999999999999999", "0.1", "1.10", "0x", "0o8", "08", "0", "-0", "-0.0"),
    *(
        "Y",
        "N",
        "2026-1-2T1:2:3Z",
        "2026-1-2 1:2:3",
        "2026-01-02 03:04:05 +9:00",
        "2026-1-2x",
        "12:30:45",
        "1:60",
        "|",
        ">-",
    ),
]
# All short texts of the characters that numbers, truth values and nothing are written with.
SHORT = ["".join(letters) for length in (1, 2) for letters in product("0178.-+eExob_:~yYnNfFtT", repeat=length)]


def terraform_reads(file: Path, folder: Path) -> Any:
    expression = f'jsonencode(yamldecode(file("{file}")))'
    done = subprocess.run(
        [str(TERRAFORM), "console"], input=expression, cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(json.loads(done.stdout))


def test_both_read_the_products_file_alike(tmp_path: Path) -> None:
    ours = read(CLUSTER_FILE.read_text(encoding="utf-8"))
    assert ours.findings == []
    assert terraform_reads(CLUSTER_FILE, tmp_path) == ours.data


def test_both_read_every_scalar_alike_that_is_accepted_here(tmp_path: Path) -> None:
    scalars = TRICKY + SHORT
    documents = {f"k{index}": read(f"key: {scalar}\n") for index, scalar in enumerate(scalars)}
    accepted = {key: document for key, document in documents.items() if not document.findings}
    file = tmp_path / "tricky.yaml"
    file.write_text("".join(f"{key}: {scalars[int(key[1:])]}\n" for key in accepted), encoding="utf-8")
    theirs = terraform_reads(file, tmp_path)
    ours = {key: document.data["key"] for key, document in accepted.items()}
    different = {scalars[int(key[1:])]: (ours[key], theirs[key]) for key in ours if not alike(ours[key], theirs[key])}
    assert different == {}
    assert len(accepted) > 200, "the comparison would be about little"


def test_both_read_every_key_alike_that_is_accepted_here(tmp_path: Path) -> None:
    documents = {key: read(f"{key}: x\n") for key in dict.fromkeys(TRICKY + SHORT)}
    accepted = [key for key, document in documents.items() if not document.findings and isinstance(document.data, dict)]
    file = tmp_path / "tricky.yaml"
    file.write_text("".join(f"-\n  {key}: x\n" for key in accepted), encoding="utf-8")
    ours = [documents[key].data for key in accepted]
    assert terraform_reads(file, tmp_path) == ours
    assert len(ours) > 200, "the comparison would be about little"


def alike(ours: Any, theirs: Any) -> bool:
    """Equal, and of one type: 1 is not true, and not "1"."""
    number = (int, float)
    same_type = type(ours) is type(theirs) or (
        isinstance(ours, number)
        and isinstance(theirs, number)
        and not isinstance(ours, bool)
        and not isinstance(theirs, bool)
    )
    return same_type and ours == theirs
