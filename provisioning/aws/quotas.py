"""How much the account may run, how much it runs, and asking for more of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from provisioning.aws.account import Account
from provisioning.aws.errors import AwsSaid
from provisioning.cluster.instances import instance_types
from provisioning.cluster.model import Cluster
from provisioning.cluster.totals import vcpu_by_quota
from provisioning.run import ExitCode, RunError

STANDARD_VCPUS = "L-1216C47A"
VPCS = "L-F678F1CE"
ADDRESSES = "L-0263D0A3"
# What AWS still works on: https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_RequestedServiceQuotaChange.html
OPEN = ("PENDING", "CASE_OPENED")
# The families that count as standard: https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
_STANDARD = re.compile(r"(a|c|d|h|i|im|is|m|r|t|z)[0-9]")
# A stopped instance has no vCPUs.
_RUNNING = ["pending", "running"]


class QuotaRequestOpen(RunError):
    """AWS is still working on an earlier request to raise the same quota, and takes one at a time."""

    code = "E-QUOTA-OPEN"
    exit_code = ExitCode.CLOUD
    cause = "The quota was asked for before; AWS answers within minutes to two working days."
    remedy = "Wait; ./inv quota.request --json shows the status. A support case can be added to in the AWS console."


class QuotaNotLarger(RunError):
    """The quota that was asked for is not above the one that applies already."""

    code = "E-QUOTA-ENOUGH"
    exit_code = ExitCode.CONFIGURATION
    cause = "The request was granted already, or the number is that of another quota."
    remedy = "Nothing has to be asked for: go on with ./inv rebuild"


@dataclass(frozen=True)
class QuotaRequest:
    """One request to raise a quota, open or settled. ``created`` is ISO 8601."""

    id: str
    code: str
    desired: float
    status: str
    created: str
    case: str | None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def line(self) -> str:
        case = f", case {self.case}" if self.case else ""
        return f"{self.created[:16] or '?'}  {self.code}  {self.desired:g}  {self.status}{case}"


@dataclass(frozen=True)
class QuotaReport:
    """A quota: what applies, what is asked for now, and all that was asked before, newest first."""

    code: str
    region: str
    value: float
    requested: QuotaRequest | None
    history: tuple[QuotaRequest, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        said = [f"Quota {self.code} in {self.region}: {self.value:g}"]
        if self.requested is not None:
            said.append(f"Asked for {self.requested.desired:g}: {self.requested.status} (request {self.requested.id})")
        return [*said, *(f"  {each.line()}" for each in self.history)]


def value(account: Account, code: str, service: str = "ec2") -> float:
    """The quota that applies; AWS's default where the account has none of its own."""
    try:
        answer = account.ask("service-quotas", "GetServiceQuota", ServiceCode=service, QuotaCode=code)
    except AwsSaid as error:
        if error.reason != "NoSuchResourceException":
            raise
        answer = account.ask("service-quotas", "GetAWSDefaultServiceQuota", ServiceCode=service, QuotaCode=code)
    return float(answer["Quota"]["Value"])


def requests(account: Account, code: str, service: str = "ec2") -> tuple[QuotaRequest, ...]:
    """All requests for a quota, newest first."""
    found = account.every(
        "service-quotas",
        "ListRequestedServiceQuotaChangeHistoryByQuota",
        "RequestedQuotas",
        ServiceCode=service,
        QuotaCode=code,
    )
    return tuple(sorted((_request(each) for each in found), key=lambda each: each.created, reverse=True))


def report(account: Account, code: str = STANDARD_VCPUS) -> QuotaReport:
    """For ``./inv quota.request`` without a number: what applies and what was asked for. Changes nothing."""
    history = requests(account, code)
    open_now = next((each for each in history if each.is_open), None)
    return QuotaReport(code, account.region, value(account, code), open_now, history)


def request(account: Account, desired: float, code: str = STANDARD_VCPUS) -> QuotaReport:
    """Asks AWS for more. Raises `QuotaRequestOpen` where one is open, `QuotaNotLarger` where that much applies."""
    now = report(account, code)
    if now.requested is not None:
        waiting = now.requested
        raise QuotaRequestOpen(f"{code}: {waiting.desired:g} is asked for already, {waiting.status}, {waiting.id}")
    if desired <= now.value:
        raise QuotaNotLarger(f"{code} is {now.value:g} in {account.region}; {desired:g} is not more")
    try:
        answer = account.ask(
            "service-quotas", "RequestServiceQuotaIncrease", ServiceCode="ec2", QuotaCode=code, DesiredValue=desired
        )
    except AwsSaid as error:
        if error.reason == "ResourceAlreadyExistsException":
            raise QuotaRequestOpen(f"{code}: {error}") from error
        raise
    asked = _request(answer["RequestedQuota"])
    return QuotaReport(code, account.region, now.value, asked, (asked, *now.history))


def vcpus_of_others(account: Account, cluster: Cluster) -> Counter[str]:
    """Quota code -> the vCPUs of on-demand instances that run beside this cluster's own."""
    types: Counter[str] = Counter(
        str(instance["InstanceType"])
        for instance in _running(account)
        if not _is_ours(instance, cluster) and "InstanceLifecycle" not in instance
    )
    counted: Counter[str] = Counter()
    for name, number in types.items():
        known = instance_types().get(name)
        code = known.quota if known else STANDARD_VCPUS if _STANDARD.match(name) else None
        if code is not None:
            counted[code] += number * (known.vcpu if known else _vcpus(account, name))
    return counted


def needed(account: Account, cluster: Cluster) -> dict[str, int]:
    """Quota code -> the vCPUs that have to be permitted, for this cluster and for what runs beside it."""
    others = vcpus_of_others(account, cluster)
    return {code: wanted + others[code] for code, wanted in vcpu_by_quota(cluster).items()}


def _running(account: Account) -> Iterator[dict[str, Any]]:
    states = [{"Name": "instance-state-name", "Values": _RUNNING}]
    for reservation in account.every("ec2", "DescribeInstances", "Reservations", Filters=states):
        yield from reservation["Instances"]


def _is_ours(instance: dict[str, Any], cluster: Cluster) -> bool:
    ours = {"Key": f"kubernetes.io/cluster/{cluster.name}", "Value": "owned"}
    return ours in instance.get("Tags", ())


def _vcpus(account: Account, name: str) -> int:
    [found] = account.every("ec2", "DescribeInstanceTypes", "InstanceTypes", InstanceTypes=[name])
    return int(found["VCpuInfo"]["DefaultVCpus"])


def _request(said: dict[str, Any]) -> QuotaRequest:
    created = said.get("Created")
    return QuotaRequest(
        id=str(said.get("Id", "")),
        code=str(said.get("QuotaCode", "")),
        desired=float(said.get("DesiredValue", 0)),
        status=str(said.get("Status", "")),
        created=created.isoformat() if created is not None else "",
        case=said.get("CaseId"),
    )
