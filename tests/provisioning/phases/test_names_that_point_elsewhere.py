"""Public names that point at a machine, at yesterday's load balancer, at somebody else's: asked first, then pointed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provisioning.aws import Account
from provisioning.kubernetes import Kubectl
from provisioning.phases.dns import Dns, LoadBalancersDiffer, NameInTheWay
from provisioning.run import ExitCode, NotYet, Options
from provisioning.site import Site
from tests.doubles.aws import AwsAccount
from tests.doubles.kubernetes import KubernetesServer
from tests.provisioning.kubernetes.conftest import programs  # noqa: F401 - a fixture
from tests.provisioning.kubernetes.world import outputs
from tests.provisioning.phases.clouds import Heard, Ran, changed, perform, site

YES = Options(yes=True)
HOSTS = ("api", "www", "grafana")


@dataclass
class World:
    """A cluster whose Ingress has a load balancer, and the zone of its domain."""

    site: Site
    aws: AwsAccount
    server: KubernetesServer
    zone: str
    balancer: str = ""

    @property
    def phase(self) -> Dns:
        return Dns(self.site, Kubectl(self.site), Account(self.site.cluster.region))

    def run(self, options: Options = YES) -> Ran:
        return perform(self.site, [self.phase], options)

    @property
    def names(self) -> list[str]:
        return [str(self.site.cluster.domain.host(which)) for which in HOSTS]

    def make_balancer(self, name: str, cluster: str) -> str:
        ec2, elb = self.aws.client("ec2"), self.aws.client("elbv2")
        subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"][:2]]
        tags = [{"Key": "elbv2.k8s.aws/cluster", "Value": cluster}]
        made = elb.create_load_balancer(Name=name, Subnets=subnets, Tags=tags)["LoadBalancers"][0]
        return str(made["DNSName"])

    def serve(self, host: str, name: str = "edge") -> None:
        """The controller has written this into an Ingress."""
        ingress = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {
                "ingressClassName": "alb",
                "defaultBackend": {"service": {"name": "waste", "port": {"name": "http"}}},
            },
        }
        self.server.put(ingress)
        status = json.dumps({"status": {"loadBalancer": {"ingress": [{"hostname": host}]}}})
        patch = ["patch", "ingress", name, "--subresource=status", "--type=merge", f"--patch={status}"]
        Kubectl(self.site).run(Heard().step(), *patch)

    def put(self, name: str, kind: str, **record: Any) -> None:
        change = {"Action": "UPSERT", "ResourceRecordSet": {"Name": f"{name}.", "Type": kind, **record}}
        self.aws.client("route53").change_resource_record_sets(
            HostedZoneId=self.zone, ChangeBatch={"Changes": [change]}
        )

    def records(self) -> dict[tuple[str, str], str]:
        found = self.aws.client("route53").list_resource_record_sets(HostedZoneId=self.zone)["ResourceRecordSets"]
        return {
            (each["Name"].rstrip("."), each["Type"]): each.get("AliasTarget", {}).get("DNSName", "").rstrip(".")
            or ",".join(value["Value"] for value in each.get("ResourceRecords", ()))
            for each in found
        }

    def point(self, name: str, target: str) -> None:
        self.put(
            name,
            "A",
            AliasTarget={"HostedZoneId": "ZALB", "DNSName": f"{target}.", "EvaluateTargetHealth": False},
        )


@pytest.fixture
def world(
    tmp_path: Path,
    programs: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    with AwsAccount() as aws, KubernetesServer.standing() as server:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in aws.environment().items():
            monkeypatch.setenv(name, value)
        here = site(tmp_path)
        (here.folder.parent / "bin").symlink_to(programs)
        here.kubeconfig.write_text(server.kubeconfig())
        zone = aws.client("route53").create_hosted_zone(Name=str(here.cluster.domain.name), CallerReference="x")
        identifier = zone["HostedZone"]["Id"].rpartition("/")[2]
        said = outputs(here.cluster)
        said["domain"]["hosted_zone_id"] = identifier
        here.outputs_file.write_text(json.dumps(said))
        made = World(here, aws, server, identifier)
        made.balancer = made.make_balancer("k8s-eco2", here.cluster.name)
        yield made


@pytest.fixture
def served(world: World) -> World:
    world.serve(world.balancer)
    return world


def test_the_names_point_at_the_load_balancer_and_a_second_run_changes_nothing(served: World) -> None:
    ran = served.run()
    assert ran.code is ExitCode.DONE, ran.text
    for name in served.names:
        assert served.records()[name, "A"].removeprefix("dualstack.") == served.balancer
    before = len(served.aws.changes())
    assert served.run().code is ExitCode.DONE
    assert served.run(Options(plan=True)).code is ExitCode.DONE
    assert len(served.aws.changes()) == before


def test_the_plan_names_each_name_and_changes_nothing(served: World) -> None:
    before = len(served.aws.changes())
    ran = served.run(Options(plan=True))
    assert ran.code is ExitCode.PLAN_HAS_CHANGES
    assert all(f"point {name} at {served.balancer}" in ran.out for name in served.names)
    assert len(served.aws.changes()) == before


def test_an_alias_of_this_clusters_earlier_load_balancer_moves_without_a_question(served: World) -> None:
    served.point(served.names[0], served.make_balancer("k8s-old", served.site.cluster.name))
    ran = served.run(Options())
    assert ran.code is ExitCode.DONE, ran.text
    assert served.records()[served.names[0], "A"].removeprefix("dualstack.") == served.balancer


@pytest.mark.parametrize("record", ["address", "alias"])
def test_a_record_that_is_not_of_this_cluster_is_not_overwritten_before_somebody_agrees(
    served: World, record: str
) -> None:
    name = served.names[0]
    if record == "address":
        served.put(name, "A", TTL=60, ResourceRecords=[{"Value": "198.51.100.7"}])
    else:
        served.point(name, served.make_balancer("k8s-theirs", "another"))
    before = served.records()
    refused = served.run(Options())
    assert refused.code is ExitCode.NOT_AGREED
    assert f"point {name} at {served.balancer} instead of" in refused.text
    assert served.records() == before
    assert served.run().code is ExitCode.DONE
    assert served.records()[name, "A"].removeprefix("dualstack.") == served.balancer


def test_other_names_of_the_zone_are_left_alone(served: World) -> None:
    domain = str(served.site.cluster.domain.name)
    served.put(f"mail.{domain}", "A", TTL=60, ResourceRecords=[{"Value": "198.51.100.7"}])
    served.put(served.names[0], "TXT", TTL=60, ResourceRecords=[{"Value": '"kept"'}])
    served.run()
    records = served.records()
    assert records[f"mail.{domain}", "A"] == "198.51.100.7"
    assert records[served.names[0], "TXT"] == '"kept"'


def test_a_cname_in_the_way_is_named(served: World) -> None:
    served.put(served.names[1], "CNAME", TTL=60, ResourceRecords=[{"Value": "elsewhere.example"}])
    with pytest.raises(NameInTheWay, match=r"elsewhere\.example"):
        served.phase.facts(Heard().step())


def test_two_load_balancers_are_one_too_many(served: World) -> None:
    served.serve(served.make_balancer("k8s-second", served.site.cluster.name), name="second")
    with pytest.raises(LoadBalancersDiffer):
        served.phase.facts(Heard().step())


def without_ingress(world: World) -> None:
    """None has a load balancer yet."""


def vanished(world: World) -> None:
    world.serve("k8s-gone-1.ap-northeast-2.elb.amazonaws.com")


@pytest.mark.parametrize("before", [without_ingress, vanished])
def test_before_there_is_a_load_balancer_nothing_is_known_yet(world: World, before: Callable[[World], None]) -> None:
    before(world)
    with pytest.raises(NotYet):
        world.phase.facts(Heard().step())


def test_without_a_domain_there_is_nothing_to_do(world: World) -> None:
    domain = world.site.cluster.domain.model_dump(mode="json") | {"name": None}
    world.site = changed(world.site, domain=domain)
    ran = world.run()
    assert ran.code is ExitCode.DONE, ran.text
    assert len(world.records()) == 2, "the zone's own NS and SOA"
