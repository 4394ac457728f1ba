"""The releases as Helm would make them, before there is a machine: with addresses of the right form in place of those
that Terraform has still to find."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from provisioning.cluster.capacity import Load
from provisioning.kubernetes import Helm
from provisioning.kubernetes.components import COMPONENTS
from provisioning.kubernetes.release_table import CHARTS, own_releases, release
from provisioning.kubernetes.render import RenderFinding, findings, loads
from provisioning.kubernetes.secrets import Given, secrets_needed
from provisioning.run import NotYet, RunError, Step
from provisioning.site import Site


@dataclass(frozen=True)
class Rendering:
    """What was found in the manifests, by release why it could not be rendered, and each node with what would run on
    it."""

    findings: tuple[RenderFinding, ...]
    failures: dict[str, RunError]
    loads: tuple[Load, ...] = ()


def rendering(site: Site, step: Step, charts: Path = CHARTS) -> Rendering:
    """Renders every release; fetches charts that are not on this machine yet, and changes nothing else.

    Raises `ReceiversRefused`.
    """
    given = Given.by_environment()
    helm = Helm(site)
    manifests: dict[str, list[dict[str, Any]]] = {}
    failures: dict[str, RunError] = {}
    with _expected(site) as expected:
        for name in [*(name for name in COMPONENTS if name in site.cluster.releases), *own_releases(site.cluster)]:
            try:
                manifests[name] = helm.rendered(step, release(expected, name, charts, given))
            except RunError as failed:
                failures[name] = failed
    found = findings(site.cluster, manifests, _made_beside(site))
    return Rendering(tuple(found), failures, tuple(loads(site.cluster, manifests)))


def _made_beside(site: Site) -> set[str]:
    """The Secrets that no chart makes. The registry's may be missing: a public image needs none."""
    pullers = {f"{each.namespace}/{site.cluster.registry.pull_secret}" for each in site.cluster.releases.values()}
    return pullers | {needed.id for needed in secrets_needed(site.cluster)}


@contextmanager
def _expected(site: Site) -> Iterator[Site]:
    """The site as it is, or before the first apply as it will be."""
    try:
        site.outputs()
    except NotYet:
        pass
    else:
        yield site
        return
    with tempfile.TemporaryDirectory(prefix=".preflight-", dir=site.folder.parent) as folder:
        expected = replace(site, folder=Path(folder))
        expected.outputs_file.write_text(json.dumps(_outputs(site)))
        yield expected


def _outputs(site: Site) -> dict[str, Any]:
    """Outputs of the right form; none of them is anybody's."""
    cluster, account = site.cluster, "000000000000"
    domain, arn = cluster.domain.name, f"arn:aws:acm:{cluster.region}:{account}:certificate/expected"
    return {
        "cluster": {"name": cluster.name, "account": account, "region": cluster.region},
        "nodes": {},
        "api": {"host": f"k8s-api.{cluster.network.private_zone}", "port": 6443, "addresses": []},
        "network": {
            "vpc_id": "vpc-00000000000000000",
            "subnet_ids": [f"subnet-{number:017x}" for number in range(len(cluster.network.subnets))],
            "security_group_id": "sg-00000000000000000",
            "load_balancer_security_group": "sg-00000000000000001",
        },
        "buckets": {
            "images": f"{cluster.buckets.images.name}-{account}",
            "backups": f"{cluster.buckets.backups.name}-{account}",
        },
        "cdn": {"distribution_id": "EXPECTED", "url": f"https://{cluster.domain.host('images') or 'expected.example'}"},
        "domain": {"name": domain, "hosted_zone_id": domain and "ZEXPECTED", "certificate_arn": domain and arn},
        "roles": {},
    }
