"""What all dashboards have in common: name, tag, refresh, links to the others, variables from the cluster file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from provisioning.monitoring.dashboards.layout import Section, placed

TAG: Final = "eco2"


def uid(name: str) -> str:
    """What the dashboard is called in URLs: it stays the same, so bookmarks and links hold."""
    return f"{TAG}-{name}"


def board(
    name: str,
    title: str,
    about: str,
    sections: Sequence[Section],
    variables: Sequence[dashboard.CustomVariable] = (),
    since: str = "now-3h",
) -> str:
    """The dashboard as Grafana's file provisioning reads it: JSON that is the same for the same input."""
    others = (
        dashboard.DashboardLink("Eco² dashboards")
        .type(models.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(False)
        .keep_time(True)
        # The dashboards' variables have other values, so they are not carried over.
        .include_vars(False)
    )
    made = (
        dashboard.Dashboard(title)
        .uid(uid(name))
        .description(about)
        .tags([TAG])
        .timezone("browser")
        .time(since, "now")
        .refresh("30s")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .links([others])
        .variables(list(variables))
        .build()
    )
    made.panels = placed(sections)
    return json.dumps(made, cls=JSONEncoder, ensure_ascii=False, sort_keys=True, indent=1) + "\n"


def choice(name: str, label: str, about: str, values: Sequence[str]) -> dashboard.CustomVariable:
    """Some or all of these values. An expression takes it as ``label=~"$name"``."""
    return (
        dashboard.CustomVariable(name)
        .label(label)
        .description(about)
        .values(",".join(values))
        .multi(True)
        .include_all(True)
        .current(models.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )
