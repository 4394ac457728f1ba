"""A request that the load balancer sends to the wrong place, refuses, shows to the world, or leaves unencrypted."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provisioning.cluster.model import Cluster
from services.gateway.api.operations import DOMAINS as SERVICE_OF_PREFIX
from services.gateway.routes import ROUTES
from services.kernel.web import KEEPALIVE_S
from tests.charts.rendering import Manifest, named, of_kind, parsed, text_of
from tests.charts.values import DOMAINS, release

Rendered = Callable[[str], list[Manifest]]
ANNOTATION = "alb.ingress.kubernetes.io/"


@pytest.fixture(scope="module")
def ingress(rendered: Rendered) -> Manifest:
    return named(rendered("edge"), "Ingress", "edge")


def leads_to(ingress: Manifest, path: str, host: str = "api.growbin.app") -> str | None:
    """The Service that a request reaches: an exact path first, then the longest prefix, as the controller has it."""
    for rule in ingress["spec"]["rules"]:
        if rule.get("host") in (host, None):
            fitting = [one for one in rule["http"]["paths"] if _fits(one, path)]
            fitting.sort(key=lambda one: (one["pathType"] != "Exact", -len(one["path"])))
            return str(fitting[0]["backend"]["service"]["name"]) if fitting else None
    return None


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.path.startswith("/api/")], ids=lambda one: one.path
)
def test_every_address_of_the_api_leads_to_its_domains_own_pods(ingress: Manifest, route: Any) -> None:
    for prefix, name in SERVICE_OF_PREFIX.items():
        path = route.path.replace("<domain>", prefix)
        if path.startswith(f"/api/{prefix}/"):
            assert leads_to(ingress, path) == name


@pytest.mark.parametrize("prefix", SERVICE_OF_PREFIX)
def test_the_health_of_a_domain_is_its_own(ingress: Manifest, prefix: str) -> None:
    assert leads_to(ingress, f"/{prefix}/health") == SERVICE_OF_PREFIX[prefix]
    assert leads_to(ingress, f"/{prefix}/ready") == SERVICE_OF_PREFIX[prefix]


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/swagger-ui.css", "/openapi.json", "/api/nothing", "/health"])
def test_what_belongs_to_no_domain_is_answered_by_a_gateway(ingress: Manifest, path: str) -> None:
    assert leads_to(ingress, path) in DOMAINS


@pytest.mark.parametrize("path", ["/metrics", "/ready"])
def test_the_gateways_own_metrics_and_readiness_are_not_for_the_world(ingress: Manifest, path: str) -> None:
    assert leads_to(ingress, path) == "not-found"
    answer = json.loads(ingress["metadata"]["annotations"][f"{ANNOTATION}actions.not-found"])
    assert answer["type"] == "fixed-response"
    assert answer["fixedResponseConfig"]["statusCode"] == "404"


def test_every_backend_is_a_service_of_a_release_or_an_action(rendered: Rendered, ingress: Manifest) -> None:
    for rule in ingress["spec"]["rules"]:
        for path in rule["http"]["paths"]:
            backend = path["backend"]["service"]
            if backend["port"] == {"name": "use-annotation"}:
                assert f"{ANNOTATION}actions.{backend['name']}" in ingress["metadata"]["annotations"]
            else:
                service = named(rendered(backend["name"]), "Service", backend["name"])
                assert service["spec"]["type"] == "NodePort", "instances are asked by a port of theirs"
                assert backend["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}
                assert service["metadata"]["namespace"] == ingress["metadata"]["namespace"]


def test_with_a_certificate_plain_http_is_only_redirected(ingress: Manifest) -> None:
    told = _annotations(ingress)

    assert json.loads(told["listen-ports"]) == [{"HTTP": 80}, {"HTTPS": 443}]
    assert told["ssl-redirect"] == "443"
    assert told["certificate-arn"].startswith("arn:aws:acm:")
    assert "TLS13" in told["ssl-policy"]


def test_without_a_domain_the_load_balancers_own_name_serves_plain_http(cluster: Cluster, helm: Path) -> None:
    bare = release(cluster, "edge", hosts=[], certificateArn="", grafana={"host": ""})

    (ingress,) = of_kind(parsed(text_of(helm, bare)), "Ingress")

    told = _annotations(ingress)
    assert json.loads(told["listen-ports"]) == [{"HTTP": 80}]
    assert not {"ssl-redirect", "certificate-arn", "ssl-policy"} & told.keys()
    assert [rule.get("host") for rule in ingress["spec"]["rules"]] == [None]
    assert leads_to(ingress, "/api/user/me", host="k8s-eco2-1.elb.amazonaws.com") == "userinfo"


def test_another_host_name_leads_nowhere(ingress: Manifest) -> None:
    assert leads_to(ingress, "/api/waste/scans", host="evil.example") is None


def test_the_load_balancer_is_of_terraforms_group_and_changes_none(ingress: Manifest) -> None:
    told = _annotations(ingress)

    assert told["security-groups"].startswith("sg-")
    assert told["manage-backend-security-group-rules"] == "false"
    assert told["target-type"] == "instance"
    assert ingress["spec"]["ingressClassName"] == "alb"


def test_an_idle_connection_is_given_up_by_the_load_balancer_first(ingress: Manifest) -> None:
    """The other way round it would now and then send a request into a connection that the gateway is closing."""
    attributes = dict(pair.split("=") for pair in _annotations(ingress)["load-balancer-attributes"].split(","))

    assert float(attributes["idle_timeout.timeout_seconds"]) < KEEPALIVE_S


def test_both_ingresses_say_the_same_of_the_load_balancer_that_they_share(
    rendered: Rendered, ingress: Manifest
) -> None:
    grafana = named(rendered("edge"), "Ingress", "edge-grafana")
    own = {"group.order", "actions.not-found", "healthcheck-path"}
    first, second = _annotations(ingress), _annotations(grafana)

    assert {name: text for name, text in first.items() if name not in own} == {
        name: text for name, text in second.items() if name not in own
    }
    assert first["group.order"] != second["group.order"]
    assert grafana["metadata"]["namespace"] == "monitoring"


def test_the_clusters_tags_are_on_the_load_balancer(cluster: Cluster, ingress: Manifest) -> None:
    assert dict(pair.split("=") for pair in _annotations(ingress)["tags"].split(",")) == dict(cluster.tags)


def test_there_are_fewer_rules_than_a_load_balancer_takes(rendered: Rendered) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html"""
    paths = [
        path
        for ingress in of_kind(rendered("edge"), "Ingress")
        for rule in ingress["spec"]["rules"]
        for path in rule["http"]["paths"]
    ]

    assert len(paths) <= 100


def _annotations(ingress: Manifest) -> dict[str, str]:
    return {
        name.removeprefix(ANNOTATION): text
        for name, text in ingress["metadata"]["annotations"].items()
        if name.startswith(ANNOTATION)
    }


def _fits(one: Manifest, path: str) -> bool:
    if one["pathType"] == "Exact":
        return bool(path == one["path"])
    return one["path"] == "/" or path == one["path"] or path.startswith(f"{one['path']}/")
