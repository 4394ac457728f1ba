"""Every kind of mistake is told in its very words, at its very line and column."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioning.cluster.loading import examine_text

MISTAKES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("mistakes.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["title"].replace(" ", "-"))
def test_a_mistake_is_told_at_its_place_when(mistake: dict[str, Any], small_text: str) -> None:
    text = small_text
    for old, new in mistake["replace"]:
        assert text.count(old) == 1, f"{old!r} does not stand in small.yaml exactly once"
        text = text.replace(old, new)
    examined = examine_text(text, "cluster.yaml")
    assert examined.cluster is None
    assert [finding.text("cluster.yaml") for finding in examined.errors] == [
        f"cluster.yaml:{line}" for line in mistake["told"]
    ]


def test_the_small_file_is_right_before_any_mistake(small_text: str) -> None:
    assert examine_text(small_text).errors == ()
