"""Grafana leaves out a file that it cannot read, and shows panels that overlap as it likes: nobody is told."""

import json

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from provisioning.cluster.model import Cluster
from provisioning.monitoring.dashboards import dashboards
from provisioning.monitoring.dashboards.layout import COLUMNS, line
from provisioning.monitoring.dashboards.panels import Limits, Query, graph
from tests.monitoring.dashboards.expressions import panels

NAMES = ["overview", "api-services", "worker-services", "infrastructure", "business"]
MOST_BYTES = 200_000
MOST_PANELS = 26


@pytest.fixture(params=NAMES)
def text(request: pytest.FixtureRequest, made: dict[str, str]) -> str:
    return made[request.param]


def test_there_are_five(made: dict[str, str]) -> None:
    assert list(made) == NAMES


def test_titles_and_identifiers_are_each_there_once(made: dict[str, str]) -> None:
    read = [json.loads(each) for each in made.values()]
    assert [each["title"] for each in read[1:]] == ["API Services", "Worker Services", "Infrastructure", "Business"]
    assert [each["uid"] for each in read] == [f"eco2-{name}" for name in NAMES]


def test_the_same_cluster_gives_the_same_text(cluster: Cluster, made: dict[str, str]) -> None:
    assert dashboards(cluster) == made


def test_grafanas_library_reads_back_all_that_it_wrote(text: str) -> None:
    """What its types do not know would be gone, or an error."""
    register_default_plugins()
    read = Dashboard.from_json(json.loads(text))
    assert json.dumps(read, cls=JSONEncoder, ensure_ascii=False, sort_keys=True, indent=1) + "\n" == text


def test_it_is_the_dashboard_itself_and_no_request_to_make_one(text: str) -> None:
    read = json.loads(text)
    assert "dashboard" not in read
    assert "id" not in read  # Grafana gives it one; a number from elsewhere would be another dashboard's
    assert read["schemaVersion"] >= 36


def test_it_is_small_enough_for_a_configmap(text: str) -> None:
    """One object of the API server has a megabyte, and a release with all five of them too."""
    assert len(text.encode()) < MOST_BYTES


def test_it_refreshes_and_speaks_the_readers_time(text: str) -> None:
    read = json.loads(text)
    assert (read["refresh"], read["timezone"]) == ("30s", "browser")


def test_each_links_to_the_others(text: str) -> None:
    read = json.loads(text)
    assert read["tags"] == ["eco2"]
    assert [(each["type"], each["tags"], each["keepTime"]) for each in read["links"]] == [
        ("dashboards", ["eco2"], True)
    ]


def test_all_figures_come_from_the_one_data_source(text: str) -> None:
    assert {panel["datasource"]["uid"] for panel in panels(text)} == {"prometheus"}


def test_no_panel_overlaps_another_or_leaves_the_grid(text: str) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in json.loads(text)["panels"]:
        place = panel["gridPos"]
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= COLUMNS
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} stands on {taken[x, y]}"
                taken[x, y] = panel["title"]
    bottom = max(y for _, y in taken) + 1
    assert len(taken) == COLUMNS * bottom, "a hole"


def test_panels_have_numbers_of_their_own(text: str) -> None:
    numbers = [panel["id"] for panel in json.loads(text)["panels"]]
    assert sorted(set(numbers)) == numbers


def test_queries_of_a_panel_have_names_of_their_own(text: str) -> None:
    for panel in panels(text):
        names = [target["refId"] for target in panel["targets"]]
        assert len(set(names)) == len(names), panel["title"]


def test_a_page_can_be_taken_in(text: str) -> None:
    assert len(panels(text)) <= MOST_PANELS


def test_each_panel_says_what_it_shows_and_what_is_normal(text: str) -> None:
    for panel in panels(text):
        assert panel["title"]
        about = panel["description"]
        assert about.endswith("."), panel["title"]
        assert "Normal: " in about, panel["title"]


def test_titles_of_a_page_differ(text: str) -> None:
    titles = [panel["title"] for panel in panels(text)]
    assert len(set(titles)) == len(titles)


def test_each_panel_has_a_unit(text: str) -> None:
    for panel in panels(text):
        if panel["type"] != "table":
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


def test_each_column_that_is_named_is_there(text: str) -> None:
    """A look for a heading that no column has would be for nothing."""
    for panel in panels(text):
        if panel["type"] == "table":
            shape = next(each["options"] for each in panel["transformations"] if each["id"] == "organize")
            headings = list(shape["renameByName"].values())
            named = {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]}
            assert len(set(headings)) == len(headings), panel["title"]
            assert named <= set(headings), panel["title"]


@pytest.mark.parametrize(
    ("limits", "colours"),
    [
        (Limits(warning=0.8, bad=0.9), [(None, "green"), (0.8, "orange"), (0.9, "red")]),
        (Limits(bad=1), [(None, "green"), (1, "red")]),
        (Limits(warning=1), [(None, "green"), (1, "orange")]),
        (Limits(warning=0.8, bad=0.6, low=True), [(None, "red"), (0.6, "orange"), (0.8, "green")]),
        (Limits(bad=1, low=True), [(None, "red"), (1, "green")]),
    ],
)
def test_colours_change_at_the_limits_and_in_order(limits: Limits, colours: list[tuple[float | None, str]]) -> None:
    assert [(step.value, step.color) for step in limits.steps()] == colours


def test_widths_that_do_not_fill_a_line_are_refused() -> None:
    panel = graph("One", "One. Normal: 1.", Query("up"))
    with pytest.raises(ValueError, match="do not make 24 columns"):
        line(8, panel, widths=(12,))
    with pytest.raises(ValueError, match="no panels"):
        line(8)
