"""A connection that a process needs and no policy allows, and one that nobody needs and a policy allows."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from provisioning.cluster.model import Cluster
from tests.charts.environments import references, told
from tests.charts.policies import Network, Peer
from tests.charts.rendering import Manifest, Pod, container, named, of_kind, pods, workload
from tests.charts.values import ALL, DOMAINS, STORES, WORKERS, secrets

Rendered = Callable[[str], list[Manifest]]
PORTS = {"amqp": 5672, "redis": 6379, "postgresql": 5432, "https": 443, "http": 80}
PARTS = {"ECO2_AMQP_URL": "rabbitmq", "ECO2_REDIS_URL": "redis", "ECO2_DATABASE_URL": "postgresql"}
WITH_PICTURES = ("waste", *WORKERS)
"""The kinds of nodes that Terraform gives the right to the bucket of pictures."""

INTERNET = Peer(address="52.219.60.1")
METADATA = Peer(address="169.254.169.254")
IN_THE_VPC = Peer(address="10.0.1.77")
API_SERVER = Peer(address="10.0.1.10")
PROMETHEUS = Peer("monitoring", {"app.kubernetes.io/name": "prometheus"})
DNS = Peer("kube-system", {"k8s-app": "kube-dns"}, {"dns": 53})
STRANGER = Peer("default", {"app": "stranger"})
PRETENDER = Peer("default", {"app.kubernetes.io/part-of": "eco2"})


@pytest.fixture(scope="module")
def network(rendered: Rendered) -> Network:
    return Network([policy for name in ALL for policy in of_kind(rendered(name), "NetworkPolicy")])


@pytest.fixture(scope="module")
def running(rendered: Rendered) -> dict[str, Peer]:
    return {name: _peer(workload(rendered(name))) for name in (*DOMAINS, *WORKERS, *STORES)}


@pytest.mark.parametrize("name", [*DOMAINS, *WORKERS])
def test_a_process_reaches_the_parts_of_its_addresses(
    cluster: Cluster, rendered: Rendered, network: Network, running: dict[str, Peer], name: str
) -> None:
    asked = set()
    for one in workload(rendered(name)).spec["containers"]:
        environment = told(one, secrets(cluster))
        for variable, part in PARTS.items():
            if variable in references(one):
                url = urlsplit(environment[variable])
                assert (url.hostname or "").partition(".")[0] == part, "the Service's name is the release's"
                assert network.allows(running[name], running[part], url.port or 0), variable
                asked.add(part)
    assert asked == set(STORES)


@pytest.mark.parametrize("name", [*DOMAINS, *WORKERS])
def test_names_are_looked_up_in_the_clusters_dns(network: Network, running: dict[str, Peer], name: str) -> None:
    assert network.allows(running[name], DNS, 53, "UDP")
    assert network.allows(running[name], DNS, 53, "TCP")


@pytest.mark.parametrize("name", [*DOMAINS, *WORKERS])
def test_only_who_handles_pictures_gets_the_nodes_credentials(
    network: Network, running: dict[str, Peer], name: str
) -> None:
    assert network.allows(running[name], METADATA, 80) == (name in WITH_PICTURES)


@pytest.mark.parametrize("name", [*DOMAINS, *WORKERS])
def test_only_who_asks_somebody_outside_reaches_the_internet(
    network: Network, running: dict[str, Peer], name: str
) -> None:
    """S3 by waste and the workers, models by chat and ai, the sign-in providers by auth."""
    assert network.allows(running[name], INTERNET, 443) == (name in (*WITH_PICTURES, "chat", "auth"))


@pytest.mark.parametrize("name", [*DOMAINS, *WORKERS, *STORES])
def test_nothing_of_ours_reaches_the_api_server_or_the_vpc(
    network: Network, running: dict[str, Peer], name: str
) -> None:
    assert not network.allows(running[name], API_SERVER, 6443)
    assert not network.allows(running[name], IN_THE_VPC, 443)
    assert not network.allows(running[name], INTERNET, 25)


@pytest.mark.parametrize("name", DOMAINS)
def test_the_load_balancer_reaches_the_gateway_and_nothing_else_of_the_pod(
    network: Network, running: dict[str, Peer], name: str
) -> None:
    assert network.allows(IN_THE_VPC, running[name], running[name].ports["http"])
    assert not network.allows(IN_THE_VPC, running[name], running[name].ports["service"])
    assert not network.allows(INTERNET, running[name], running[name].ports["http"])
    assert not network.allows(STRANGER, running[name], running[name].ports["http"])


@pytest.mark.parametrize("name", [*DOMAINS, *WORKERS, *STORES])
def test_prometheus_reaches_every_port_that_a_metrics_service_names(
    rendered: Rendered, network: Network, running: dict[str, Peer], name: str
) -> None:
    services = [
        service
        for service in of_kind(rendered(name), "Service")
        if service["metadata"]["labels"].get("app.kubernetes.io/component") == "metrics"
    ]
    assert len(services) == 1
    for port in services[0]["spec"]["ports"]:
        assert running[name].ports[port["targetPort"]] == port["port"], "a headless Service maps no port"
        assert network.allows(PROMETHEUS, running[name], port["port"])
    assert services[0]["spec"]["selector"].items() <= dict(running[name].labels).items()
    assert "metrics" in {port["name"] for port in services[0]["spec"]["ports"]}


@pytest.mark.parametrize("name", STORES)
def test_the_parts_are_for_our_pods_alone(network: Network, running: dict[str, Peer], name: str) -> None:
    main = next(iter(running[name].ports.values()))
    for other in (STRANGER, PRETENDER, IN_THE_VPC, INTERNET, PROMETHEUS):
        assert not network.allows(other, running[name], main)


@pytest.mark.parametrize("name", STORES)
def test_the_parts_ask_nobody_anything(network: Network, running: dict[str, Peer], name: str) -> None:
    for other in (INTERNET, METADATA, IN_THE_VPC, DNS, running["waste"]):
        assert not network.allows(running[name], other, 443)


@pytest.mark.parametrize("kind", ["Job", "CronJob"])
def test_migrations_and_backups_reach_the_database_and_only_backups_the_store(
    rendered: Rendered, network: Network, running: dict[str, Peer], kind: str
) -> None:
    (pod,) = (pod for pod in pods(rendered("postgresql")) if pod.owner["kind"] == kind)
    job = _peer(pod)

    assert network.allows(job, running["postgresql"], 5432)
    assert network.allows(job, DNS, 53, "UDP")
    assert network.allows(job, INTERNET, 443) == (kind == "CronJob")
    assert network.allows(job, METADATA, 80) == (kind == "CronJob")
    assert not network.allows(job, running["redis"], 6379)


def test_the_databases_service_does_not_find_its_own_jobs(rendered: Rendered) -> None:
    services = of_kind(rendered("postgresql"), "Service")
    for pod in pods(rendered("postgresql")):
        if pod.owner["kind"] in ("Job", "CronJob", "Pod"):
            for service in services:
                assert not service["spec"]["selector"].items() <= dict(pod.labels).items()


@pytest.mark.parametrize("name", [*DOMAINS, *WORKERS, *STORES])
def test_helm_test_reaches_what_it_asks(
    rendered: Rendered, network: Network, running: dict[str, Peer], name: str
) -> None:
    (test,) = (pod for pod in pods(rendered(name)) if pod.owner["kind"] == "Pod")
    main = container(workload(rendered(name)), "gateway" if name in DOMAINS else name)["ports"][0]["containerPort"]

    assert network.allows(_peer(test), running[name], main)


def test_the_edges_test_reaches_every_gateway(rendered: Rendered, network: Network, running: dict[str, Peer]) -> None:
    (test,) = (pod for pod in pods(rendered("edge")) if pod.owner["kind"] == "Pod")

    for name in DOMAINS:
        assert network.allows(_peer(test), running[name], running[name].ports["http"])
        assert any(f"http://{name}/" in asked for asked in test.spec["containers"][0]["args"])


@pytest.mark.parametrize("name", [*DOMAINS, *WORKERS, *STORES])
def test_a_service_leads_to_a_port_that_its_pods_open(rendered: Rendered, running: dict[str, Peer], name: str) -> None:
    for service in of_kind(rendered(name), "Service"):
        assert service["spec"]["selector"].items() <= dict(running[name].labels).items()
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= set(running[name].ports)


def test_the_parts_are_called_as_the_addresses_call_them(cluster: Cluster, rendered: Rendered) -> None:
    for (_, key), url in secrets(cluster).items():
        if (part := PARTS.get(key.partition("_URL")[0] + "_URL")) is not None:
            service = named(rendered(part), "Service", part)
            host = f"{part}.{service['metadata']['namespace']}"
            assert (urlsplit(url).hostname or "").startswith(host)
            assert PORTS[part if part != "rabbitmq" else "amqp"] in {port["port"] for port in service["spec"]["ports"]}


def test_a_policy_that_forgets_one_side_is_noticed(network: Network, running: dict[str, Peer]) -> None:
    """The judge itself: without the database's own policy's clients, the same question is answered with no."""
    without = [policy for policy in network.policies if policy["metadata"]["name"] != "postgresql"]
    closed = {
        "metadata": {"name": "postgresql", "namespace": "data"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": []},
    }

    assert network.allows(running["waste"], running["postgresql"], 5432)
    assert not Network([*without, closed]).allows(running["waste"], running["postgresql"], 5432)


def _peer(pod: Pod) -> Peer:
    ports = {port["name"]: port["containerPort"] for one in pod.spec["containers"] for port in one.get("ports", [])}
    return Peer(pod.owner["metadata"]["namespace"], pod.labels, ports)
