"""The components from the stand-ins of their charts, with the product's values, installed by the real helm."""

from __future__ import annotations

import json

from provisioning.cluster import Cluster, matrix
from provisioning.kubernetes.components import COMPONENTS
from provisioning.site import NetworkOutput
from tests.doubles.charts import ChartRepository
from tests.doubles.kubernetes.client import Client

NETWORK = NetworkOutput(
    vpc_id="vpc-1", subnet_ids=("subnet-1",), security_group_id="sg-1", load_balancer_security_group="sg-2"
)
CALICO, CLOUD, STORAGE, BALANCER, METRICS, MONITORING = COMPONENTS


class Components:
    """Installs what the product would, with the product's values, from the stand-ins."""

    def __init__(self, client: Client, cluster: Cluster, charts: ChartRepository) -> None:
        self.client, self.cluster, self.charts = client, cluster, charts

    def install(self, name: str, *, wait: bool = True) -> None:
        chart = matrix().components[name].chart
        assert chart
        words = ["upgrade", "--install", name, chart.name, "--repo", self.charts.mirrors()[chart.repository]]
        words += ["--version", chart.version, "--create-namespace", "-n", self.cluster.releases[name].namespace]
        words += ["--values", "-", *(["--wait", "--timeout", "20s"] if wait else [])]
        self.client.helm(*words, stdin=json.dumps(COMPONENTS[name](self.cluster, NETWORK)))
        self.client.server.settle()
