"""Free TCP ports on 127.0.0.1, chosen once and kept as long as no stranger takes one."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterable, Mapping

from provisioning.local.errors import PortTaken

# Below the kernel's ephemeral range (from 32768), together with the gRPC ports 10000 above them.
POOL = range(12_000, 22_000)

# SeaweedFS serves gRPC at each HTTP port + 10000.
GRPC_OFFSET = 10_000
WITH_GRPC = ("s3", "filer", "master", "volume")

# The well-known ports of the system's own instances, and those of RabbitMQ's command-line tools.
RESERVED = frozenset({4369, 5432, 5672, 6379, 15_672, 15_692, 25_672, *range(35_672, 35_683)})


def is_free(port: int) -> bool:
    """Whether a server could bind 127.0.0.1:port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_listening(port: int) -> bool:
    """Whether something accepts connections at 127.0.0.1:port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def sockets_of(name: str, port: int) -> tuple[int, ...]:
    """All ports that the server called ``name`` binds when given ``port``."""
    return (port, port + GRPC_OFFSET) if name in WITH_GRPC else (port,)


class Claims:
    """Ports that one `up` has chosen, until its parts have bound them: no other `up` of this machine takes them.

    A claim is a socket in the kernel's abstract namespace. It goes with the process, however that ends.
    """

    def __init__(self) -> None:
        self._held: dict[int, socket.socket] = {}

    def __enter__(self) -> Claims:
        return self

    def __exit__(self, *_: object) -> None:
        for held in self._held.values():
            held.close()
        self._held.clear()

    def take(self, port: int) -> bool:
        """Whether the port is free, and is now claimed here."""
        if port in self._held:
            return True
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0eco2-port-{port}")
        except OSError:
            claim.close()
            return False
        if not is_free(port):
            claim.close()
            return False
        self._held[port] = claim
        return True


def choose(
    names: Iterable[str],
    kept: Mapping[str, int],
    *,
    wanted: Mapping[str, int] | None = None,
    free: Callable[[int], bool] = is_free,
    seed: str = "",
) -> dict[str, int]:
    """A port for each name: the wanted one, else the kept one while it is free, else a new one from POOL.

    ``seed`` spreads the homes of one machine over the pool, so that two first starts at once do not meet.
    Raises PortTaken when a wanted port is in use.
    """
    wanted = wanted or {}
    order = list(POOL)
    random.Random(seed).shuffle(order)
    candidates = iter(order)
    chosen: dict[str, int] = {}
    used: set[int] = set()

    def usable(name: str, port: int) -> bool:
        return all(p not in RESERVED and p not in used and free(p) for p in sockets_of(name, port))

    def take(name: str, port: int) -> None:
        chosen[name] = port
        used.update(sockets_of(name, port))

    asked = list(names)
    for name in asked:
        if (port := wanted.get(name)) is not None:
            if not free(port) or port in used:
                raise PortTaken(f"Port {port} for {name} is in use. Stop what uses it, or ask for another port.")
            take(name, port)
    for name in asked:  # all kept ones before the first new one, which must not be somebody's kept port
        if name not in chosen and (port := kept.get(name)) is not None and usable(name, port):
            take(name, port)
    for name in asked:
        if name not in chosen:
            port = next((p for p in candidates if usable(name, p)), None)
            if port is None:
                raise PortTaken(f"No free port for {name} between {POOL.start} and {POOL.stop - 1}.")
            take(name, port)
    return {name: chosen[name] for name in asked}
