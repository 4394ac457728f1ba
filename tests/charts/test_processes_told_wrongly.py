"""A process that is told less, more or something else than the same process on one machine."""

import configparser
import importlib
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provisioning.cluster.model import Cluster
from provisioning.kubernetes.secrets import Given, secrets_needed
from services.gateway.api.operations import DOMAINS as PREFIXES
from services.kernel.config import Config
from tests.charts.environments import BY_CHART, known_names, references, secret_names, told
from tests.charts.processes import complaints, settings_of
from tests.charts.rendering import CHARTS, Manifest, container, is_ours, of_kind, parsed, pods, text_of, workload
from tests.charts.values import ALL, DOMAINS, WORKERS, release, secrets

Rendered = Callable[[str], list[Manifest]]
Secrets = dict[tuple[str, str], str]
ROOT = CHARTS.parent
PROCESSES = [(name, one) for name in DOMAINS for one in ("gateway", name)] + [(name, name) for name in WORKERS]


@pytest.fixture(scope="module")
def addresses(cluster: Cluster) -> Secrets:
    return secrets(cluster)


@pytest.fixture(scope="module")
def local() -> dict[str, list[str]]:
    """Process -> the words with which supervisord starts it on one machine, after launch.py's own."""
    conf = configparser.RawConfigParser(inline_comment_prefixes=None)
    conf.read(ROOT / "provisioning" / "local" / "supervisord.conf")
    return {
        section.partition(":")[2]: shlex.split(conf[section]["command"])
        for section in conf.sections()
        if section.startswith("program:")
    }


@pytest.mark.parametrize(("name", "process"), PROCESSES)
def test_a_process_is_started_with_the_words_of_the_local_stack(
    rendered: Rendered, local: dict[str, list[str]], name: str, process: str
) -> None:
    one = container(workload(rendered(name)), process)
    words = one["args"]

    assert "command" not in one, "it would take the place of the image's entry point, which passes signals on"
    assert words[0] == "python"
    assert words[1:] == local[process][-3:]
    module, _, kind = words[-1].partition(":")
    assert isinstance(getattr(importlib.import_module(module), kind), type)


@pytest.mark.parametrize(("name", "process"), PROCESSES)
def test_a_process_runs_in_the_image_that_is_built_for_it(
    cluster: Cluster, rendered: Rendered, name: str, process: str
) -> None:
    pod = workload(rendered(name))
    one = container(pod, process)
    built = cluster.registry.workers_image if name in WORKERS else cluster.registry.image

    assert one["image"].rpartition(":")[0] == built
    assert "initContainers" not in pod.spec, "nothing is made at a start: the local model is in the image"
    places = [Path(mount["mountPath"]) for mount in one["volumeMounts"]]
    assert not any(Path(told(one)["ECO2_CACHE_DIR"]).is_relative_to(place) for place in places), (
        "a volume would hide it"
    )


@pytest.mark.parametrize(("name", "process"), PROCESSES)
def test_a_process_has_its_own_database_role_and_the_models_key_only_if_it_asks_models(
    rendered: Rendered, local: dict[str, list[str]], name: str, process: str
) -> None:
    one = container(workload(rendered(name)), process)
    words = local[process]
    schema = words[words.index("--database") + 1] if "--database" in words else None

    if schema:
        assert references(one)["ECO2_DATABASE_URL"] == ("backends", f"ECO2_DATABASE_URL_{schema.upper()}")
    else:
        assert told(one)["ECO2_DATABASE_URL"] == "none"
    assert ("OPENAI_API_KEY" in references(one)) == ("--models" in words)


def test_without_a_models_key_no_secret_is_asked_for_it(cluster: Cluster, helm: Path) -> None:
    of = release(cluster, "chat", Given(models=False, registry=True))

    assert "OPENAI" not in text_of(helm, of)


def test_without_a_token_no_secret_is_asked_for_the_registry(cluster: Cluster, helm: Path) -> None:
    for name in ALL:
        assert "imagePullSecrets" not in text_of(helm, release(cluster, name, Given(models=True, registry=False)))


