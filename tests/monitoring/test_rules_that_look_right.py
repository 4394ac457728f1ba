"""The fear: an expression that reads well and never fires, or always. Each of these was in use somewhere."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.monitoring.rule_files import QUESTIONS, loaded

_LOOK_RIGHT = [
    pytest.param(
        "apis",
        "HighAPIErrorRate",
        'rate(eco2_http_request_seconds_count{status="5xx"}[5m]) / rate(eco2_http_request_seconds_count[5m]) > 0.05',
        id="each failed request is divided by itself: always 100 %",
    ),
    pytest.param(
        "postgresql",
        "HighPostgreSQLConnectionPoolUsage",
        "pg_stat_database_numbackends / pg_settings_max_connections > 0.8",
        id="the two metrics have other labels: never anything",
    ),
    pytest.param(
        "cluster-pods",
        "HighAPICPUUsage",
        'sum by (pod, container) (rate(container_cpu_usage_seconds_total{container=~"gateway|waste"}[5m])) > 0.8',
        id="0.8 of a core, which a limit of 0.3 never lets it reach",
    ),
    pytest.param(
        "cluster-nodes",
        "NodeDown",
        'up{job="node-exporter"} == 0',
        id="a node without an exporter is not missed",
    ),
    pytest.param(
        "redis",
        "HighRedisMemoryUsage",
        "redis_memory_used_bytes / redis_memory_max_bytes > 0.9",
        id="without a maximum it is divided by 0",
    ),
    pytest.param(
        "journal",
        "JournalQuarantined",
        "max by (domain) (increase(eco2_journal_quarantined_total[1h])) > 0",
        id="a counter that begins at 1 has not increased",
    ),
    pytest.param(
        "journal",
        "JournalNotConsuming",
        "eco2_journal_consuming == 0",
        id="who only puts tasks has the metric too, at 0",
    ),
    pytest.param(
        "workers",
        "WorkerPodDown",
        'up{job="eco2-worker"} == 0',
        id="a worker that is not there at all is not missed",
    ),
    pytest.param(
        "cluster-backups",
        "BackupMissing",
        "time() - kube_cronjob_status_last_successful_time > 26 * 3600",
        id="a backup that never succeeded is not missed",
    ),
    pytest.param(
        "slo",
        "APILatencyBurnFast",
        '1 - sum by (domain) (rate(eco2_http_request_seconds_bucket{le="1"}[1h]))'
        " / sum by (domain) (rate(eco2_http_request_seconds_count[1h])) > 0.72",
        id="Prometheus 3 calls the bucket 1.0",
    ),
]


@pytest.mark.parametrize(("file", "alert", "expression"), _LOOK_RIGHT)
def test_the_questions_are_not_content_with_it(
    promtool: Path, tmp_path: Path, file: str, alert: str, expression: str
) -> None:
    (questions,) = (path for path in QUESTIONS if path.stem == file)
    own = loaded(questions)
    for name in own["rule_files"]:
        rules = loaded((questions.parent / name).resolve())
        for rule in (rule for group in rules["groups"] for rule in group["rules"]):
            if rule.get("alert") == alert:
                rule["expr"] = expression
        (tmp_path / Path(name).name).write_text(yaml.safe_dump(rules), encoding="utf-8")
    of_alert = [test for test in own["tests"] if test["name"].startswith(f"{alert} ")]
    asked = {**own, "rule_files": [Path(name).name for name in own["rule_files"]], "tests": of_alert}
    (tmp_path / "questions.yaml").write_text(yaml.safe_dump(asked), encoding="utf-8")

    done = subprocess.run([promtool, "test", "rules", tmp_path / "questions.yaml"], capture_output=True, timeout=120)

    assert done.returncode == 1
    assert b"got:" in done.stdout + done.stderr, "it was refused, not answered"
