"""From an account to a verified cluster: the phases of ``./inv rebuild`` in their order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from provisioning.aws.account import Account
from provisioning.kubernetes.helm import Helm
from provisioning.kubernetes.kubectl import Kubectl
from provisioning.phases.cloud_controller import CloudController
from provisioning.phases.dns import Dns
from provisioning.phases.images import Images
from provisioning.phases.init import Init
from provisioning.phases.join import Join
from provisioning.phases.label import Label
from provisioning.phases.load_balancer import LoadBalancer
from provisioning.phases.network import Network
from provisioning.phases.preflight import Preflight
from provisioning.phases.prepare import Prepare
from provisioning.phases.reach import Reach
from provisioning.phases.releases import Releases
from provisioning.phases.storage import Storage
from provisioning.phases.terraform import TerraformApply
from provisioning.phases.verify import Verify
from provisioning.run import AnyPhase, Command, Settings
from provisioning.site import Site
from provisioning.ssh import Hosts
from provisioning.terraform.runner import Terraform


def phases(site: Site, hosts: Hosts) -> list[AnyPhase]:
    """Every phase, in the order in which a run takes them and a plan shows them."""
    account = Account(site.cluster.region)
    kubectl = Kubectl(site)
    helm = Helm(site, kubectl)
    return [
        Preflight(site, account),
        TerraformApply(site, Terraform(site)),
        Reach(site, hosts),
        Prepare(site, hosts),
        Images(site, hosts),
        Init(site, hosts),
        Network(site, kubectl, helm),
        CloudController(site, kubectl, helm),
        Join(site, hosts, kubectl),
        Label(site, kubectl),
        Storage(site, kubectl, helm),
        LoadBalancer(site, kubectl, helm),
        Releases(site, kubectl, helm),
        Dns(site, kubectl, account),
        Verify(site, kubectl, hosts, account),
    ]


@contextmanager
def rebuild(site: Site) -> Iterator[Command]:
    """The command; its connections are closed at the end."""
    hosts = Hosts(site)
    try:
        yield Command(
            ("./inv", "rebuild"),
            site.cluster.name,
            phases(site, hosts),
            site.folder,
            Settings(redactor=site.redactor),
        )
    finally:
        hosts.close()
