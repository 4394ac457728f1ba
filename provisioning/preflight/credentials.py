"""Checks of who asks, where, and what time it is there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from provisioning.preflight.check import Context, Finding, error, warning

# Beyond five minutes AWS refuses signatures; certificates and tokens of the cluster suffer much earlier.
_REFUSED_S = 300
_TOLD_S = 30
_OPEN = ("opt-in-not-required", "opted-in")


def known_to_aws(context: Context) -> Iterator[Finding]:
    """`NoCredentials` says all there is to say."""
    _ = context.identity
    yield from ()


def region_and_zones(context: Context) -> Iterator[Finding]:
    cluster = context.cluster
    answer = context.account.ask("ec2", "DescribeRegions", RegionNames=[cluster.region], AllRegions=True)
    status = next((each.get("OptInStatus", _OPEN[0]) for each in answer["Regions"]), "unknown")
    if status not in _OPEN:
        yield error(
            f"the region {cluster.region} is {status} in the account {context.identity.account}",
            "AWS refuses every request to it.",
            f"aws account enable-region --region-name {cluster.region} (takes some minutes)",
        )
        return
    zones = {
        each["ZoneName"]: each
        for each in context.account.every("ec2", "DescribeAvailabilityZones", "AvailabilityZones")
    }
    for zone in cluster.zones:
        if zone not in zones or zones[zone]["State"] != "available":
            state = zones[zone]["State"] if zone in zones else "not there for this account"
            yield error(
                f"the zone {zone} is {state}",
                "No subnet and no machine can be made in it.",
                f"Use others in the cluster file: {', '.join(sorted(zones))}",
            )


def clocks_agree(context: Context) -> Iterator[Finding]:
    off_s = abs((datetime.now(UTC) - context.account.now()).total_seconds())
    if off_s > _TOLD_S:
        grave = off_s > _REFUSED_S
        yield (error if grave else warning)(
            f"this machine's clock is {off_s:.0f} s off AWS's",
            "AWS refuses signatures that are five minutes off, and join tokens and certificates begin in the future.",
            "timedatectl set-ntp true (macOS: sudo sntp -sS time.apple.com)",
        )
