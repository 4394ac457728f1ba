"""The order of a teardown, and why it is this one: each phase removes what the later ones would trip over."""

from __future__ import annotations

from collections.abc import Sequence

from provisioning.aws import Account
from provisioning.kubernetes.kubectl import Kubectl
from provisioning.run import AnyPhase
from provisioning.site import Site
from provisioning.teardown import buckets, cdn, certificates, ec2, elb, identity, names, network, tagged
from provisioning.teardown.inventory import Inventory, Receipt
from provisioning.teardown.kubernetes import Api, owners
from provisioning.teardown.ledger import Ledger
from provisioning.teardown.removal import Removal
from provisioning.teardown.state import TerraformDestroy
from provisioning.teardown.things import Cloud, Kind
from provisioning.terraform.runner import Terraform


def phases(
    site: Site, account: Account, ledger: Ledger, *, keep_data: bool = False, longest_s: float | None = None
) -> list[AnyPhase]:
    """All phases. ``keep_data`` keeps the buckets, and then Terraform, which would undo their settings, is not asked:
    the sweep removes the rest, and Terraform's state goes on knowing the buckets."""
    cloud = Cloud(account, site.cluster)
    data: list[Kind] = [buckets.Buckets()]

    def removal(name: str, title: str, *kinds: Kind) -> Removal:
        return Removal(name, title, cloud, ledger, kinds, longest_s)

    before: list[AnyPhase] = [
        # What a name points at is known only while that stands, and nobody should be sent to what is coming down.
        removal("names", "Names", names.Records()),
        *owners(site.cluster, Api(Kubectl(site), ledger), ledger, longest_s),
        # Takes CloudFront long: it passes while the machines go.
        removal("cdn-off", "CDN: off", cdn.EnabledDistributions()),
        removal("load-balancers", "Load balancers", elb.LoadBalancers(), elb.TargetGroups()),
        # Nothing writes to a bucket or holds a disk after this.
        removal("machines", "Machines", ec2.Instances(), ec2.Addresses(), ec2.KeyPairs()),
        removal("disks", "Disks", ec2.Volumes(), ec2.Snapshots()),
        removal("groups", "Controllers' security groups", network.Interfaces(), network.ControllerGroups()),
        removal(
            "cdn",
            "CDN",
            cdn.Distributions(),
            cdn.OriginAccessControls(),
            cdn.CachePolicies(),
            cdn.ResponseHeadersPolicies(),
        ),
        removal("certificates", "Certificates", certificates.Certificates()),
    ]
    after: list[AnyPhase] = [
        removal(
            "network",
            "Network",
            network.Groups(),
            network.Subnets(),
            network.RouteTables(),
            network.Gateways(),
            network.Vpcs(),
        ),
        removal(
            "identity",
            "Roles, parameters and the private zone",
            identity.InstanceProfiles(),
            identity.Roles(),
            identity.Parameters(),
            names.PrivateZones(),
        ),
    ]
    with_data: list[AnyPhase] = (
        [] if keep_data else [removal("buckets", "Buckets", *data), TerraformDestroy(Terraform(site), cloud, ledger)]
    )
    kept = data if keep_data else []
    removed = [kind for kind in kinds() if not any(isinstance(kind, type(each)) for each in kept)]
    return [
        Inventory(site, cloud, ledger, [*removed, tagged.Unknown()]),
        *before,
        *with_data,
        *after,
        Receipt(site, cloud, ledger, [*removed, tagged.Unknown()], kept),
    ]


def kinds() -> Sequence[Kind]:
    """Every kind that is removed."""
    return (
        names.Records(),
        elb.LoadBalancers(),
        elb.TargetGroups(),
        ec2.Instances(),
        ec2.Addresses(),
        ec2.KeyPairs(),
        ec2.Volumes(),
        ec2.Snapshots(),
        network.Interfaces(),
        network.ControllerGroups(),
        cdn.Distributions(),
        cdn.OriginAccessControls(),
        cdn.CachePolicies(),
        cdn.ResponseHeadersPolicies(),
        certificates.Certificates(),
        buckets.Buckets(),
        network.Groups(),
        network.Subnets(),
        network.RouteTables(),
        network.Gateways(),
        network.Vpcs(),
        identity.InstanceProfiles(),
        identity.Roles(),
        identity.Parameters(),
        names.PrivateZones(),
    )
