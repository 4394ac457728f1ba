"""The phase ``dns``: the public names of what the load balancer serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from provisioning.aws import Account
from provisioning.aws.dns import LoadBalancer, Record, in_sync, load_balancer, point, records, same_target
from provisioning.kubernetes import Kubectl
from provisioning.run import Action, ExitCode, NotYet, Phase, RunError, Step
from provisioning.site import Site

# Of the names in the cluster file; the fourth, images, is the CDN's, and Terraform makes it.
_HOSTS = ("api", "www", "grafana")
_POLL_S = 3.0
# Types that may stand beside an A record under one name; with a CNAME nothing else may stand.
_IN_THE_WAY = "CNAME"


class LoadBalancersDiffer(RunError):
    """The Ingresses of one cluster name several load balancers, so its names could point at one of them only."""

    code = "E-DNS-LOAD-BALANCERS"
    exit_code = ExitCode.KUBERNETES
    cause = "An Ingress has another alb.ingress.kubernetes.io/group.name than the others."
    remedy = "kubectl get ingress -A shows them; ./inv rebuild --only releases sets the group again."


class NameInTheWay(RunError):
    """Under a name that the cluster needs stands a CNAME, beside which nothing else may stand."""

    code = "E-DNS-CNAME"
    exit_code = ExitCode.CLOUD
    cause = "Somebody pointed the name elsewhere by hand."
    remedy = "Delete that record in Route 53 if it is no longer needed, then ./inv rebuild --only dns"


@dataclass(frozen=True, kw_only=True)
class PointName(Action):
    """Carries the name and where it is to point."""

    host: str
    target: LoadBalancer


@dataclass(frozen=True)
class Facts:
    """The names that are wanted, what stands under each, and the load balancer. Without a domain, no names."""

    names: tuple[str, ...]
    standing: tuple[Record, ...]
    target: LoadBalancer | None
    ours: frozenset[str]


class Dns(Phase[Facts, PointName]):
    """Points the public names at the load balancer that stands for the Ingresses."""

    name = "dns"
    title = "Public names"
    timeout_s = 900.0

    def __init__(self, site: Site, kubectl: Kubectl, account: Account) -> None:
        super().__init__()
        self._site = site
        self._kubectl = kubectl
        self._account = account

    def inputs(self, node: str | None) -> Any:
        return {"domain": self._site.cluster.domain.model_dump(), "zone": self._zone()}

    def facts(self, step: Step) -> Facts:
        zone = self._zone()
        if zone is None:
            return Facts((), (), None, frozenset())
        names = tuple(host for which in _HOSTS if (host := self._site.cluster.domain.host(which)) is not None)
        target = load_balancer(self._account, self._served_by(step))
        if target is None:
            raise NotYet("AWS does not know the load balancer of the Ingresses yet")
        standing = tuple(records(self._account, zone, names))
        blocked = [f"{each.name} -> {each.text()}" for each in standing if each.type == _IN_THE_WAY]
        if blocked:
            raise NameInTheWay("; ".join(blocked))
        return Facts(names, standing, target, self._load_balancers_of_ours(standing))

    def plan(self, facts: Facts) -> Sequence[PointName]:
        if facts.target is None:
            return ()
        addresses = {record.name: record for record in facts.standing if record.type == "A"}
        actions = []
        for host in facts.names:
            now = addresses.get(host)
            if now is not None and same_target(now.alias, facts.target.dns_name):
                continue
            title = f"point {host} at {facts.target.dns_name}"
            is_ours = now is None or now.text() in facts.ours
            if now is not None:
                title += f" instead of {now.text()}{'' if is_ours else ', which is not of this cluster'}"
            actions.append(
                PointName(id=f"point:{host}", title=title, destructive=not is_ours, host=host, target=facts.target)
            )
        return actions

    def act(self, step: Step, actions: Sequence[PointName]) -> None:
        zone = self._zone()
        assert zone is not None
        change = point(self._account, zone, [action.host for action in actions], actions[0].target)
        while not in_sync(self._account, change):
            step.say("Route 53 passes the change on to its servers")
            step.wait(_POLL_S)

    def _zone(self) -> str | None:
        """Raises `NotYet` before the first apply; None without a domain."""
        if self._site.cluster.domain.name is None:
            return None
        return self._site.outputs().domain.hosted_zone_id

    def _served_by(self, step: Step) -> str:
        """The one DNS name that the controller wrote into the Ingresses."""
        listed = self._kubectl.get(step, "ingress", all_namespaces=True)
        hosts = {
            str(each["hostname"])
            for item in listed.get("items", ())
            for each in item.get("status", {}).get("loadBalancer", {}).get("ingress", ())
            if each.get("hostname")
        }
        if not hosts:
            raise NotYet("no Ingress has a load balancer yet")
        if len(hosts) > 1:
            raise LoadBalancersDiffer(", ".join(sorted(hosts)))
        return hosts.pop()

    def _load_balancers_of_ours(self, standing: Sequence[Record]) -> frozenset[str]:
        """Of the aliases' targets, those that this cluster's controller made, or that exist no longer."""
        ours = set()
        for alias in {record.alias for record in standing if record.alias is not None}:
            found = load_balancer(self._account, alias.removeprefix("dualstack."))
            if found is not None and found.tags.get("elbv2.k8s.aws/cluster") == self._site.cluster.name:
                ours.add(alias)
        return frozenset(ours)
