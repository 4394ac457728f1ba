"""Who hears of alerts: given once and kept, refused before anything happens, and never where it could be read."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioning.cluster import Cluster
from provisioning.kubernetes import Helm, Kubectl
from provisioning.kubernetes.components import component
from provisioning.kubernetes.monitoring import MONITORING
from provisioning.kubernetes.release_table import release
from provisioning.kubernetes.render import findings
from provisioning.kubernetes.secrets import Given, Origin, decoded, secrets_needed
from provisioning.local.packages import require
from provisioning.monitoring.receivers import NOBODY, SECRET, VARIABLES, Email, Receivers, ReceiversRefused
from provisioning.phases.releases import MakeSecret, Releases
from provisioning.site import Site
from tests.doubles.kubernetes import KubernetesServer
from tests.provisioning.kubernetes.world import Heard

SLACK = "https://hooks.slack.com/services/T0/B0/the-webhooks-own-secret"
PASSWORD = "the-mail-servers-password"
GIVEN = {
    "ECO2_SLACK_WEBHOOK_URL": SLACK,
    "ECO2_ALERT_SMTP_URL": f"smtp://alerts%40eco2.example:{PASSWORD}@mail.example",
    "ECO2_ALERT_EMAIL_TO": "a@eco2.example,b@eco2.example",
}


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "GHCR_TOKEN", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def _given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ECO2_SLACK_WEBHOOK_URL": "http://hooks.slack.com/services/T/B/x"}, "begins with https"),
        ({"ECO2_SLACK_WEBHOOK_URL": "https://hooks.slack.com/"}, "has a path"),
        ({"ECO2_SLACK_WEBHOOK_URL": "hooks.slack.com/services/T/B/x"}, "begins with https"),
        ({"ECO2_SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T B"}, "no address of a webhook"),
        ({"ECO2_SLACK_WEBHOOK_URL": "https://[x"}, "is no address"),
        ({"ECO2_ALERT_EMAIL_TO": "a@b.example"}, "nobody would send the mail"),
        ({"ECO2_ALERT_SMTP_URL": "smtp://u%40x.y:p@h:587"}, "does not say who gets the mail"),
        ({"ECO2_ALERT_SMTP_URL": "smtp://u%40x.y:p@h:587", "ECO2_ALERT_EMAIL_TO": " , "}, "who gets the mail"),
        ({"ECO2_ALERT_SMTP_URL": "https://h/x", "ECO2_ALERT_EMAIL_TO": "a@b.example"}, "it looks like smtp://"),
        ({"ECO2_ALERT_SMTP_URL": "mail.example:587", "ECO2_ALERT_EMAIL_TO": "a@b.example"}, "it looks like smtp://"),
        ({"ECO2_ALERT_SMTP_URL": "smtp://u:p/q@h:587", "ECO2_ALERT_EMAIL_TO": "a@b.example"}, "it looks like smtp://"),
        ({"ECO2_ALERT_SMTP_URL": "smtp://u%40x.y@h:587", "ECO2_ALERT_EMAIL_TO": "a@b.example"}, "one of user and"),
        ({"ECO2_ALERT_SMTP_URL": "smtp://u%40x.y:p@h:lots", "ECO2_ALERT_EMAIL_TO": "a@b.example"}, "its port"),
        ({"ECO2_ALERT_SMTP_URL": "smtp://u%40x.y:p@h:99999", "ECO2_ALERT_EMAIL_TO": "a@b.example"}, "its port"),
        ({"ECO2_ALERT_SMTP_URL": "smtps://u%40x.y:p@h:587", "ECO2_ALERT_EMAIL_TO": "a@b.example"}, "port 465 alone"),
        ({"ECO2_ALERT_SMTP_URL": "smtp://AKIA:p@h:587", "ECO2_ALERT_EMAIL_TO": "a@b.example"}, "say who sends"),
        ({"ECO2_ALERT_SMTP_URL": "smtp://u%40x.y:p@h:587", "ECO2_ALERT_EMAIL_TO": "somebody"}, "no address of a mail"),
    ],
)
def test_what_nobody_could_be_told_by_is_refused_without_being_repeated(given: dict[str, str], said: str) -> None:
    with pytest.raises(ReceiversRefused, match=said) as refused:
        Receivers.given(given)
    assert next(iter(given)) in str(refused.value) or "ECO2_ALERT_EMAIL_TO" in str(refused.value)
    for variable in ("ECO2_SLACK_WEBHOOK_URL", "ECO2_ALERT_SMTP_URL"):
        assert given.get(variable, "-no-") not in str(refused.value)
    assert "ECO2_SLACK_WEBHOOK_URL=https://" in refused.value.remedy


def test_a_mail_servers_url_is_read_as_it_is_meant() -> None:
    def email(url: str) -> Email:
        found = Receivers.given({"ECO2_ALERT_SMTP_URL": url, "ECO2_ALERT_EMAIL_TO": "a@x.y"}).email
        assert found
        return found

    assert email("smtp://u%40x.y:p%2Fq%40@h") == Email("h:587", "u@x.y", "a@x.y", "u@x.y", "p/q@")
    assert email("smtps://u%40x.y:p@h").smarthost == "h:465"
    assert email("smtp://AKIA:p@h:2587?from=Eco2%20%3Calerts%40x.y%3E").sender == "Eco2 <alerts@x.y>"
    assert email("smtp://relay.internal:25?from=alerts@x.y").password == ""
    assert email("smtp://u%40x.y:p@[fd00::1]:25").smarthost == "[fd00::1]:25"


def test_what_a_secret_keeps_is_what_was_given() -> None:
    slack = {"ECO2_SLACK_WEBHOOK_URL": SLACK}
    mail = {name: value for name, value in GIVEN.items() if name not in slack}
    for given in (slack, mail, GIVEN, {}):
        receivers = Receivers.given(given)
        assert Receivers.kept(receivers.content()) == receivers
    assert not Receivers.given({})
    assert PASSWORD not in repr(Receivers.given(GIVEN))
    assert SLACK not in repr(Receivers.given(GIVEN))


@pytest.mark.usefixtures("_given")
def test_the_secret_is_made_from_the_environment_beside_alertmanager(cluster: Cluster) -> None:
    [needed] = [each for each in secrets_needed(cluster) if each.name == SECRET]
    assert (needed.namespace, needed.origin) == (cluster.releases[MONITORING].namespace, Origin.ENVIRONMENT)
    assert needed.content({})["slack-url"] == SLACK
    assert needed.content({})["smtp-password"] == PASSWORD


def test_nobody_given_needs_no_secret_and_alertmanager_waits_for_none(site: Site) -> None:
    assert SECRET not in {each.name for each in secrets_needed(site.cluster)}
    said = component(site, MONITORING).values["alertmanager"]
    assert said["alertmanagerSpec"]["secrets"] == []
    assert {"name": "critical"} in said["config"]["receivers"]


@pytest.mark.usefixtures("_given", "installed", "mirrored")
def test_no_secret_is_in_what_helm_is_told_and_makes(site: Site, helm: Helm, heard: Heard) -> None:
    spec = release(site, MONITORING)
    made = helm.rendered(heard.step(), spec)
    [config] = [each for each in made if each["metadata"]["name"] == "alertmanager-monitoring-alertmanager"]
    texts = [json.dumps(spec.values), json.dumps(made), *decoded(config).values()]
    for text in texts:
        assert SLACK not in text
        assert PASSWORD not in text
    [alertmanager] = [each for each in made if each["kind"] == "Alertmanager"]
    assert alertmanager["spec"]["secrets"] == [SECRET]
    assert findings(site.cluster, {MONITORING: made}, {each.id for each in secrets_needed(site.cluster)}) == []


@pytest.mark.usefixtures("_given", "installed", "mirrored")
def test_alertmanager_takes_what_the_chart_makes_of_its_own_defaults_and_ours(
    site: Site, helm: Helm, heard: Heard, tmp_path: Path
) -> None:
    """Helm merges maps, so a key of the chart's own configuration could stay beside ours."""
    made = helm.rendered(heard.step(), release(site, MONITORING))
    [config] = [each for each in made if each["metadata"]["name"] == "alertmanager-monitoring-alertmanager"]
    content = decoded(config)
    said = yaml.safe_load(content["alertmanager.yaml"])
    assert said == component(site, MONITORING, Receivers.given(GIVEN)).values["alertmanager"]["config"]
    said["templates"] = [str(tmp_path / "*.tmpl")]
    (tmp_path / "alertmanager.yaml").write_text(yaml.safe_dump(said))
    (tmp_path / "eco2.tmpl").write_text(content["eco2.tmpl"])
    amtool = require(("alertmanager",), say=print).amtool
    words = [str(amtool), "check-config", str(tmp_path / "alertmanager.yaml")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("installed", "mirrored")
def test_a_secret_that_alertmanager_wants_and_nobody_makes_is_found_before_there_is_a_machine(
    site: Site, helm: Helm, heard: Heard
) -> None:
    made = helm.rendered(heard.step(), component(site, MONITORING, Receivers.given(GIVEN)))
    others = {each.id for each in secrets_needed(site.cluster)}
    [found] = findings(site.cluster, {MONITORING: made}, others)
    assert f"wants the Secret {SECRET}, which nobody makes in monitoring" in found.text


def test_before_anything_happens_a_plan_says_what_is_given_wrongly(
    site: Site, server: KubernetesServer, helm: Helm, kubectl: Kubectl, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECO2_SLACK_WEBHOOK_URL", "http://plain.example/x")
    phase = Releases(site, kubectl, helm)
    before = len(server.mutations())
    assert phase.inputs(None) is None
    with pytest.raises(ReceiversRefused):
        phase.facts(heard.step())
    assert len(server.mutations()) == before


def told(phase: Releases, heard: Heard) -> tuple[list[MakeSecret], dict[str, Any]]:
    """The Secret of the receivers as far as it is to be made, and what the monitoring's chart would be told."""
    facts = phase.facts(heard.step())
    [found] = [each.spec for each in facts.releases if each.spec.name == MONITORING]
    actions = [each for each in phase.plan(facts) if isinstance(each, MakeSecret) and each.needed.name == SECRET]
    return actions, found.values["alertmanager"]


@pytest.mark.usefixtures("_given", "mirrored")
def test_given_once_is_kept_by_a_run_without_the_variables(
    site: Site, empty: KubernetesServer, helm: Helm, kubectl: Kubectl, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    phase = Releases(site, kubectl, helm, only=(MONITORING,))
    [action], first = told(phase, heard)
    assert action.title == f"make the Secret {SECRET} in monitoring, from your environment"
    empty.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "monitoring"}})
    phase.act(heard.step(), [action])
    for name in GIVEN:
        monkeypatch.delenv(name)

    later = Releases(site, kubectl, helm, only=(MONITORING,))
    actions, then = told(later, heard)
    assert actions == []
    assert then == first

    # Given anew, it is all of what is given: here without mail.
    monkeypatch.setenv("ECO2_SLACK_WEBHOOK_URL", f"{SLACK}-anew")
    [action], changed = told(Releases(site, kubectl, helm, only=(MONITORING,)), heard)
    assert action.needed.content({}) == {"slack-url": f"{SLACK}-anew"}
    assert "email_configs" not in json.dumps(changed)

    for text in (SLACK, PASSWORD):
        assert text not in site.redactor.text(f"helm said {text} here")
        assert text not in heard.text


def test_of_a_cluster_without_monitoring_nobody_hears(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECO2_SLACK_WEBHOOK_URL", SLACK)
    releases = {name: each for name, each in cluster.releases.items() if name != MONITORING}
    bare = cluster.model_copy(update={"releases": releases})
    assert SECRET not in {each.name for each in secrets_needed(bare)}
    assert Given.by_environment().receivers
    assert NOBODY.content() == {}
