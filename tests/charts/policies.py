"""Whether NetworkPolicies let a connection through, as Kubernetes defines it.

https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from tests.charts.rendering import Manifest


@dataclass(frozen=True)
class Peer:
    """One end of a connection: a pod with its labels and named ports, or an address outside."""

    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    address: str = ""


@dataclass(frozen=True)
class Network:
    """The policies of all namespaces."""

    policies: Sequence[Manifest]

    def allows(self, source: Peer, target: Peer, port: int, protocol: str = "TCP") -> bool:
        """Both ends have to agree; an end that no policy selects agrees to all."""
        return self._agrees("egress", source, target, target, port, protocol) and self._agrees(
            "ingress", target, source, target, port, protocol
        )

    def _agrees(self, way: str, own: Peer, other: Peer, target: Peer, port: int, protocol: str) -> bool:
        if own.address:
            return True
        selecting = [
            policy["spec"]
            for policy in self.policies
            if policy["metadata"]["namespace"] == own.namespace
            and _selects(policy["spec"]["podSelector"], own.labels)
            and way.capitalize() in policy["spec"]["policyTypes"]
        ]
        peers = "to" if way == "egress" else "from"
        return not selecting or any(
            _names(rule.get(peers), other, own.namespace) and _opens(rule.get("ports"), target, port, protocol)
            for spec in selecting
            for rule in spec.get(way, [])
        )


def _names(peers: Sequence[Manifest] | None, other: Peer, here: str) -> bool:
    return peers is None or any(_is(peer, other, here) for peer in peers)


def _is(peer: Manifest, other: Peer, here: str) -> bool:
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        return (
            bool(other.address)
            and _inside(block["cidr"], other.address)
            and not any(_inside(excepted, other.address) for excepted in block.get("except", []))
        )
    if other.address:
        return False
    if "namespaceSelector" in peer:
        own = {"kubernetes.io/metadata.name": other.namespace}
        return _selects(peer["namespaceSelector"], own) and _selects(peer.get("podSelector", {}), other.labels)
    return other.namespace == here and _selects(peer["podSelector"], other.labels)


def _opens(ports: Sequence[Any] | None, target: Peer, port: int, protocol: str) -> bool:
    return ports is None or any(
        one.get("protocol", "TCP") == protocol and target.ports.get(str(one["port"]), one["port"]) == port
        for one in ports
    )


def _selects(selector: Manifest, labels: Mapping[str, str]) -> bool:
    assert set(selector) <= {"matchLabels"}, "the charts use no other"
    return all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())


def _inside(cidr: str, address: str) -> bool:
    return ip_address(address) in ip_network(cidr)
