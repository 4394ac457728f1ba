"""Tables: one row for each series of a first query, with the figures of others beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as styles
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import units

from provisioning.monitoring.dashboards.panels import SHARE, SOURCE, Limits, Words, mapping, ref_ids, table_query


@dataclass(frozen=True)
class Column:
    """A figure for each row: the expression's labels must be among those that the rows show."""

    title: str
    expression: str
    unit: str = units.Short
    limits: Limits | None = None
    words: Words | None = None


def table_panel(
    title: str,
    about: str,
    rows: str,
    labels: Mapping[str, str],
    *columns: Column,
    sort: str | None = None,
    links: Mapping[str, str] | None = None,
    nothing: str = "no data",
) -> models.Panel:
    """A row for each series of the expression ``rows``, whose own value is not shown.

    ``labels`` are the labels to show and their headings, in order. Rows and columns belong together where the labels
    that all of them have are equal, so a row without a figure stays. ``sort``: the heading to sort by, largest first.
    ``links``: heading -> URL.
    """
    names = ref_ids(1 + len(columns))
    expressions = [rows, *(column.expression for column in columns)]
    queries: list[Builder[Dataquery]] = [
        table_query(expression, name) for expression, name in zip(expressions, names, strict=True)
    ]
    panel = (
        table.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .no_value(nothing)
        .targets(queries)
        .cell_height(styles.TableCellHeight.SM)
        .show_header(True)
        .transformations(_shape(labels, columns, names))
    )
    for column in columns:
        panel = panel.override_by_name(column.title, _look(column))
    for heading, url in (links or {}).items():
        link = {"title": "Details", "url": url}
        panel = panel.override_by_name(heading, [models.DynamicConfigValue("links", [link])])
    if sort is not None:
        panel = panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(True)])
    return panel.build()


def _shape(
    labels: Mapping[str, str], columns: Sequence[Column], names: Sequence[str]
) -> list[models.DataTransformerConfig]:
    """One table of all queries, then only the columns that are wanted, with their headings."""
    # A query that is alone has its value in "Value"; of several each has its own name.
    hidden = {"Time": True, **{f"Value #{names[0]}" if columns else "Value": True}}
    values = {f"Value #{name}": column.title for name, column in zip(names[1:], columns, strict=True)}
    headings = {**labels, **values}
    shape: dict[str, Any] = {
        "excludeByName": hidden,
        "indexByName": {name: index for index, name in enumerate(headings)},
        "renameByName": headings,
    }
    return [
        models.DataTransformerConfig(id_val="merge", options={}),
        models.DataTransformerConfig(id_val="organize", options=shape),
    ]


def _look(column: Column) -> list[models.DynamicConfigValue]:
    look = [models.DynamicConfigValue("unit", column.unit)]
    if column.words is not None:
        look.append(models.DynamicConfigValue("mappings", [mapping(column.words)]))
        look.append(models.DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
    if column.limits is not None:
        steps = {"mode": models.ThresholdsMode.ABSOLUTE, "steps": column.limits.steps()}
        look.append(models.DynamicConfigValue("thresholds", steps))
        look.append(models.DynamicConfigValue("custom.cellOptions", _cell(column)))
    if column.unit == SHARE:
        look += [models.DynamicConfigValue("min", 0), models.DynamicConfigValue("max", 1)]
    return look


def _cell(column: Column) -> dict[str, str]:
    return {"type": "gauge", "mode": "basic"} if column.unit == SHARE else {"type": "color-text"}
