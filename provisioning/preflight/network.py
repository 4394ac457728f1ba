"""Checks of addresses: the cluster's networks, and the operator's own."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

import httpx

from provisioning.preflight.check import Context, Finding, error, warning

_WHO_AM_I = "https://checkip.amazonaws.com"
_WITHIN_S = 5.0


def networks_are_apart(context: Context) -> Iterator[Finding]:
    network = context.cluster.network
    spaces = {"network.vpc": network.vpc, "network.pods": network.pods, "network.services": network.services}
    for zone, subnet in network.subnets.items():
        if not subnet.subnet_of(network.vpc):
            yield error(
                f"the subnet {subnet} of {zone} is not inside the VPC {network.vpc}",
                "AWS refuses it.",
                "Correct network.subnets in the cluster file, then ./inv cluster.check",
            )
    for vpc in context.vpcs:
        if context.is_ours(vpc.get("Tags")):
            continue
        taken = [IPv4Network(each["CidrBlock"]) for each in vpc.get("CidrBlockAssociationSet", ())]
        for name, space in spaces.items():
            for other in taken:
                if space.overlaps(other):
                    yield warning(
                        f"{name}, {space}, overlaps {other} of the VPC {vpc['VpcId']}",
                        "Nothing breaks until the two are joined by a peering; then it cannot be mended.",
                        f"Another {name} in the cluster file, if they are ever to be joined",
                    )


def operator_is_let_in(context: Context) -> Iterator[Finding]:
    access = context.cluster.access
    try:
        answer = httpx.get(_WHO_AM_I, timeout=_WITHIN_S, follow_redirects=False)
        own = IPv4Address(answer.raise_for_status().text.strip())
    except (httpx.HTTPError, ValueError) as failed:
        yield warning(
            f"your own public address is not known: {_WHO_AM_I} does not answer ({type(failed).__name__})",
            "Whether the machines will let you in was not checked.",
            "Compare access.ssh_from and access.api_from with your address yourself",
        )
        return
    for name, allowed in (("ssh_from", access.ssh_from), ("api_from", access.api_from)):
        if not any(own in space for space in allowed):
            yield error(
                f"your address {own} is not in access.{name}",
                "The machines would not let this rebuild in.",
                f"Add {own}/32 to access.{name} in the cluster file",
            )
