"""Alertmanager's configuration: who is told of which alert, what is told together, and what is not told beside what.

Pure functions of the receivers. Their secrets are no part of it: it names the files that hold them.
https://prometheus.io/docs/alerting/latest/configuration/
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from provisioning.monitoring.receivers import PASSWORD_KEY, SECRET, SLACK_KEY, Email, Receivers
from provisioning.monitoring.symptoms import SILENCES

Values = dict[str, Any]

# The words of the messages, for a folder that TEMPLATES finds.
MESSAGES = Path(__file__).with_name("messages.tmpl")
# Where the Prometheus operator mounts the Secret and the templates.
SECRETS_FOLDER = f"/etc/alertmanager/secrets/{SECRET}"
TEMPLATES = "/etc/alertmanager/config/*.tmpl"

_NOBODY, _CRITICAL, _WARNING = "nobody", "critical", "warning"
# The first proves by being there that alerts arrive; the second only silences those of severity "info".
_NOT_TOLD = ("Watchdog", "InfoInhibitor")
# Alerts about a machine are told together, whatever they are.
_NODES = "node"

# What tells one thing from another of its kind. Where neither alert has a label, they are the same in it.
_SAME = ("area", "domain", "node", "namespace", "pod", "persistentvolumeclaim", "queue")


def configuration(receivers: Receivers, secrets: str = SECRETS_FOLDER, templates: str = TEMPLATES) -> Values:
    """The whole of ``alertmanager.yaml``. ``secrets`` is the folder with the files of the Secret."""
    return {
        # Without an end in the alert itself: Prometheus names one, so this is for alerts that others send.
        "global": {"resolve_timeout": "5m"},
        "route": _route(),
        "receivers": _receivers(receivers, secrets),
        "inhibit_rules": _inhibitions(),
        "templates": [templates],
    }


def _route() -> Values:
    """Once for a minute's burst, again when it changes, and after hours when it still stands."""
    return {
        "receiver": _NOBODY,
        "group_by": ["alertname", "area", "domain"],
        "group_wait": "30s",
        "group_interval": "5m",
        "repeat_interval": "24h",
        "routes": [
            {"receiver": _NOBODY, "matchers": [f'alertname=~"{"|".join(_NOT_TOLD)}"']},
            {
                "receiver": _NOBODY,
                "matchers": [f'area="{_NODES}"', 'node!=""'],
                "group_by": ["node"],
                "routes": _by_severity(),
            },
            *_by_severity(),
        ],
    }


def _by_severity() -> list[Values]:
    """What has neither severity shows in Alertmanager and Grafana."""
    return [
        {"receiver": _CRITICAL, "matchers": ['severity="critical"'], "repeat_interval": "4h"},
        {"receiver": _WARNING, "matchers": ['severity="warning"'], "repeat_interval": "24h"},
    ]


def _receivers(receivers: Receivers, secrets: str) -> list[Values]:
    slack = [_slack(f"{secrets}/{SLACK_KEY}")] if receivers.slack_url else []
    email = [_email(receivers.email, f"{secrets}/{PASSWORD_KEY}")] if receivers.email else []
    # Where mail is all there is, warnings are mailed too, since nobody would hear of them else.
    return [
        {"name": _NOBODY},
        _receiver(_CRITICAL, slack, email),
        _receiver(_WARNING, slack, [] if slack else email),
    ]


def _receiver(name: str, slack: Sequence[Values], email: Sequence[Values]) -> Values:
    found: Values = {"name": name}
    if slack:
        found["slack_configs"] = [dict(each) for each in slack]
    if email:
        found["email_configs"] = [dict(each) for each in email]
    return found


def _slack(address: str) -> Values:
    """The channel is the webhook's own."""
    return {
        "api_url_file": address,
        "send_resolved": True,
        "color": '{{ template "eco2.color" . }}',
        "title": '{{ template "eco2.title" . }}',
        "title_link": "{{ .ExternalURL }}",
        "fallback": '{{ template "eco2.title" . }}',
        "text": '{{ template "eco2.slack" . }}',
    }


def _email(email: Email, password: str) -> Values:
    """TLS is wanted, always: by STARTTLS, or at port 465 from the start."""
    login = {"auth_username": email.username, "auth_password_file": password} if email.username else {}
    return {
        "to": email.to,
        "from": email.sender,
        "smarthost": email.smarthost,
        **login,
        "require_tls": True,
        "send_resolved": True,
        "headers": {"Subject": '{{ template "eco2.title" . }}'},
        "text": '{{ template "eco2.text" . }}',
        "html": '{{ template "eco2.html" . }}',
    }


def _inhibitions() -> list[Values]:
    """An alert that stands silences those that say less, or that follow from it."""
    return [
        {
            "source_matchers": ['severity="critical"'],
            "target_matchers": ['severity=~"warning|info"'],
            "equal": ["alertname", *_SAME],
        },
        {
            "source_matchers": ['severity="warning"'],
            "target_matchers": ['severity="info"'],
            "equal": ["alertname", *_SAME],
        },
        {
            "source_matchers": ['alertname="InfoInhibitor"'],
            "target_matchers": ['severity="info"'],
            "equal": ["namespace"],
        },
        # Two alerts without a node are equal in it, so the label has to be there.
        {
            "source_matchers": ['alertname="NodeDown"', 'node!=""'],
            "target_matchers": ['alertname!="NodeDown"', 'node!=""'],
            "equal": ["node"],
        },
        *(
            {
                "source_matchers": [f'alertname="{each.cause}"'],
                "target_matchers": [f'alertname=~"{"|".join(dict.fromkeys(each.alerts))}"'],
                "equal": list(each.equal),
            }
            for each in SILENCES
        ),
    ]
