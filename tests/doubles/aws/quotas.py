"""Service Quotas, as far as it is asked for limits and for more: JSON 1.1, ``ServiceQuotasV20190624``."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.aws.answers import Answer, Refusal
from tests.doubles.aws.calls import Call

# code -> service, name, AWS's default, which AWS gives a new account no less than
DEFAULTS: dict[str, tuple[str, str, float]] = {
    "L-1216C47A": ("ec2", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 5.0),
    "L-DB2E81BA": ("ec2", "Running On-Demand G and VT instances", 0.0),
    "L-0263D0A3": ("ec2", "EC2-VPC Elastic IPs", 5.0),
    "L-F678F1CE": ("vpc", "VPCs per Region", 5.0),
    "L-53DA6B97": ("elasticloadbalancing", "Application Load Balancers per Region", 50.0),
}
OPEN = ("PENDING", "CASE_OPENED")
STATUSES = (*OPEN, "APPROVED", "DENIED", "CASE_CLOSED", "NOT_APPROVED", "INVALID_REQUEST")


@dataclass
class _Request:
    id: str
    region: str
    service: str
    code: str
    desired: float
    status: str = "PENDING"
    made: float = field(default_factory=time.time)


class Quotas:
    """``applied`` is what the account has; tests set it by `have`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.applied: dict[tuple[str, str], float] = {}
        self.requests: list[_Request] = []
        self._ids = itertools.count(1)
        self.have("ap-northeast-2", "L-1216C47A", 64.0)

    def have(self, region: str, code: str, value: float) -> None:
        self.applied[region, code] = value

    def decide(self, status: str) -> None:
        """AWS answers all open requests; an approved one counts at once."""
        if status not in STATUSES:
            raise ValueError(f"{status} is no status of Service Quotas")
        for request in self.requests:
            if request.status in OPEN:
                request.status = status
                if status == "APPROVED":
                    self.have(request.region, request.code, request.desired)

    def answer(self, call: Call) -> Answer:
        actions: dict[str, Callable[[Call], dict[str, Any]]] = {
            "GetServiceQuota": lambda call: {"Quota": self._quota(call, *self._known(call))},
            "GetAWSDefaultServiceQuota": lambda call: {"Quota": self._quota(call, *self._known(call), default=True)},
            "ListServiceQuotas": lambda call: {"Quotas": self._list(call, default=False)},
            "ListAWSDefaultServiceQuotas": lambda call: {"Quotas": self._list(call, default=True)},
            "RequestServiceQuotaIncrease": lambda call: {"RequestedQuota": self._told(self._request(call))},
            "GetRequestedServiceQuotaChange": lambda call: {"RequestedQuota": self._told(self._one(call))},
            "ListRequestedServiceQuotaChangeHistory": lambda call: self._history(call),
            "ListRequestedServiceQuotaChangeHistoryByQuota": lambda call: self._history(call, self._known(call)),
        }
        if call.action not in actions:
            raise Refusal("UnknownOperationException", f"{call.action} is not known to this double", 400)
        return Answer(200, json.dumps(actions[call.action](call)).encode(), "application/x-amz-json-1.1")

    def _known(self, call: Call) -> tuple[str, str]:
        service, code = call.parameters.get("ServiceCode", ""), call.parameters.get("QuotaCode", "")
        if not service or not code:
            raise Refusal("ValidationException", "ServiceCode and QuotaCode are required")
        if code not in DEFAULTS or DEFAULTS[code][0] != service:
            raise Refusal("NoSuchResourceException", f"The request failed because the quota {code} does not exist.")
        return service, code

    def _quota(self, call: Call, service: str, code: str, *, default: bool = False) -> dict[str, Any]:
        _, name, least = DEFAULTS[code]
        value = least if default else self.applied.get((call.region, code), least)
        return {
            "ServiceCode": service,
            "ServiceName": service.upper(),
            "QuotaArn": f"arn:aws:servicequotas:{call.region}:123456789012:{service}/{code}",
            "QuotaCode": code,
            "QuotaName": name,
            "Value": value,
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }

    def _list(self, call: Call, *, default: bool) -> list[dict[str, Any]]:
        service = call.parameters.get("ServiceCode", "")
        found = [self._quota(call, service, code, default=default) for code in DEFAULTS if DEFAULTS[code][0] == service]
        if not found:
            raise Refusal("NoSuchResourceException", f"The service {service} does not exist.")
        return found

    def _request(self, call: Call) -> _Request:
        service, code = self._known(call)
        desired = call.parameters.get("DesiredValue")
        if not isinstance(desired, int | float) or desired <= 0:
            raise Refusal("ValidationException", "DesiredValue must be greater than 0")
        if any(each.status in OPEN for each in self._of(call, service, code)):
            raise Refusal("ResourceAlreadyExistsException", "Only one open service quota increase request is allowed.")
        if desired <= self._quota(call, service, code)["Value"]:
            raise Refusal(
                "IllegalArgumentException", "You must provide a quota value greater than the current quota value."
            )
        made = _Request(f"{next(self._ids):032x}", call.region, service, code, float(desired))
        self.requests.append(made)
        return made

    def _one(self, call: Call) -> _Request:
        for request in self.requests:
            if request.id == call.parameters.get("RequestId"):
                return request
        raise Refusal("NoSuchResourceException", "There is no such request.")

    def _of(self, call: Call, service: str, code: str) -> list[_Request]:
        return [
            each for each in self.requests if (each.region, each.service, each.code) == (call.region, service, code)
        ]

    def _history(self, call: Call, quota: tuple[str, str] | None = None) -> dict[str, Any]:
        found = self._of(call, *quota) if quota else [each for each in self.requests if each.region == call.region]
        wanted = call.parameters.get("Status")
        return {"RequestedQuotas": [self._told(each) for each in found if wanted in (None, each.status)]}

    @staticmethod
    def _told(request: _Request) -> dict[str, Any]:
        return {
            "Id": request.id,
            "ServiceCode": request.service,
            "QuotaCode": request.code,
            "QuotaName": DEFAULTS[request.code][1],
            "DesiredValue": request.desired,
            "Status": request.status,
            "Created": request.made,
            "LastUpdated": request.made,
            "GlobalQuota": False,
        } | ({"CaseId": f"case-{request.id[-8:]}"} if request.status != "PENDING" else {})
