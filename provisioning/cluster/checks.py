"""What the parts of a cluster file must be to each other. A check gets what is right by itself and yields mistakes."""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Network
from itertools import combinations

from provisioning.cluster.draft import Draft
from provisioning.cluster.errors import Path, did_you_mean
from provisioning.cluster.instances import regions
from provisioning.cluster.node_checks import NODE_CHECKS
from provisioning.cluster.release_checks import RELEASE_CHECKS

Mistake = tuple[Path, str]
Check = Callable[[Draft], Iterator[Mistake]]

# A list of addresses wider than this is nobody's own, so it must be asked for by name.
WIDEST_PREFIX = 8
# AWS keeps five addresses of every subnet: https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
KEPT_BY_AWS = 5
# kube-controller-manager gives every node a /24 of the pods' network.
NODE_PREFIX = 24


def mistakes(draft: Draft) -> Iterator[Mistake]:
    for check in CHECKS:
        yield from check(draft)


def zones_are_the_regions(draft: Draft) -> Iterator[Mistake]:
    zones = draft.zones or ()
    known = regions().get(draft.region or "")
    for index, zone in enumerate(zones):
        if zone in zones[:index]:
            yield ("zones", index), f"{zone} is given twice"
        elif known is not None and zone not in known:
            yield ("zones", index), f"{zone!r} is no zone of {draft.region}{did_you_mean(zone, known)}"


def every_zone_has_a_subnet(draft: Draft) -> Iterator[Mistake]:
    if not draft.network or draft.zones is None:
        return
    subnets = draft.network.subnets
    real = regions().get(draft.region or "", draft.zones)
    for index, zone in enumerate(draft.zones):
        if zone not in subnets and zone in real:
            near = did_you_mean(zone, set(subnets) - set(draft.zones))
            yield ("zones", index), f"{zone} has no subnet in network.subnets{near}"
    for zone in subnets:
        if zone not in draft.zones:
            yield ("network", "subnets", zone), f"{zone} is not among the zones{did_you_mean(zone, draft.zones)}"


def networks_are_apart(draft: Draft) -> Iterator[Mistake]:
    if not draft.network:
        return
    network = draft.network
    spaces = {"vpc": network.vpc, "pods": network.pods, "services": network.services}
    for (first, one), (second, other) in combinations(spaces.items(), 2):
        if one.overlaps(other):
            yield ("network", second), f"{other} overlaps network.{first}, {one}"
    placed: dict[str, IPv4Network] = {}
    for zone, subnet in network.subnets.items():
        path: Path = ("network", "subnets", zone)
        if not subnet.subnet_of(network.vpc):
            yield path, f"{subnet} is not inside the VPC, {network.vpc}"
        for earlier, taken in placed.items():
            if subnet.overlaps(taken):
                yield path, f"{subnet} overlaps the subnet of {earlier}, {taken}"
        placed[zone] = subnet


def networks_have_a_size_that_works(draft: Draft) -> Iterator[Mistake]:
    if not draft.network:
        return
    network = draft.network
    sized: dict[Path, IPv4Network] = {("network", "subnets", zone): space for zone, space in network.subnets.items()}
    for path, space in {("network", "vpc"): network.vpc, **sized}.items():
        if not 16 <= space.prefixlen <= 28:
            yield path, f"{space} must be a /16 to a /28: AWS takes no other size"
    if not 12 <= network.services.prefixlen <= 24:
        yield ("network", "services"), f"{network.services} must be a /12 to a /24: Kubernetes takes no larger one"
    nodes = len(draft.nodes)
    if network.pods.prefixlen > NODE_PREFIX or 2 ** (NODE_PREFIX - network.pods.prefixlen) < nodes:
        yield (
            ("network", "pods"),
            f"{network.pods} is too small: every node takes a /{NODE_PREFIX}, and there are {nodes}",
        )
    for zone, subnet in network.subnets.items():
        inhabitants = sum(node.zone == zone for node in draft.nodes.values())
        room = subnet.num_addresses - KEPT_BY_AWS
        if inhabitants > room:
            yield ("network", "subnets", zone), f"{subnet} has room for {room} of the zone's {inhabitants} nodes"


def access_is_narrow(draft: Draft) -> Iterator[Mistake]:
    if not draft.access:
        return
    lists = {"ssh": ("ssh_from", draft.access.ssh_from), "api": ("api_from", draft.access.api_from)}
    for name, (key, allowed) in lists.items():
        if not allowed:
            yield ("access", key), "is empty: nobody could reach the cluster, the rebuild neither"
        for index, space in enumerate(allowed):
            if space in allowed[:index]:
                yield ("access", key, index), f"{space} is given twice"
            elif space.prefixlen < WIDEST_PREFIX and name not in draft.access.anywhere:
                reach = "everybody" if space.prefixlen == 0 else "more than a /8"
                yield (
                    ("access", key, index),
                    f"{space} lets in {reach}; if that is meant, say so: access.anywhere: [{name}]",
                )


def names_are_apart(draft: Draft) -> Iterator[Mistake]:
    if draft.domain:
        taken: dict[str, str] = {}
        for which, label in draft.domain.hosts.model_dump().items():
            if label in taken:
                yield ("domain", "hosts", which), f"{label} is the name of {taken[label]} already"
            taken.setdefault(label, which)
    if draft.network and draft.domain and draft.domain.name:
        private, public = draft.network.private_zone, draft.domain.name
        if private == public or private.endswith(f".{public}") or public.endswith(f".{private}"):
            yield ("network", "private_zone"), f"{private} would hide names of {public} from inside the VPC"
    if draft.buckets and draft.buckets.images.name == draft.buckets.backups.name:
        yield ("buckets", "backups", "name"), f"{draft.buckets.backups.name} is the name of the images' bucket already"


def days_are_in_order(draft: Draft) -> Iterator[Mistake]:
    if not draft.buckets:
        return
    for which, bucket in (("images", draft.buckets.images), ("backups", draft.buckets.backups)):
        if bucket.standard_ia_days is not None and bucket.expire_days <= bucket.standard_ia_days:
            yield (
                ("buckets", which, "expire_days"),
                f"{bucket.expire_days} days are not after standard_ia_days, {bucket.standard_ia_days}",
            )


def tags_are_permitted(draft: Draft) -> Iterator[Mistake]:
    """https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html#tag-conventions"""
    tags = draft.tags or {}
    if len(tags) > 40:
        yield ("tags",), f"{len(tags)} tags: AWS takes 50, and some are the cluster's own"
    for key in tags:
        if key.lower().startswith("aws:"):
            yield ("tags", key), "aws: is AWS's own prefix"
        elif key in ("Name", "Cluster", "Environment") or key.startswith("kubernetes.io/"):
            yield ("tags", key), f"{key} is set for each resource by itself"


CHECKS: tuple[Check, ...] = (
    zones_are_the_regions,
    every_zone_has_a_subnet,
    networks_are_apart,
    networks_have_a_size_that_works,
    access_is_narrow,
    names_are_apart,
    days_are_in_order,
    tags_are_permitted,
    *NODE_CHECKS,
    *RELEASE_CHECKS,
)
