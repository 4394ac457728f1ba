"""moto's own objects, as far as the gate looks into them."""

from __future__ import annotations

from typing import Any

from moto.backends import get_backend

ACCOUNT = "123456789012"


def backend(service: Any, region: str) -> Any:
    """moto's backend of a service; global services have the region ``aws``."""
    return get_backend(service)[ACCOUNT][region]


def groups(region: str) -> list[Any]:
    """All security groups."""
    return [group for of_vpc in backend("ec2", region).groups.values() for group in of_vpc.values()]


def interfaces(region: str) -> list[Any]:
    return list(backend("ec2", region).enis.values())


def instances(region: str) -> list[Any]:
    """All that are not terminated."""
    found = [each for held in backend("ec2", region).reservations.values() for each in held.instances]
    return [each for each in found if each._state.name not in ("terminated", "shutting-down")]


def load_balancers(region: str) -> list[Any]:
    return list(backend("elbv2", region).load_balancers.values())


def distributions() -> list[Any]:
    return list(backend("cloudfront", "aws").distributions.values())


def certificates_in_use() -> set[str]:
    """ARNs that a listener of any region or a distribution holds."""
    used = {
        str(each["certificate_arn"] if isinstance(each, dict) else each)
        for region in get_backend("elbv2")[ACCOUNT]
        for balancer in load_balancers(region)
        for listener in balancer.listeners.values()
        for each in (listener.certificates or [])
    }
    for each in distributions():
        viewer = each.distribution_config.ViewerCertificate
        used |= {str(value) for value in (getattr(viewer, "acm_certificate_arn", None),) if value}
    return used
