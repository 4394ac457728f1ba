"""Passwords are made once; no address holds another than its part's own; nothing of them shows in a difference."""

import json
from urllib.parse import urlsplit

import pytest

from provisioning.cluster import Cluster
from provisioning.kubernetes.differences import difference
from provisioning.kubernetes.secrets import Needed, Origin, secrets_needed


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GHCR_TOKEN", "OPENAI_API_KEY", "GITHUB_USERNAME"):
        monkeypatch.delenv(name, raising=False)


def contents(cluster: Cluster) -> dict[str, dict[str, str]]:
    """Every Secret's content, made in order as the phase makes them."""
    passwords: dict[str, dict[str, str]] = {}
    found = {}
    for needed in secrets_needed(cluster):
        found[needed.id] = needed.manifest(passwords)["stringData"]
        if needed.name.endswith("-credentials"):
            passwords[needed.name.removesuffix("-credentials")] = found[needed.id]
    return found


def test_the_services_addresses_hold_the_passwords_of_their_parts(cluster: Cluster) -> None:
    found = contents(cluster)
    for variable, release in (("ECO2_AMQP_URL", "rabbitmq"), ("ECO2_REDIS_URL", "redis")):
        url = urlsplit(found["eco2/backends"][variable])
        namespace = cluster.releases[release].namespace
        assert url.password == found[f"{namespace}/{release}-credentials"]["password"]
        assert url.hostname == f"{release}.{namespace}.svc.cluster.local"


def test_every_domain_has_its_own_role_and_nobody_the_owners_password(cluster: Cluster) -> None:
    found = contents(cluster)
    owners = found["data/postgresql-credentials"]["password"]
    urls = {key: urlsplit(url) for key, url in found["eco2/backends"].items() if key.startswith("ECO2_DATABASE_URL")}
    domains = {node.labels["domain"] for node in cluster.of_role("api")}
    assert set(urls) == {f"ECO2_DATABASE_URL_{name.upper()}" for name in {*domains, "tasks"}}
    assert urls["ECO2_DATABASE_URL_WASTE"].username == "eco2_waste"
    assert len({url.password for url in urls.values()}) == len(urls)
    assert owners not in str(found["eco2/backends"])


def test_every_password_is_another_and_long(cluster: Cluster) -> None:
    found = contents(cluster)
    random = [value for content in found.values() for key, value in content.items() if key.endswith("password")]
    assert len(set(random)) == len(random) >= 5
    assert min(map(len, random)) >= 43


def test_no_password_needs_an_escape_in_an_address(cluster: Cluster) -> None:
    for _ in range(20):
        for content in contents(cluster).values():
            assert all(set(value) <= set(map(chr, range(33, 127))) - set("%") for value in content.values())


def test_what_the_operator_gives_is_made_only_when_given(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    def given() -> dict[str, Needed]:
        return {needed.id: needed for needed in secrets_needed(cluster) if needed.origin is Origin.ENVIRONMENT}

    assert given() == {}
    monkeypatch.setenv("GHCR_TOKEN", "ghp_0123456789")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789")
    # The database's migrations run in our image too, so the token is needed beside it.
    namespaces = ("eco2", "messaging", "data", "monitoring")
    assert set(given()) == {"eco2/openai", *(f"{namespace}/registry" for namespace in namespaces)}
    config = json.loads(given()["eco2/registry"].content({})[".dockerconfigjson"])
    assert config["auths"][cluster.registry.server]["password"] == "ghp_0123456789"
    assert given()["eco2/registry"].type == "kubernetes.io/dockerconfigjson"


def secret(**data: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "eco2"}, "data": data}


def test_a_difference_shows_that_a_secret_changes_and_not_to_what() -> None:
    text = difference([secret(a="c2VjcmV0", b="a2VwdA==")], [secret(a="bmV3", b="a2VwdA==")])
    assert "[hidden, now]" in text
    assert "[hidden, then]" in text
    for content in ("c2VjcmV0", "bmV3", "a2VwdA=="):
        assert content not in text


def test_a_secret_that_comes_or_goes_shows_no_content() -> None:
    for before, after in (([], [secret(a="c2VjcmV0")]), ([secret(a="c2VjcmV0")], [])):
        text = difference(before, after)
        assert "Secret/eco2/s" in text
        assert "c2VjcmV0" not in text


def test_what_is_the_same_makes_no_difference() -> None:
    assert difference([secret(a="c2VjcmV0")], [secret(a="c2VjcmV0")]) == ""


def test_other_objects_differ_line_by_line() -> None:
    before = {"kind": "Service", "metadata": {"name": "waste"}, "spec": {"ports": [{"port": 80}]}}
    after = {"kind": "Service", "metadata": {"name": "waste"}, "spec": {"ports": [{"port": 8080}]}}
    lines = difference([before], [after]).splitlines()
    assert "-  - port: 80" in lines
    assert "+  - port: 8080" in lines
