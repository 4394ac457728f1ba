"""The fear: a template that every chart has a copy of, put right in one of them and wrong in the others."""

from __future__ import annotations

from provisioning.kubernetes.release_table import CHARTS

SHARED = "_shared.tpl"


def test_what_all_charts_share_is_the_same_in_each_to_the_byte() -> None:
    """Copies and no links: Helm follows a link out of the chart, but says so ahead of every error that it reports."""
    charts = {path.parent.name for path in CHARTS.glob("*/Chart.yaml")}
    copies = {chart: CHARTS / chart / "templates" / SHARED for chart in charts}
    assert [chart for chart, copy in copies.items() if not copy.is_file() or copy.is_symlink()] == []
    assert len({copy.read_bytes() for copy in copies.values()}) == 1
