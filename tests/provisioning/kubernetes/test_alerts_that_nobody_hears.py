"""An alert reaches who is to hear of it, once, in words that help: with Debian's Alertmanager and our configuration."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from provisioning.local.packages import require
from provisioning.monitoring.alertmanager import MESSAGES, configuration
from provisioning.monitoring.receivers import Receivers
from provisioning.monitoring.symptoms import SILENCES
from provisioning.site import REPOSITORY
from tests.provisioning.kubernetes.alerts import PASSWORD, PATH, Alerting, Programs, Values, until

RULES = REPOSITORY / "charts/monitoring/files/rules"
SLACK = {"ECO2_SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/secret"}
EMAIL = {
    "ECO2_ALERT_SMTP_URL": "smtp://a%40eco2.example:secret@mail.example:587",
    "ECO2_ALERT_EMAIL_TO": "b@eco2.example",
}
VARIANTS = [{}, SLACK, EMAIL, {**SLACK, **EMAIL}]


@pytest.fixture(scope="session")
def programs() -> Programs:
    found = require(("alertmanager",), say=print)
    assert found.alertmanager
    assert found.amtool
    return Programs(found.alertmanager, found.amtool)


@pytest.fixture(scope="module")
def alerting(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alerting]:
    with Alerting(programs, tmp_path_factory.mktemp("alerting")) as running:
        yield running


def written(folder: Path, environment: dict[str, str]) -> Path:
    """The configuration for what the operator gives."""
    (folder / "eco2.tmpl").write_text(MESSAGES.read_text())
    file = folder / "alertmanager.yaml"
    file.write_text(yaml.safe_dump(configuration(Receivers.given(environment), templates=str(folder / "*.tmpl"))))
    return file


@pytest.mark.parametrize("given", VARIANTS, ids=["nobody", "slack", "email", "both"])
def test_alertmanager_takes_the_configuration(programs: Programs, tmp_path: Path, given: dict[str, str]) -> None:
    words = [programs.amtool, "check-config", written(tmp_path, given)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 templates" in done.stdout


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["alertname=PostgreSQLDown", "severity=critical"], "critical"),
        (["alertname=HighAPILatency", "severity=warning", "domain=waste"], "warning"),
        (["alertname=NodeDown", "severity=critical", "area=node", "node=n1"], "critical"),
        (["alertname=HighNodeCPUUsage", "severity=warning", "area=node", "node=n1"], "warning"),
        (["alertname=APIRateLimiting", "severity=info"], "nobody"),
        (["alertname=Watchdog", "severity=none"], "nobody"),
        (["alertname=InfoInhibitor", "severity=none"], "nobody"),
        # Of whatever severity they may be one day.
        (["alertname=Watchdog", "severity=critical"], "nobody"),
    ],
)
def test_an_alert_goes_to_who_is_meant_by_its_severity(
    programs: Programs, tmp_path: Path, labels: list[str], receiver: str
) -> None:
    file = written(tmp_path, {**SLACK, **EMAIL})
    words = [programs.amtool, "config", "routes", "test", f"--config.file={file}", *labels]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.strip() == receiver, done.stderr


def receiver(said: Values, name: str) -> Values:
    [found] = [each for each in said["receivers"] if each["name"] == name]
    return dict(found)


def test_warnings_are_mailed_where_mail_is_all_there_is() -> None:
    both = configuration(Receivers.given({**SLACK, **EMAIL}))
    assert set(receiver(both, "critical")) == {"name", "slack_configs", "email_configs"}
    assert set(receiver(both, "warning")) == {"name", "slack_configs"}
    mail = configuration(Receivers.given(EMAIL))
    assert set(receiver(mail, "warning")) == {"name", "email_configs"}
    for name in ("critical", "warning", "nobody"):
        assert receiver(configuration(Receivers.given({})), name) == {"name": name}


def test_what_stands_is_said_again_after_hours_and_a_burst_is_said_once() -> None:
    route = configuration(Receivers.given(SLACK))["route"]
    assert (route["group_wait"], route["group_interval"], route["group_by"]) == (
        "30s", "5m", ["alertname", "area", "domain"],
    )  # fmt: skip
    _, nodes, critical, warning = route["routes"]
    assert nodes["group_by"] == ["node"]
    for routes in ((critical, warning), nodes["routes"]):
        assert [each["repeat_interval"] for each in routes] == ["4h", "24h"]


def alerts_of_ours() -> set[str]:
    found = [yaml.safe_load(path.read_text()) for path in sorted(RULES.glob("*.yaml"))]
    rules = itertools.chain.from_iterable(group["rules"] for file in found for group in file["groups"])
    return {rule["alert"] for rule in rules if "alert" in rule}


def test_every_alert_that_silences_or_is_silenced_is_one_of_the_rules() -> None:
    named = {each.cause for each in SILENCES} | {name for each in SILENCES for name in each.alerts}
    assert named <= alerts_of_ours()
    assert "NodeDown" in alerts_of_ours()
    assert not [each for each in SILENCES if each.cause in each.alerts]


def critical(name: str, **labels: str) -> Values:
    return alert(name, severity="critical", **labels)


def warned(name: str, **labels: str) -> Values:
    return alert(name, severity="warning", **labels)


def alert(name: str, **labels: str) -> Values:
    annotations = {
        "summary": f"{name} is <so> & so",
        "description": "It is 97 % and rises.",
        "runbook_url": f"https://runbooks.example/{name}.md",
    }
    return {"alertname": name, **labels, "annotations": annotations}


def test_a_critical_alert_reaches_slack_and_mail_and_so_does_its_end(alerting: Alerting) -> None:
    alerting.fire(critical("VolumeNearlyFull", area="volume", namespace="data"))
    title = "[CRITICAL] VolumeNearlyFull"
    until(lambda: alerting.told(title), "Slack heard nothing")
    [message] = alerting.told(title)
    [attachment] = message["attachments"]
    assert attachment["color"] == "danger"
    assert attachment["title_link"] == "https://alerts.example"
    assert attachment["text"].splitlines() == [
        "*VolumeNearlyFull is &lt;so&gt; &amp; so*",
        "It is 97 % and rises.",
        "<https://runbooks.example/VolumeNearlyFull.md|What to do>",
    ]

    until(lambda: title in alerting.mail.subjects(), "nobody got the mail")
    [mail] = [mail for mail in alerting.mail.mails if mail["Subject"] == title]
    assert mail["To"] == "on-call@eco2.example, second@eco2.example"
    parts = {part.get_content_type(): part.get_payload(decode=True) for part in mail.walk()}
    plain, html = bytes(parts["text/plain"]).decode(), bytes(parts["text/html"]).decode()  # type: ignore[arg-type]
    assert "VolumeNearlyFull is <so> & so" in plain
    assert "What to do: https://runbooks.example/VolumeNearlyFull.md" in plain
    assert "namespace=data" in plain
    assert "VolumeNearlyFull is &lt;so&gt; &amp; so" in html
    assert '<a href="https://runbooks.example/VolumeNearlyFull.md">' in html

    alerting.fire(critical("VolumeNearlyFull", area="volume", namespace="data"), ended=True)
    until(lambda: "[RESOLVED] VolumeNearlyFull" in alerting.slack.titles(), "Slack did not hear that it is over")
    until(lambda: "[RESOLVED] VolumeNearlyFull" in alerting.mail.subjects(), "no mail said that it is over")
    [over] = alerting.told("[RESOLVED] VolumeNearlyFull")
    assert over["attachments"][0]["color"] == "good"
    assert ":white_check_mark:" in over["attachments"][0]["text"]


def test_a_warning_is_no_reason_to_write_a_mail(alerting: Alerting) -> None:
    alerting.fire(warned("HighWorkerTaskDuration", area="worker", domain="ai"))
    until(lambda: alerting.told("[WARNING] HighWorkerTaskDuration (ai)"), "Slack heard nothing")
    assert not [subject for subject in alerting.mail.subjects() if "HighWorkerTaskDuration" in subject]


def test_alerts_of_one_kind_and_domain_come_in_one_message(alerting: Alerting) -> None:
    pods = [warned("PodRestarting", area="pod", domain="waste", pod=f"waste-{number}") for number in range(12)]
    alerting.fire(*pods, warned("PodRestarting", area="pod", domain="auth", pod="auth-1"))
    until(lambda: alerting.told("[WARNING] PodRestarting (waste) x12"), "Slack heard nothing")
    until(lambda: alerting.told("[WARNING] PodRestarting (auth)"), "Slack heard nothing of the other domain")
    [message] = alerting.told("[WARNING] PodRestarting (waste) x12")
    text = message["attachments"][0]["text"]
    assert text.count("What to do") == 10
    assert "… and more" in text


def test_what_is_wrong_with_one_machine_comes_in_one_message(alerting: Alerting) -> None:
    names = ("HighNodeCPUUsage", "HighNodeMemoryUsage", "NodeInodesLow")
    alerting.fire(*(warned(name, area="node", node="n1", instance="10.0.0.1:9100") for name in names))
    until(lambda: alerting.told("[WARNING] n1: 3 alerts x3"), "Slack heard nothing")


def test_symptoms_are_not_told_while_their_cause_stands(alerting: Alerting) -> None:
    cause, symptom = (
        critical("PostgreSQLDown", area="postgresql"),
        critical("HighAPIErrorRate", area="api", domain="waste"),
    )
    alerting.fire(cause)
    until(lambda: alerting.told("[CRITICAL] PostgreSQLDown"), "Slack did not hear of the cause")
    alerting.fire(symptom, warned("JournalUnsyncedOld", area="journal", domain="ai"))
    shown = alerting.shown()
    assert (shown["HighAPIErrorRate"], shown["JournalUnsyncedOld"]) == ("suppressed", "suppressed")
    assert not alerting.told("[CRITICAL] HighAPIErrorRate (waste)")

    # When the cause is over and the symptom is not, it was another's.
    alerting.fire(cause, ended=True)
    until(lambda: alerting.told("[CRITICAL] HighAPIErrorRate (waste)"), "the symptom stayed silent without its cause")


def test_a_machine_that_is_down_silences_what_stands_on_it_and_nothing_else(alerting: Alerting) -> None:
    alerting.fire(
        critical("NodeDown", area="node", node="n2"),
        critical("NodeNotReady", area="node", node="n2"),
        critical("WorkerPodDown", area="worker", domain="storage", node="n2"),
        critical("JournalNotConsuming", area="journal", domain="ai", node="n3"),
        critical("BackupMissing", area="backup"),
    )
    for title in ("[CRITICAL] n2: NodeDown", "[CRITICAL] n3: JournalNotConsuming (ai)", "[CRITICAL] BackupMissing"):
        until(lambda title=title: alerting.told(title), f"Slack did not hear {title}")
    shown = alerting.shown()
    assert (shown["NodeNotReady"], shown["WorkerPodDown"]) == ("suppressed", "suppressed")
    assert shown["NodeDown"] == "active"


def test_a_critical_alert_silences_the_warning_of_the_same_thing_alone(alerting: Alerting) -> None:
    same = {"area": "volume", "namespace": "messaging", "persistentvolumeclaim": "data-rabbitmq-0"}
    alerting.fire(critical("VolumeFilling", **same))
    until(lambda: alerting.told("[CRITICAL] VolumeFilling"), "Slack heard nothing")
    alerting.fire(
        warned("VolumeFilling", **same, step="first"),
        warned("VolumeFilling", **{**same, "persistentvolumeclaim": "data-redis-0"}, domain="redis"),
    )
    until(lambda: alerting.told("[WARNING] VolumeFilling (redis)"), "another volume's warning was silenced")
    assert not alerting.told("[WARNING] VolumeFilling")


def test_what_only_proves_that_alerts_arrive_is_told_to_nobody(alerting: Alerting) -> None:
    alerting.fire(alert("Watchdog", severity="none"), alert("APIRateLimiting", severity="info", area="api"))
    alerting.fire(warned("AfterTheWatchdog", area="api"))
    until(lambda: alerting.told("[WARNING] AfterTheWatchdog"), "Slack heard nothing")
    time.sleep(0.5)
    assert not [title for title in alerting.slack.titles() if "Watchdog" in title and "After" not in title]
    assert not [title for title in alerting.slack.titles() if "APIRateLimiting" in title]
    assert alerting.shown()["Watchdog"] == "active"


def test_neither_the_webhook_nor_the_password_is_in_what_alertmanager_says(alerting: Alerting) -> None:
    said = alerting.log.read_text()
    assert PATH not in said
    assert PASSWORD not in said
    assert alerting.slack.refused == []
