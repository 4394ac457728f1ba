"""The number of nodes stands in ``cluster.yaml`` alone: it is counted from the list there and written nowhere else.

A count written twice was once changed in one place; the rebuild then waited for twelve workers of seven.
"""

import re
from pathlib import Path

import pytest

from provisioning.cluster.model import Cluster

PROVISIONING = Path(__file__).parents[3] / "provisioning"
SUFFIXES = {
    ".py",
    ".tf",
    ".hcl",
    ".yaml",
    ".yml",
    ".json",
    ".sh",
    ".tftpl",
    ".tpl",
    ".conf",
    ".toml",
    ".md",
    ".example",
}
WORDS = {2: "two", 4: "four", 6: "six", 12: "twelve", 13: "thirteen"}


def counts_of_nodes(text: str, counts: set[int]) -> list[str]:
    """The places where one of these counts is said of nodes: ``13 nodes``, ``13-node``, ``len(nodes) == 13``."""
    numbers = "|".join([str(count) for count in counts] + [WORDS[count] for count in counts if count in WORDS])
    said = re.compile(
        rf"\b(?:{numbers})[ _-]+(?:\w+[ _-]+)?(?:nodes?|machines?|instances?|hosts?|workers?)\b"
        rf"|\b\w*(?:nodes?|machines?|instances?|hosts?|workers?)\b\W{{0,4}}(?:[=!<>]=|[<>=:])\s*(?:{numbers})\b",
        re.IGNORECASE,
    )
    return [match.group() for match in said.finditer(text)]


@pytest.fixture(scope="session")
def counts(cluster: Cluster) -> set[int]:
    """All nodes, and all that join. Smaller counts, such as of one role, are too common for a search."""
    return {len(cluster.nodes), len(cluster.nodes) - 1}


@pytest.mark.parametrize(
    "text",
    [
        "a 13-node cluster",
        "EXPECTED_WORKERS=12",
        "assert len(nodes) == 13",
        "13 instances",
        "wait for thirteen nodes",
        "nodes: 13",
    ],
)
def test_the_search_finds_a_count(text: str, counts: set[int]) -> None:
    assert counts_of_nodes(text, counts)


@pytest.mark.parametrize(
    "text", ["port 1300", "last_patch: 13", "13 seconds for a node", "version 1.33.13\nnodes", "10.96.0.0/12"]
)
def test_the_search_leaves_other_numbers_alone(text: str, counts: set[int]) -> None:
    assert not counts_of_nodes(text, counts)


def sources() -> list[Path]:
    """Everything under provisioning/ that people write, without what Terraform downloads."""
    return sorted(
        path
        for path in PROVISIONING.rglob("*")
        if path.suffix in SUFFIXES
        and path.is_file()
        and ".terraform" not in path.parts
        and "__pycache__" not in path.parts
    )


def test_no_number_of_nodes_stands_anywhere_under_provisioning(counts: set[int]) -> None:
    found = {
        str(path.relative_to(PROVISIONING)): said
        for path in sources()
        if (said := counts_of_nodes(path.read_text(encoding="utf-8"), counts))
    }
    assert found == {}


def test_no_node_of_the_product_is_named_in_code(cluster: Cluster) -> None:
    """Names come from the file too. Terraform's own tests may use one as an example."""
    names = re.compile("|".join(rf"\b{re.escape(node.name)}\b" for node in cluster.nodes))
    found = {
        str(path.relative_to(PROVISIONING)): said
        for path in sources()
        if path.name != "cluster.yaml"
        and "tests" not in path.parts
        and (said := names.findall(path.read_text(encoding="utf-8")))
    }
    assert found == {}
