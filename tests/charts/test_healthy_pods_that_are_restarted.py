"""A pod that is ended, or left out, because it is busy or because something behind it is away."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from provisioning.cluster.model import Cluster
from services.gateway.api.operations import DOMAINS as SERVICE_OF_PREFIX
from services.gateway.routes import ROUTES
from services.kernel.config import DEFAULTS as DEFAULTS_FILE
from services.kernel.service import EcoService
from services.kernel.web import FINISH_S
from tests.charts.environments import told
from tests.charts.rendering import Manifest, container, named, of_kind, parsed, text_of, workload
from tests.charts.values import DOMAINS, STORES, WORKERS, release

Rendered = Callable[[str], list[Manifest]]
RUNNING = (*DOMAINS, *WORKERS, *STORES)
DEFAULTS = yaml.safe_load(DEFAULTS_FILE.read_text(encoding="utf-8"))
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


@pytest.mark.parametrize("name", RUNNING)
def test_liveness_asks_for_no_more_than_an_open_port(rendered: Rendered, name: str) -> None:
    """Any path of Nameko's waits for a free worker: a probe of one would end a pod for being busy."""
    for one in workload(rendered(name)).spec["containers"]:
        if one["name"] != "exporter":
            assert set(one["livenessProbe"]) & {"httpGet", "exec", "grpc", "tcpSocket"} == {"tcpSocket"}
            assert one["livenessProbe"]["failureThreshold"] * one["livenessProbe"]["periodSeconds"] >= 60


@pytest.mark.parametrize("name", RUNNING)
def test_a_probe_asks_a_port_that_the_container_opens(rendered: Rendered, name: str) -> None:
    for one in workload(rendered(name)).spec["containers"]:
        open_ports = {port["name"] for port in one["ports"]}
        for probe in (one[kind] for kind in PROBES if kind in one):
            asked = probe.get("httpGet") or probe.get("tcpSocket")
            assert asked is None or asked["port"] in open_ports


@pytest.mark.parametrize("name", [*DOMAINS, *WORKERS])
def test_a_probe_asks_a_path_that_every_process_serves(rendered: Rendered, name: str) -> None:
    served = {
        entry.url
        for method in vars(EcoService).values()
        for entry in getattr(method, "nameko_entrypoints", ())
        if getattr(entry, "method", "") == "GET"
    }
    assert {"/health", "/ready"} <= served

    for one in workload(rendered(name)).spec["containers"]:
        asked = {probe["httpGet"]["path"] for kind in PROBES if "httpGet" in (probe := one.get(kind, {}))}
        assert asked <= served


@pytest.mark.parametrize("name", DOMAINS)
def test_a_new_api_pod_joins_only_when_all_that_it_needs_has_answered(rendered: Rendered, name: str) -> None:
    for one in workload(rendered(name)).spec["containers"]:
        assert one["startupProbe"]["httpGet"]["path"] == "/ready"


@pytest.mark.parametrize("name", DOMAINS)
def test_an_outage_of_redis_or_postgresql_takes_no_api_pod_away(rendered: Rendered, name: str) -> None:
    pod = workload(rendered(name))

    assert container(pod, "gateway")["readinessProbe"]["httpGet"]["path"] == "/health"
    assert "readinessProbe" not in container(pod, name)


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_that_waits_for_postgresql_is_not_ended(rendered: Rendered, name: str) -> None:
    one = container(workload(rendered(name)), name)

    assert "tcpSocket" in one["startupProbe"]
    assert one["readinessProbe"]["httpGet"]["path"] == "/ready", "it says so all the same"


@pytest.mark.parametrize("name", [*DOMAINS, *WORKERS])
def test_a_start_has_more_time_than_a_process_waits_for_the_broker(rendered: Rendered, name: str) -> None:
    for one in workload(rendered(name)).spec["containers"]:
        probe = one["startupProbe"]
        assert probe["failureThreshold"] * probe["periodSeconds"] > 2 * DEFAULTS["start_wait_s"]


@pytest.mark.parametrize("name", [*DOMAINS, *WORKERS])
def test_what_has_begun_may_end_before_the_pod_is_killed(rendered: Rendered, name: str) -> None:
    pod = workload(rendered(name)).spec
    for one in pod["containers"]:
        pause_s = one.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        drain_s = float(told(one)["ECO2_DRAIN_S"])
        assert drain_s >= DEFAULTS["drain_s"]
        assert drain_s > FINISH_S
        assert pod["terminationGracePeriodSeconds"] >= pause_s + drain_s + 5


@pytest.mark.parametrize("name", DOMAINS)
def test_the_gateway_goes_on_listening_until_the_nodes_know_that_it_leaves(rendered: Rendered, name: str) -> None:
    assert container(workload(rendered(name)), "gateway")["lifecycle"]["preStop"]["sleep"]["seconds"] >= 3


@pytest.mark.parametrize("name", DOMAINS)
def test_the_load_balancer_asks_a_health_path_of_that_domain(rendered: Rendered, name: str) -> None:
    service = named(rendered(name), "Service", name)
    prefix, _, rest = service["metadata"]["annotations"]["alb.ingress.kubernetes.io/healthcheck-path"][1:].partition(
        "/"
    )

    assert SERVICE_OF_PREFIX[prefix] == name
    assert ("GET", f"/<domain>/{rest}") in {(route.method, route.path) for route in ROUTES}


@pytest.mark.parametrize("name", DOMAINS)
def test_a_drain_of_a_node_takes_one_api_pod_at_a_time_and_always_one(rendered: Rendered, name: str) -> None:
    (budget,) = of_kind(rendered(name), "PodDisruptionBudget")

    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["selector"]["matchLabels"].items() <= dict(workload(rendered(name)).labels).items()


@pytest.mark.parametrize("name", [*WORKERS, *STORES])
def test_no_budget_stops_the_drain_of_a_node_with_the_only_pod(rendered: Rendered, name: str) -> None:
    assert of_kind(rendered(name), "PodDisruptionBudget") == []


def test_the_autoscaler_never_goes_below_the_replicas(cluster: Cluster, helm: Path, rendered: Rendered) -> None:
    scaled = parsed(text_of(helm, release(cluster, "chat", autoscaling={"enabled": True, "maxReplicas": 4})))

    (scaler,) = of_kind(scaled, "HorizontalPodAutoscaler")
    assert scaler["spec"]["minReplicas"] == workload(rendered("chat")).owner["spec"]["replicas"]
    assert scaler["spec"]["scaleTargetRef"]["name"] == "chat"
    assert "replicas" not in workload(scaled).owner["spec"], "or each deployment would undo its work"
    assert of_kind(rendered("chat"), "HorizontalPodAutoscaler") == []