def test_every_secret_that_a_pod_wants_is_made_with_that_key(
    cluster: Cluster, rendered: Rendered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    monkeypatch.setenv("GHCR_TOKEN", "token")
    words = {"username": "eco2", "password": "w", "monitoring-password": "m"}
    passwords = dict.fromkeys(("postgresql", "rabbitmq", "redis"), words)
    made = {one.id: set(one.content(passwords)) for one in secrets_needed(cluster)}

    for name in ALL:
        for pod in pods(rendered(name)):
            namespace = pod.owner["metadata"]["namespace"]
            wanted = [at for one in pod.containers for at in references(one).values()]
            for volume in pod.spec.get("volumes", []):
                wanted += [
                    (volume["secret"]["secretName"], item["key"]) for item in volume.get("secret", {}).get("items", [])
                ]
            for secret, key in wanted:
                assert key in made[f"{namespace}/{secret}"], pod.id
            for puller in pod.spec.get("imagePullSecrets", []):
                assert f"{namespace}/{puller['name']}" in made


def test_the_public_addresses_are_the_clusters(
    cluster: Cluster, rendered: Rendered, addresses: Secrets, tmp_path: Path
) -> None:
    settings = settings_of(told(container(workload(rendered("auth")), "auth"), addresses), rendered("auth"), tmp_path)

    assert settings["auth"]["issuer"] == f"https://{cluster.domain.host('api')}"
    assert settings["gateway"]["public_url"] == f"https://{cluster.domain.host('api')}/"
    assert settings["oauth"]["return_to"] == [settings["auth"]["page"]] == [f"https://{cluster.domain.host('www')}/"]
    assert settings["gateway"]["trusted_proxies"] == 1


@pytest.mark.parametrize("name", ALL)
def test_no_name_of_ours_is_misspelt(rendered: Rendered, name: str) -> None:
    known = {*known_names(), "ECO2_CONFIG"}
    for pod in pods(rendered(name)):
        for one in pod.containers:
            assert {variable for variable in told(one) if variable.startswith("ECO2_")} <= known


@pytest.mark.parametrize("name", ALL)
def test_no_secret_stands_in_a_chart(rendered: Rendered, name: str) -> None:
    assert of_kind(rendered(name), "Secret") == []
    for pod in pods(rendered(name)):
        for one in pod.containers:
            for variable, value in told(one).items():
                assert variable not in secret_names() or variable in references(one)
                words = value.partition("://")[2].partition("@")[0].partition(":")[2] if "@" in value else ""
                assert words in ("", "$(POSTGRES_PASSWORD)") or variable in references(one), variable


@pytest.mark.parametrize("name", ALL)
def test_the_table_on_top_of_the_values_names_every_secret(rendered: Rendered, cluster: Cluster, name: str) -> None:
    values = (CHARTS / release(cluster, name).chart / "values.yaml").read_text(encoding="utf-8")
    table = values.partition("\n\n")[0]
    for pod in pods(rendered(name)):
        for one in pod.containers:
            for variable, (secret, key) in references(one).items():
                line = key if secret == "openai" else f"{secret} "
                assert line in table, variable
                assert key.removesuffix(name.upper()).removesuffix("TASKS") in table, variable


@pytest.mark.parametrize("name", [*DOMAINS, *WORKERS, "postgresql"])
def test_every_process_of_ours_accepts_what_it_is_told(
    rendered: Rendered, addresses: Secrets, name: str, tmp_path: Path
) -> None:
    manifests = rendered(name)
    asked = 0
    for pod in pods(manifests):
        for one in pod.containers:
            if is_ours(one) and "ECO2_DATABASE_URL" in told(one):
                assert complaints(told(one, addresses), manifests, tmp_path) == ""
                asked += 1
    assert asked >= 1


def test_a_setting_in_the_values_reaches_the_process(
    cluster: Cluster, helm: Path, addresses: Secrets, tmp_path: Path
) -> None:
    config = {"gateway": {"public_url": "https://api.example.kr"}, "log_level": "DEBUG"}
    manifests = parsed(text_of(helm, release(cluster, "waste", config=config)))

    settings = settings_of(told(container(workload(manifests), "gateway"), addresses), manifests, tmp_path)

    assert str(settings["gateway"]["public_url"]) == "https://api.example.kr/"
    assert settings["gateway"]["trusted_proxies"] == 1, "the chart's own is merged with it"
    assert settings["log_level"] == "DEBUG"


def test_a_changed_setting_makes_the_pods_new(cluster: Cluster, helm: Path) -> None:
    def digest(**changed: Any) -> str:
        pod = workload(parsed(text_of(helm, release(cluster, "waste", **changed))))
        return str(pod.owner["spec"]["template"]["metadata"]["annotations"]["eco2/config"])

    assert digest() == digest()
    assert digest() != digest(config={"log_level": "DEBUG"})


@pytest.mark.parametrize("chart", ["api", "worker"])
def test_the_schema_knows_every_setting_but_those_that_the_chart_gives(chart: str) -> None:
    schema = json.loads((CHARTS / chart / "values.schema.json").read_text(encoding="utf-8"))
    config = schema["properties"]["config"]["properties"]

    assert set(config) == set(Config.model_fields) - BY_CHART
    assert config["mail"]["properties"] == {"password": False}
    providers = {name.split("__")[1].lower() for name in secret_names() if name.startswith("ECO2_OAUTH__")}
    assert config["oauth"]["properties"] == {
        name: {"type": "object", "properties": {"client_secret": False}} for name in sorted(providers)
    }


def test_every_setting_that_is_a_secret_can_come_from_one(cluster: Cluster, helm: Path) -> None:
    wanted = {name: {"name": "given", "key": name.lower()} for name in secret_names()}

    manifests = parsed(text_of(helm, release(cluster, "auth", secretSettings=wanted)))

    pod = workload(manifests)
    asked = references(container(pod, "auth"))
    assert {name: at for name, at in asked.items() if at[0] == "given"} == {
        name: ("given", name.lower()) for name in wanted
    }
    assert "given" not in {at[0] for at in references(container(pod, "gateway")).values()}


def test_a_pod_of_two_processes_gives_each_a_port_of_its_own(rendered: Rendered) -> None:
    for name in DOMAINS:
        pod = workload(rendered(name))
        ports = {one["name"]: told(one)["ECO2_HTTP_PORT"] for one in pod.spec["containers"]}
        assert len(set(ports.values())) == len(ports)
        for one in pod.spec["containers"]:
            assert [str(port["containerPort"]) for port in one["ports"]] == [ports[one["name"]]]
            assert told(one)["ECO2_HTTP_HOST"] == "0.0.0.0"  # noqa: S104 - what the others in the cluster ask


def test_the_gateway_has_more_places_than_all_domains_together(
    rendered: Rendered, addresses: Secrets, tmp_path: Path
) -> None:
    one = container(workload(rendered("waste")), "gateway")
    settings = settings_of(told(one, addresses), rendered("waste"), tmp_path)

    assert settings["max_workers"] > settings["gateway"]["domain_calls"] * len(PREFIXES)
