"""A cross-check: what carries the cluster's tag and is of no kind that the teardown knows."""

from __future__ import annotations

from provisioning.aws import AccessDenied
from provisioning.run import Step
from provisioning.teardown.certificates import CDN_REGION
from provisioning.teardown.errors import NotNow
from provisioning.teardown.things import Cloud, Kind, Thing, tags_of

# Service and type as an ARN has them. Each is looked for by a kind of its own, or goes with one: AWS's list of tagged
# things still names them for a while after they are gone.
_KNOWN = frozenset(
    {
        "acm:certificate",
        "cloudfront:distribution",
        "ec2:elastic-ip",
        "ec2:instance",
        "ec2:internet-gateway",
        "ec2:key-pair",
        "ec2:network-interface",
        "ec2:route-table",
        "ec2:security-group",
        "ec2:security-group-rule",
        "ec2:snapshot",
        "ec2:subnet",
        "ec2:volume",
        "ec2:vpc",
        "elasticloadbalancing:listener",
        "elasticloadbalancing:listener-rule",
        "elasticloadbalancing:loadbalancer",
        "elasticloadbalancing:targetgroup",
        "iam:instance-profile",
        "iam:role",
        "route53:hostedzone",
        "s3:",
        "ssm:parameter",
    }
)


class Unknown(Kind):
    """Nothing here is removed: what nobody foresaw is named, and a person decides.

    It stands beside the other kinds, never alone. Without the right ``tag:GetResources`` it finds nothing.
    """

    name = "tagged thing"
    left_because = "it carries the cluster's tag, and the teardown does not know its kind: look whose it is"

    def find(self, cloud: Cloud) -> list[Thing]:
        found: dict[str, Thing] = {}
        for region in dict.fromkeys((cloud.cluster.region, CDN_REGION)):
            try:
                tagged = list(
                    cloud.account.every(
                        "resourcegroupstaggingapi",
                        "GetResources",
                        "ResourceTagMappingList",
                        region=region,
                        TagFilters=[{"Key": cloud.tag, "Values": ["owned"]}],
                    )
                )
            except AccessDenied:
                continue
            for each in tagged:
                arn = str(each["ResourceARN"])
                why = cloud.why(tags_of(each["Tags"]))
                if why is not None and type_of(arn) not in _KNOWN:
                    found[arn] = self.thing(arn, arn, why)
        return list(found.values())

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        raise NotNow("the teardown does not know what this is")


def type_of(arn: str) -> str:
    """``ec2:instance`` of ``arn:aws:ec2:REGION:ACCOUNT:instance/i-1``; a bucket has no type."""
    _, _, service, _, _, resource = arn.split(":", 5)
    for separator in ("/", ":"):
        kind, found, _ = resource.lstrip("/").partition(separator)
        if found:
            return f"{service}:{kind}"
    return f"{service}:"
