"""Certificates: the load balancer's in the cluster's region, the CDN's in us-east-1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provisioning.run import Step
from provisioning.teardown.things import Cloud, Kind, Thing, tags_of

CDN_REGION = "us-east-1"


class Certificates(Kind):
    name = "certificate"
    bound_s = 600.0

    def find(self, cloud: Cloud) -> list[Thing]:
        return [
            self.thing(each["CertificateArn"], each["DomainName"], why, {**each, "Region": region})
            for region, each, why in listed(cloud)
            if why is not None
        ]

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        cloud.account.ask("acm", "DeleteCertificate", region=thing.raw["Region"], CertificateArn=thing.id)

    def blockers(self, cloud: Cloud, thing: Thing) -> list[str]:
        answer = cloud.account.ask("acm", "DescribeCertificate", region=thing.raw["Region"], CertificateArn=thing.id)
        return [f"{arn} uses it" for arn in answer["Certificate"].get("InUseBy", ())]


def listed(cloud: Cloud) -> Iterator[tuple[str, Any, str | None]]:
    """Every certificate of both regions: its region, what it is, and why it is the cluster's, or None."""
    for region in dict.fromkeys((cloud.cluster.region, CDN_REGION)):
        for each in cloud.account.every("acm", "ListCertificates", "CertificateSummaryList", region=region):
            answer = cloud.account.ask(
                "acm", "ListTagsForCertificate", region=region, CertificateArn=each["CertificateArn"]
            )
            yield region, each, cloud.why(tags_of(answer["Tags"]))


def others_proving(cloud: Cloud) -> list[str]:
    """Certificates that are not the cluster's and are proved by the very records that prove the cluster's: ACM asks the
    same of everybody who proves the same name from this account."""
    names = {name for name in (cloud.cluster.domain.name, cloud.cluster.domain.host("images")) if name}
    found = []
    for region, each, why in listed(cloud):
        if why is None:
            records = proofs(cloud, region, each["CertificateArn"])
            if any(record.partition(".")[2] in names for record, _, _ in records):
                found.append(str(each["CertificateArn"]))
    return found


def proofs(cloud: Cloud, region: str, arn: str) -> set[tuple[str, str, str]]:
    """The records that prove a certificate: name, type, value."""
    answer = cloud.account.ask("acm", "DescribeCertificate", region=region, CertificateArn=arn)
    options = answer["Certificate"].get("DomainValidationOptions", ())
    records = [each["ResourceRecord"] for each in options if "ResourceRecord" in each]
    return {(each["Name"].rstrip("."), each["Type"], each["Value"].rstrip(".")) for each in records}
