"""Who may create a request could get a certificate for another's address. Each way to try it is refused, with why."""

from ipaddress import IPv4Address
from typing import Any

import pytest

from provisioning.kubernetes.serving_certificates import NodeNames, claims, is_pending, suspicions
from provisioning.site import Site
from tests.provisioning.kubernetes.world import serving_request

REGION = "ap-northeast-2"


@pytest.fixture
def who(site: Site) -> NodeNames:
    node = site.nodes[3]
    return NodeNames.of(node, site.machines()[node], REGION)


def honest(who: NodeNames, **changes: Any) -> dict[str, Any]:
    return serving_request(who.node, sorted(who.names), sorted(who.addresses), **changes)


def test_what_the_kubelet_asks_for_is_in_order(who: NodeNames) -> None:
    assert suspicions(honest(who), who) == []


def test_the_first_request_before_the_cloud_controller_has_spoken_is_in_order(who: NodeNames, site: Site) -> None:
    private = site.machines()[who.node].private_ip
    assert suspicions(serving_request(who.node, [who.node], [private]), who) == []


def test_an_rsa_key_may_also_encipher_keys(who: NodeNames) -> None:
    usages = ["digital signature", "key encipherment", "server auth"]
    assert suspicions(honest(who, usages=usages), who) == []


def test_the_names_are_those_that_aws_gives_to_the_addresses(who: NodeNames, site: Site) -> None:
    machine = site.machines()[who.node]
    dashed = str(machine.private_ip).replace(".", "-")
    assert f"ip-{dashed}.{REGION}.compute.internal" in who.names
    assert f"ip-{dashed}.ec2.internal" in NodeNames.of(who.node, machine, "us-east-1").names


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"username": "system:node:another"}, "system:node:another asks for it"),
        ({"username": "system:serviceaccount:eco2:waste"}, "serviceaccount:eco2:waste asks"),
        ({"groups": ["system:authenticated"]}, "not in the group system:nodes"),
        ({"signerName": "kubernetes.io/kube-apiserver-client-kubelet"}, "its signer is"),
        ({"usages": ["digital signature", "client auth"]}, "client auth"),
        ({"usages": ["digital signature", "server auth", "client auth"]}, "client auth"),
        ({"usages": []}, "to be used for nothing"),
        ({"common_name": "system:node:another"}, "common name is system:node:another"),
        ({"organisation": "system:masters"}, "organisation is system:masters"),
        ({"request": "bm90IGEgcmVxdWVzdA=="}, "cannot be read"),
        ({"request": "!"}, "cannot be read"),
    ],
)
def test_a_request_that_is_not_the_kubelets_is_suspicious(changes: dict[str, Any], said: str, who: NodeNames) -> None:
    assert said in "; ".join(suspicions(honest(who, **changes), who))


@pytest.mark.parametrize(
    ("names", "addresses", "said"),
    [
        (["kubernetes.default.svc"], [], "the name kubernetes.default.svc"),
        (["k8s-api.eco2.internal"], [], "the name k8s-api.eco2.internal"),
        ([], ["10.96.0.1"], "the address 10.96.0.1"),
        ([], [], "names no host"),
    ],
)
def test_a_name_or_address_that_is_not_the_nodes_is_suspicious(
    names: list[str], addresses: list[str], said: str, who: NodeNames
) -> None:
    request = serving_request(who.node, names, [IPv4Address(address) for address in addresses])
    assert said in "; ".join(suspicions(request, who))


def test_the_address_of_another_node_is_suspicious(who: NodeNames, site: Site) -> None:
    other = site.machines()[site.nodes[0]].private_ip
    request = serving_request(who.node, [who.node], [*who.addresses, other])
    assert suspicions(request, who) == [f"it is for the address {other}, which is not the node's"]


def test_a_request_in_the_nodes_name_by_somebody_else_counts_as_the_nodes(who: NodeNames) -> None:
    assert claims(honest(who, username="somebody"), who.node)
    assert not claims(honest(who), "another")
    assert not claims(honest(who, signerName="example.com/other"), who.node)


def test_a_request_that_was_answered_is_not_pending(who: NodeNames) -> None:
    answered = honest(who) | {"status": {"conditions": [{"type": "Denied", "status": "True"}]}}
    assert is_pending(honest(who))
    assert not is_pending(answered)
