"""Checks of the domain: its zone, its delegation, and whether its certificates can be issued."""

from __future__ import annotations

from collections.abc import Iterator

from provisioning.aws.dns import public_zones
from provisioning.preflight.check import Context, Finding, error, warning
from provisioning.preflight.public_dns import Unanswered, ask

# https://docs.aws.amazon.com/acm/latest/userguide/setup-caa.html
_AMAZON = frozenset({"amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"})
_FAILED = ("FAILED", "VALIDATION_TIMED_OUT")
_NO_DOMAIN = "Or set domain.name to null: then the load balancer's own name is used"


def zone_is_delegated(context: Context) -> Iterator[Finding]:
    name = context.cluster.domain.name
    if name is None:
        return
    zones = public_zones(context.account, name)
    if not zones:
        yield error(
            f"the account has no public hosted zone {name}",
            "Names and certificates of the cluster are made in it.",
            f"aws route53 create-hosted-zone --name {name} --caller-reference now, then enter its name servers at "
            f"the registrar. {_NO_DOMAIN}",
        )
        return
    if len(zones) > 1:
        yield error(
            f"the account has {len(zones)} public hosted zones {name}: {', '.join(zone.id for zone in zones)}",
            "Which one the world asks is not clear, and Terraform refuses to choose.",
            "Delete the one that the registrar does not name: aws route53 delete-hosted-zone --id …",
        )
        return
    try:
        seen = {server.lower() for server in ask(name, "NS")}
    except Unanswered as failed:
        yield warning(
            f"whether {name} is delegated to its zone was not checked: {failed}",
            "Certificates are never issued for a domain that is not delegated.",
            f"dig NS {name} has to show {', '.join(zones[0].name_servers)}",
        )
        return
    if not seen & {server.lower() for server in zones[0].name_servers}:
        told = f"the world asks {', '.join(sorted(seen))}" if seen else "nobody is asked for it"
        yield error(
            f"{name} is not delegated to its hosted zone: {told}",
            "Its certificates would never be issued, and the rebuild would wait 20 minutes for them.",
            f"Enter at the registrar: {', '.join(zones[0].name_servers)}. {_NO_DOMAIN}",
        )


def certificates_can_be_issued(context: Context) -> Iterator[Finding]:
    name = context.cluster.domain.name
    if name is None:
        return
    try:
        issuers = {issuer for record in ask(name, "CAA") if (issuer := _issuer(record)) is not None}
    except Unanswered as failed:
        yield warning(
            f"whether Amazon may issue certificates for {name} was not checked: {failed}",
            "A CAA record may forbid it.",
            f"dig CAA {name} has to show nothing, or amazon.com among others",
        )
        issuers = set()
    if issuers and not issuers & _AMAZON:
        yield error(
            f"a CAA record of {name} lets only {', '.join(sorted(issuers)) or 'nobody'} issue certificates",
            "ACM could not issue any, and the rebuild would wait 20 minutes for them.",
            f'Add to the zone: {name} CAA 0 issue "amazon.com"',
        )
    for region in dict.fromkeys((context.cluster.region, "us-east-1")):
        for each in context.account.every(
            "acm", "ListCertificates", "CertificateSummaryList", region=region, CertificateStatuses=list(_FAILED)
        ):
            if each["DomainName"] in (name, context.cluster.domain.host("images")):
                yield warning(
                    f"an earlier certificate of {each['DomainName']} in {region} was not issued",
                    "What kept it from being issued may still be so.",
                    f"aws acm describe-certificate --region {region} --certificate-arn {each['CertificateArn']}",
                )


def _issuer(record: str) -> str | None:
    """``0 issue "amazon.com"`` -> ``amazon.com``; None for records that say something else."""
    parts = record.split(maxsplit=2)
    if len(parts) != 3 or parts[1].lower() not in ("issue", "issuewild"):
        return None
    return parts[2].strip('"').partition(";")[0].strip().lower()
