"""Before a rebuild it is told that nobody would hear of alerts, and refused what nobody could hear by."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doubles.kubernetes import KubernetesServer
from tests.provisioning.kubernetes.conftest import programs  # noqa: F401 - a fixture
from tests.provisioning.preflight.conftest import Ready

SLACK = "https://hooks.slack.com/services/T0/B0/the-webhooks-own-secret"


def test_27_nobody_who_hears_is_a_warning_in_one_line(ready: Ready) -> None:
    [what] = ready.warnings(27)
    assert what == "nobody hears of alerts: neither Slack nor e-mail is given"
    assert ready.errors(27) == []
    report = ready.report(27)
    assert report.ok


def test_27_somebody_who_hears_is_fine_and_kept_from_every_log(ready: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECO2_SLACK_WEBHOOK_URL", SLACK)
    assert ready.findings(27) == ()
    assert SLACK not in ready.site.redactor.text(f"posting to {SLACK}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ECO2_SLACK_WEBHOOK_URL", SLACK.replace("https", "http")),
        ("ECO2_ALERT_SMTP_URL", "mail.example:587"),
        ("ECO2_ALERT_EMAIL_TO", "on-call@eco2.example"),
    ],
)
def test_27_what_is_given_wrongly_stops_the_rebuild_and_is_told_once(
    ready: Ready, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    [what] = ready.errors(27)
    assert what.startswith(name)
    report = ready.report(19, 22, 27)
    assert not report.ok
    assert [result.skipped for result in report.results] == [
        "who hears of alerts is given wrongly", "who hears of alerts is given wrongly", "",
    ]  # fmt: skip
    assert SLACK.removeprefix("https") not in "\n".join(report.lines())


def test_27_what_was_given_before_is_still_there(ready: Ready, programs: Path) -> None:  # noqa: F811
    (ready.site.folder.parent / "bin").symlink_to(programs)
    with KubernetesServer.standing() as server:
        ready.site.kubeconfig.write_text(server.kubeconfig())
        assert ready.warnings(27)
        server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "monitoring"}})
        kept = {"name": "alert-receivers", "namespace": "monitoring"}
        server.put({"apiVersion": "v1", "kind": "Secret", "metadata": kept, "stringData": {"slack-url": SLACK}})
        assert ready.findings(27) == ()
        server.set_api(up=False)
        assert ready.warnings(27)
        assert ready.errors(27) == []
