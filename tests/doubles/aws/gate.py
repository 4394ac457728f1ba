"""What stands before moto: one request at a time, as calls with a name; faults, refusals, and things that take time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from xml.etree import ElementTree

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from tests.doubles.aws import backends, corrections, strict
from tests.doubles.aws.answers import Refusal, StartResponse, error
from tests.doubles.aws.calls import Call, body_of, call_of
from tests.doubles.aws.faults import Faults
from tests.doubles.aws.policies import Policies
from tests.doubles.aws.quotas import Quotas

_REFERENCES = ("OriginAccessControlId", "CachePolicyId", "ResponseHeadersPolicyId")


class Gate:
    """A WSGI application. ``settle_s`` is how long a deleted load balancer's interfaces, and a machine that is ending,
    still stand."""

    def __init__(self, faults: Faults, settle_s: float) -> None:
        self.faults = faults
        self.quotas = Quotas()
        self.policies = Policies()
        self.calls: list[Call] = []
        self.hear: Callable[[Call], None] = lambda call: None
        self.references: dict[str, set[str]] = {}
        self._settle_s = settle_s
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._lock = threading.RLock()
        self._moto = DomainDispatcherApplication(create_backend_app)

    def reset(self) -> None:
        with self._lock:
            self.quotas.reset()
            self.policies.reset()
            self.calls.clear()
            self.references.clear()
            self._later.clear()
            self.faults.clear()

    def changes(self) -> list[Call]:
        """Calls that were to change something, in their order."""
        with self._lock:
            return [call for call in self.calls if call.changes]

    def settle(self) -> None:
        """What takes time is over."""
        with self._lock:
            for _, act in self._later:
                act()
            self._later.clear()

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        call = call_of(environ, body_of(environ))
        try:
            self.hear(call)
            self.faults.check(call)
            with self._lock:
                self._come_due()
                self.calls.append(call)
                return self._answered(call, environ, start)
        except Refusal as refusal:
            return error(call, refusal).send(start)

    def _answered(self, call: Call, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        if call.service == "servicequotas":
            return self.quotas.answer(call).send(start)
        if self.policies.knows(call):
            return self.policies.answer(call, self._used(), environ.get("HTTP_IF_MATCH")).send(start)
        strict.check(call)
        if call.name == "cloudfront:DeleteOriginAccessControl" and call.parameters.get("Id") in self._used():
            raise Refusal("OriginAccessControlInUse", "The origin access control is still in use.", 409)
        before = self._before(call)
        status: list[str] = []

        def started(line: str, headers: Any, info: Any = None) -> Any:
            status.append(line)
            return start(line, headers)

        try:
            body = b"".join(self._moto(environ, started))
        except Exception as error:
            raise Refusal("InternalFailure", f"{call.name} in moto: {type(error).__name__}: {error}", 501) from error
        if status and status[0].startswith("2"):
            self._after(call, body, before)
        return [body]

    def _used(self) -> set[str]:
        standing = {each.distribution_id for each in backends.distributions()}
        return {id for distribution, ids in self.references.items() if distribution in standing for id in ids}

    def _come_due(self) -> None:
        now = time.monotonic()
        due = [each for each in self._later if each[0] <= now]
        self._later = [each for each in self._later if each[0] > now]
        for _, act in due:
            act()

    def _before(self, call: Call) -> Any:
        if call.name == "elasticloadbalancing:DeleteLoadBalancer":
            arn = call.parameters.get("LoadBalancerArn")
            return [each for each in backends.load_balancers(call.region) if each.arn == arn]
        if call.name == "ec2:TerminateInstances":
            wanted = {value for key, value in call.parameters.items() if key.startswith("InstanceId.")}
            return [each for each in backends.instances(call.region) if each.id in wanted]
        return []

    def _after(self, call: Call, body: bytes, before: Any) -> None:
        corrections.correct(call, body)
        if call.name == "elasticloadbalancing:CreateLoadBalancer":
            self._balancer_interfaces(call.region)
        elif call.name == "elasticloadbalancing:DeleteLoadBalancer":
            for balancer in before:
                self._after_a_while(lambda balancer=balancer: self._no_interfaces(call.region, balancer))
        elif call.name == "ec2:TerminateInstances":
            for instance in before:
                self._ending(call.region, instance)
        elif call.name == "ec2:DeleteVpc":
            # moto keeps a network ACL whose VPC is gone.
            acls = backends.backend("ec2", call.region).network_acls
            for id in [each.id for each in acls.values() if each.vpc_id == call.parameters["VpcId"]]:
                del acls[id]
        elif call.name in ("cloudfront:CreateDistribution", "cloudfront:CreateDistributionWithTags"):
            made = ElementTree.fromstring(body).findtext("{*}Id") or ""
            self._refer(call, made)
            self._deploys(made)
        elif call.name == "cloudfront:UpdateDistribution":
            self._refer(call, str(call.parameters["Id"]))
            self._deploys(str(call.parameters["Id"]))

    def _deploys(self, distribution: str) -> None:
        changed = backends.backend("cloudfront", "aws").distributions[distribution]
        changed.status = "InProgress"
        self._after_a_while(lambda: setattr(changed, "status", "Deployed"))

    def _after_a_while(self, act: Callable[[], None]) -> None:
        self._later.append((time.monotonic() + self._settle_s, act))

    def _refer(self, call: Call, distribution: str) -> None:
        root = ElementTree.fromstring(call.body)
        found = {each.text for each in root.iter() if each.text and each.tag.rpartition("}")[2] in _REFERENCES}
        # moto tells nobody of these again, so that an update does not repeat them.
        self.references.setdefault(distribution, set()).update(found)

    @staticmethod
    def _balancer_interfaces(region: str) -> None:
        ec2 = backends.backend("ec2", region)
        for balancer in backends.load_balancers(region):
            about = f"ELB {balancer.arn.partition('loadbalancer/')[2]}"
            if any(each.description == about for each in backends.interfaces(region)):
                continue
            for subnet in balancer.subnets:
                made = ec2.create_network_interface(
                    subnet, None, group_ids=list(balancer.security_groups), description=about
                )
                made.status, made.requester_managed, made.requester_id = "in-use", True, "amazon-elb"

    @staticmethod
    def _no_interfaces(region: str, balancer: Any) -> None:
        about = f"ELB {balancer.arn.partition('loadbalancer/')[2]}"
        for each in backends.interfaces(region):
            if each.description == about:
                backends.backend("ec2", region).enis.pop(each.id, None)

    def _ending(self, region: str, instance: Any) -> None:
        ec2 = backends.backend("ec2", region)
        for address in ec2.addresses:
            if address.instance is instance:
                address.instance = address.eni = address.association_id = None
        instance._state.name, instance._state.code = "shutting-down", 32

        def ended() -> None:
            instance._state.name, instance._state.code = "terminated", 48

        self._after_a_while(ended)
