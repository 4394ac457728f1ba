"""Who is at the other end: the address and the program of a client, as the gateway tells them."""

import hashlib
import ipaddress
from dataclasses import dataclass

from services.kernel.arguments import has_controls

LONGEST_USER_AGENT = 300


@dataclass(frozen=True)
class Client:
    """Either may be unknown. A strange user agent is cut and cleaned, never a reason to refuse somebody."""

    address: str | None = None
    user_agent: str | None = None

    @classmethod
    def read(cls, told: object) -> "Client":
        """The client of an RPC's argument ``{"address", "user_agent"}``; what is not understood is unknown."""
        if not isinstance(told, dict):
            return cls()
        return cls(_address(told.get("address")), _user_agent(told.get("user_agent")))

    @property
    def place(self) -> bytes:
        """A hash of the network: of the address in IPv4, of its /64, which one customer has, in IPv6."""
        network = self.address or "unknown"
        if ":" in network:
            network = str(ipaddress.ip_network(f"{network}/64", strict=False))
        return hashlib.sha256(network.encode()).digest()


def _address(told: object) -> str | None:
    try:
        address = ipaddress.ip_address(told) if isinstance(told, str) and len(told) <= 64 else None
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.IPv6Address(int(address)))  # without a scope
    return str(address) if address else None


def _user_agent(told: object) -> str | None:
    if not isinstance(told, str):
        return None
    return "".join(char for char in told[:LONGEST_USER_AGENT] if not has_controls(char)).strip() or None
