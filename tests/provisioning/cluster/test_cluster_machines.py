"""Terraform's machines are the cluster file's nodes, or the difference is told; then they are how SSH reaches them."""

from pathlib import Path
from typing import Any

import pytest

from provisioning.cluster.machines import MachinesDiffer, inventory, machines
from provisioning.cluster.model import Cluster
from tests.provisioning.cluster.outputs import terraform_nodes


@pytest.fixture
def nodes(small: Cluster) -> dict[str, dict[str, Any]]:
    return {**terraform_nodes(small)}


def test_each_node_has_its_machine_in_the_order_of_the_file(small: Cluster, nodes: dict[str, Any]) -> None:
    found = machines(small, dict(reversed(nodes.items())))
    assert list(found) == ["master", "api", "worker"]
    assert found["api"].provider_id == nodes["api"]["provider_id"]


def test_control_planes_come_first_in_the_inventory(small: Cluster, nodes: dict[str, Any]) -> None:
    reordered = small.model_copy(update={"nodes": small.nodes[::-1]})
    hosts = inventory(reordered, machines(reordered, nodes))
    assert [host.node for host in hosts] == ["master", "worker", "api"]


def test_a_host_is_reached_as_the_file_says(small: Cluster, nodes: dict[str, Any]) -> None:
    host = inventory(small, machines(small, nodes))[0]
    assert (host.user, host.address, host.port) == ("ubuntu", "203.0.113.1", 22)
    assert host.key_file == Path.home() / ".ssh" / "small"


def test_its_known_hosts_line_pins_the_key_that_the_machine_was_given(small: Cluster, nodes: dict[str, Any]) -> None:
    nodes["master"]["host_key"] += " master"
    host = inventory(small, machines(small, nodes))[0]
    assert host.known_hosts_line() == "203.0.113.1 " + nodes["master"]["host_key"].removesuffix(" master")


def test_all_differences_are_told_at_once(small: Cluster, nodes: dict[str, Any]) -> None:
    """An inventory of before the last change, which once cost an hour against an address that was gone."""
    del nodes["worker"]
    nodes["stranger"] = {**nodes["api"], "instance_id": "i-99999999"}
    nodes["api"]["zone"] = "ap-northeast-2a"
    nodes["master"]["private_ip"] = "10.0.3.77"
    with pytest.raises(MachinesDiffer) as caught:
        machines(small, nodes)
    assert str(caught.value).splitlines() == [
        "api stands in ap-northeast-2a, the cluster file says ap-northeast-2c",
        "master: 10.0.3.77 is not in the subnet of ap-northeast-2a",
        "stranger and api have the same private_ip, 10.0.3.10",
        "stranger and api have the same public_ip, 203.0.113.2",
        "stranger is a machine of no node",
        "worker has no machine",
    ]


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("instance_id", "i-xyz"),
        ("instance_id", None),
        ("private_ip", "10.0.1"),
        ("public_ip", ""),
        ("host_key", "AAAA"),
        ("host_key", "ssh-ed25519 AAAA\n203.0.113.9 ssh-ed25519 BBBB"),
    ],
)
def test_a_fact_of_the_wrong_form_is_told_with_its_node(
    small: Cluster, nodes: dict[str, Any], fact: str, value: str | None
) -> None:
    nodes["api"][fact] = value
    with pytest.raises(MachinesDiffer, match=f"api: {fact}: "):
        machines(small, nodes)


def test_a_fact_that_is_missing_is_told_with_its_node(small: Cluster, nodes: dict[str, Any]) -> None:
    del nodes["api"]["host_key"]
    with pytest.raises(MachinesDiffer, match="api: host_key: "):
        machines(small, nodes)


def test_what_else_terraform_says_is_left_alone(small: Cluster, nodes: dict[str, Any]) -> None:
    nodes["api"]["arn"] = "arn:aws:ec2:::instance/i-1"
    assert machines(small, nodes)["api"].zone == "ap-northeast-2c"
