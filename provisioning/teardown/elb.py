"""What the load balancer controller makes: load balancers (their listeners and rules go with them), target groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provisioning.run import Step
from provisioning.teardown.network import interfaces
from provisioning.teardown.things import Cloud, Kind, Thing, tags_of

# How many a question about tags may name.
_MOST = 20


class LoadBalancers(Kind):
    """Gone when their network interfaces are: as long as those stand, no group and no subnet can be deleted."""

    name = "load balancer"
    bound_s = 600.0

    def find(self, cloud: Cloud) -> list[Thing]:
        return [
            self.thing(each["LoadBalancerArn"], each["LoadBalancerName"], why, each)
            for each, why in _ours(cloud, "DescribeLoadBalancers", "LoadBalancers", "LoadBalancerArn")
        ]

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        cloud.account.ask("elbv2", "DeleteLoadBalancer", LoadBalancerArn=thing.id)

    def blockers(self, cloud: Cloud, thing: Thing) -> list[str]:
        return interfaces(cloud, "description", f"ELB {thing.id.partition('loadbalancer/')[2]}")


class TargetGroups(Kind):
    name = "target group"
    bound_s = 300.0

    def find(self, cloud: Cloud) -> list[Thing]:
        return [
            self.thing(each["TargetGroupArn"], each["TargetGroupName"], why, each)
            for each, why in _ours(cloud, "DescribeTargetGroups", "TargetGroups", "TargetGroupArn")
        ]

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        cloud.account.ask("elbv2", "DeleteTargetGroup", TargetGroupArn=thing.id)


def _ours(cloud: Cloud, action: str, key: str, arn: str) -> Iterator[tuple[Any, str]]:
    found = {each[arn]: each for each in cloud.account.every("elbv2", action, key)}
    arns = list(found)
    for first in range(0, len(arns), _MOST):
        answer = cloud.account.ask("elbv2", "DescribeTags", ResourceArns=arns[first : first + _MOST])
        for each in answer["TagDescriptions"]:
            why = cloud.why(tags_of(each["Tags"]))
            if why is not None:
                yield found[each["ResourceArn"]], why
