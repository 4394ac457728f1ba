"""The panels that the dashboards are made of. Each has a title, a sentence on what is normal, and a unit.

They come without a place: `layout` gives them one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as styles
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="prometheus")

GOOD, WARNING, BAD = "green", "orange", "red"
NEUTRAL = "blue"

# A share of something, 0 to 1.
SHARE: Final = units.PercentUnit


@dataclass(frozen=True)
class Query:
    """``legend`` names the series: text with ``{{label}}`` in it; by itself Grafana shows all labels.

    ``other_unit``: a graph shows it on an axis of its own, at the right.
    """

    expression: str
    legend: str = "__auto"
    other_unit: str | None = None


@dataclass(frozen=True)
class Limits:
    """From which value on something is worth a look, and from which it is bad. ``low``: when less is worse."""

    warning: float | None = None
    bad: float | None = None
    low: bool = False

    def steps(self) -> list[models.Threshold]:
        if self.low:
            marks = [(None, BAD), (self.bad, WARNING if self.warning is not None else GOOD), (self.warning, GOOD)]
        else:
            marks = [(None, GOOD), (self.warning, WARNING), (self.bad, BAD)]
        return [
            models.Threshold(value=value, color=color)
            for index, (value, color) in enumerate(marks)
            if index == 0 or value is not None
        ]


# What 0 and 1 are called, with their colours.
Words = Mapping[int, tuple[str, str]]
UP: Final[Words] = {0: ("down", BAD), 1: ("up", GOOD)}
READY: Final[Words] = {0: ("missing", BAD), 1: ("ready", GOOD)}


def graph(
    title: str,
    about: str,
    *queries: Query,
    unit: str = units.Short,
    limits: Limits | None = None,
    stacked: bool = False,
    most: float | None = None,
) -> models.Panel:
    """Lines over time. ``stacked``: parts of a whole, one upon the other. ``most``: the top of the axis."""
    legend = (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(styles.LegendDisplayMode.LIST)
        .placement(styles.LegendPlacement.BOTTOM)
        .calcs(["lastNotNull", "max"])
    )
    panel = (
        timeseries.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .targets(_targets(queries))
        .legend(legend)
        .tooltip(common.VizTooltipOptions().mode(styles.TooltipDisplayMode.MULTI).sort(styles.SortOrder.DESCENDING))
        .line_width(1)
        .fill_opacity(30 if stacked else 5)
        .show_points(styles.VisibilityMode.NEVER)
        .span_nulls(False)
    )
    for name, query in zip(ref_ids(len(queries)), queries, strict=True):
        if query.other_unit is not None:
            right = models.DynamicConfigValue("custom.axisPlacement", styles.AxisPlacement.RIGHT)
            panel = panel.override_by_query(name, [models.DynamicConfigValue("unit", query.other_unit), right])
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(styles.StackingMode.NORMAL).group("A"))
    if most is not None:
        panel = panel.max(most)
    if limits is not None:
        panel = panel.thresholds(_thresholds(limits)).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(styles.GraphTresholdsStyleMode.DASHED)
        )
    return panel.build()


def stat_panel(
    title: str,
    about: str,
    *queries: Query,
    unit: str = units.Short,
    limits: Limits | None = None,
    words: Words | None = None,
    decimals: int | None = None,
    nothing: str = "no data",
    cells: bool = False,
) -> models.Panel:
    """Figures as they are now. ``nothing`` stands where there is no value. ``cells``: one coloured box a series."""
    panel = (
        stat.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .unit(unit)
        .no_value(nothing)
        .targets(_targets(queries, instant=True))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .graph_mode(styles.BigValueGraphMode.NONE)
        .color_mode(styles.BigValueColorMode.BACKGROUND if cells else styles.BigValueColorMode.VALUE)
        .text_mode(
            styles.BigValueTextMode.VALUE_AND_NAME if len(queries) > 1 or cells else styles.BigValueTextMode.AUTO
        )
        .thresholds(_thresholds(limits) if limits else _plain())
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    if words is not None:
        panel = panel.mappings([mapping(words)])
    return panel.build()


def bars(
    title: str, about: str, *queries: Query, unit: str = units.Short, limits: Limits | None = None
) -> models.Panel:
    """One horizontal bar a series, as it is now: for comparing."""
    return (
        bargauge.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .no_value("no data")
        .targets(_targets(queries, instant=True))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .orientation(styles.VizOrientation.HORIZONTAL)
        .display_mode(styles.BarGaugeDisplayMode.BASIC)
        .thresholds(_thresholds(limits) if limits else _plain())
        .build()
    )


def table_query(expression: str, name: str) -> prometheus.Dataquery:
    """The value of now with a column for each label. ``name`` is part of the value's column: ``Value #name``."""
    return prometheus.Dataquery().expr(expression).instant().format(PromQueryFormat.TABLE).ref_id(name)


def mapping(words: Words) -> models.ValueMap:
    return models.ValueMap(
        options={
            str(value): models.ValueMappingResult(text=text, color=color, index=index)
            for index, (value, (text, color)) in enumerate(words.items())
        }
    )


def ref_ids(count: int) -> list[str]:
    """``A``, ``B``, …: what Grafana calls queries by itself. Raises ValueError for more than there are letters."""
    if count > 26:
        raise ValueError(f"{count} queries in one panel; 26 are the most")
    return [chr(ord("A") + index) for index in range(count)]


def _targets(queries: Sequence[Query], *, instant: bool = False) -> list[Builder[Dataquery]]:
    targets: list[Builder[Dataquery]] = []
    for name, query in zip(ref_ids(len(queries)), queries, strict=True):
        target = prometheus.Dataquery().expr(query.expression).legend_format(query.legend).ref_id(name)
        targets.append(target.instant() if instant else target.range())
    return targets


def _thresholds(limits: Limits) -> dashboard.ThresholdsConfig:
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(limits.steps())


def _plain() -> dashboard.ThresholdsConfig:
    """One colour that says neither good nor bad; Grafana's own default turns red from 80 on."""
    step = models.Threshold(value=None, color=NEUTRAL)
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps([step])
