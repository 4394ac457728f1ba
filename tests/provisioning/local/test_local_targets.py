"""What the local Prometheus is told to scrape, without one."""

import re

import pytest
import yaml

from provisioning.local.home import REPOSITORY, Home
from provisioning.local.settings import PORTS, PROCESSES, Stack
from provisioning.local.targets import configuration


@pytest.fixture
def stack(tmp_path):
    ports = {name: 12_000 + number for number, name in enumerate(PORTS)}
    return Stack(Home.open(tmp_path / "home"), root=tmp_path, ports=ports, wanted=list(PROCESSES))


def jobs(stack):
    """Job -> (address, labels) of each of its targets."""
    found = {}
    for job in yaml.safe_load(configuration(stack))["scrape_configs"]:
        configs = job["static_configs"]
        found[job["job_name"]] = [(each["targets"][0], each["labels"]) for each in configs]
    return found


def test_each_process_is_a_target_with_its_job_and_its_domain(stack):
    found = jobs(stack)
    assert found["eco2-gateway"] == [(f"127.0.0.1:{stack.ports['gateway']}", {"domain": "gateway"})]
    assert {labels["domain"] for _, labels in found["eco2-service"]} == {
        "waste", "auth", "userinfo", "location", "recycle", "chat",
    }  # fmt: skip
    assert found["eco2-worker"] == [
        (f"127.0.0.1:{stack.ports[name]}", {"domain": name}) for name in ("storage", "ai")
    ]  # fmt: skip


def test_the_jobs_are_those_of_the_charts_monitors(stack):
    monitors = (REPOSITORY / "charts/monitoring/templates/monitors.yaml").read_text()
    of_the_chart = set(re.findall(r'"job" "([\w-]+)"', monitors)) - {"thanos"}
    of_the_community = {"node-exporter", "prometheus", "alertmanager"}  # its chart has them in a cluster
    assert set(jobs(stack)) == of_the_chart | of_the_community
    honoring = re.findall(r'"job" "([\w-]+)"[^}]*"honorLabels" true', monitors)
    scraped = yaml.safe_load(configuration(stack))["scrape_configs"]
    assert [job["job_name"] for job in scraped if job.get("honor_labels")] == honoring


def test_a_process_that_is_not_wanted_is_no_target(stack):
    stack.wanted = ["gateway", "waste"]
    found = jobs(stack)
    assert [labels["domain"] for _, labels in found["eco2-service"]] == ["waste"]
    assert "eco2-worker" not in found


def test_the_metrics_of_a_broker_that_is_not_ours_are_where_its_plugin_puts_them(stack):
    stack.replaced = {"rabbitmq": "amqp://user:secret@broker.example:5671//"}
    assert jobs(stack)["rabbitmq"] == [("broker.example:15692", {})]
    assert jobs(stack)["rabbitmq-detailed"] == [("broker.example:15692", {})]
    assert "secret" not in configuration(stack)
    stack.replaced = {"rabbitmq": "amqp://user:secret@[::1]:5672//"}
    assert jobs(stack)["rabbitmq"] == [("[::1]:15692", {})]


def test_the_rules_are_the_charts_without_those_of_clusters_and_another_text_is_another_configuration(stack):
    rules = stack.root / "charts/monitoring/files/rules"
    rules.mkdir(parents=True)
    for name in ("one", "cluster-nodes"):
        (rules / f"{name}.yaml").write_text("groups: []\n")
    first = configuration(stack)
    assert yaml.safe_load(first)["rule_files"] == [str(rules / "one.yaml")]
    (rules / "one.yaml").write_text("groups: []  # changed\n")
    assert configuration(stack) != first
