"""What nodes answer, checked before anything is concluded from it. Facts are read by `provisioning.scripts.facts`."""

from __future__ import annotations

import json
from typing import Any

from provisioning.cluster import Version
from provisioning.operations.errors import NodeAnswersWrong
from provisioning.scripts.facts import Facts


def version(facts: Facts, key: str) -> Version:
    """``v1.34.12`` or ``3.6.5-0`` as a version. Raises `NodeAnswersWrong`, `FactsUnreadable`."""
    try:
        return Version.parse(facts.text(key).partition("-")[0])
    except ValueError as error:
        raise NodeAnswersWrong(f"{facts.node}: {key}: {error}") from error


def document(text: str, node: str) -> dict[str, Any]:
    """A JSON object. Raises `NodeAnswersWrong`."""
    try:
        read = json.loads(text)
    except ValueError as error:
        raise NodeAnswersWrong(f"{node} has answered with no JSON") from error
    if not isinstance(read, dict):
        raise NodeAnswersWrong(f"{node} has answered with no JSON object")
    return read
