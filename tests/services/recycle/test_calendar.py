"""The calendar says when and where what is put out, as far as that is published, and whom to ask for the rest."""

import re
from typing import Any

import pytest

from services.recycle.knowledge import KINDS, MAJORS, calendar, knowledge
from services.recycle.knowledge.calendar import ALWAYS
from services.recycle.knowledge.regions import chain, contact
from tests.services.running import Running

KNOWLEDGE = knowledge()
CLOCK = re.compile(r"\d\d:\d\d")


def entry(recycle: Running, region: str, of: str, lang: str = "ko") -> dict[str, Any]:
    collections = recycle.call.calendar(region, lang)["collections"]
    [found] = [collection for collection in collections if collection["id"] == of]
    return dict(found)


def test_every_region_tells_what_every_household_puts_out_and_whom_to_ask(recycle: Running) -> None:
    for region in KNOWLEDGE.regions:
        told = recycle.call.calendar(region)

        assert [collection["id"] for collection in told["collections"]][:4] == list(ALWAYS)
        assert {collection["id"] for collection in told["collections"]} <= {*MAJORS, *KINDS}
        assert told["contact"] == dict(zip(("site", "phone"), contact(KNOWLEDGE, region), strict=True))
        assert told["contact"]["site"]
        assert told["contact"]["phone"]


def test_what_is_not_published_is_said_to_be_unknown(recycle: Running) -> None:
    assert entry(recycle, "busan", "general") == {
        "id": "general",
        "name": KNOWLEDGE.classes["general"].name.ko,
        "known": False,
        "days": [],
        "from": None,
        "until": None,
        "where": None,
        "note": None,
        "unknown": ["days", "hours", "where"],
        "sources": [],
        "as_of": None,
    }


def test_what_is_published_is_told_with_its_source_and_year(recycle: Running) -> None:
    film = entry(recycle, "서울 강남구", "film", "en")

    assert (film["known"], film["days"], film["unknown"]) == (True, ["thu"], ["hours", "where"])
    assert film["note"].isascii()
    assert film["as_of"] == 2022
    assert film["sources"][0]["url"].startswith("https://www.gangnam.go.kr/")
    assert "Gangnam-gu" in film["sources"][0]["citation"]


def test_a_place_is_told_though_the_days_are_not_known(recycle: Running) -> None:
    food = entry(recycle, "sejong", "food")

    assert "자동크린넷" in food["where"]
    assert food["unknown"] == ["days", "hours"]


def test_a_district_that_says_nothing_of_its_own_has_its_citys_word() -> None:
    for region_id in KNOWLEDGE.regions:
        above = chain(KNOWLEDGE, region_id)
        for slot in calendar(region_id):
            said = [KNOWLEDGE.regions[place].collection.get(slot.of) for place in above]
            assert slot.collection == next(filter(None, said), None)


def test_everything_that_is_known_has_a_source_and_says_something() -> None:
    known = [
        (region_id, collection)
        for region_id, region in KNOWLEDGE.regions.items()
        for collection in region.collection.values()
    ]

    assert known
    for region_id, collection in known:
        assert all(KNOWLEDGE.sources[source].url for source in collection.sources), region_id
        assert collection.days or collection.begins or collection.where, region_id
        assert 2015 <= collection.as_of <= 2026, region_id


def test_the_calendar_and_the_rules_know_the_same_days() -> None:
    """A rule that settles the question of the day is in the calendar, and names the day in both languages."""
    for region_id, region in KNOWLEDGE.regions.items():
        settled = [change for change in region.changes if "collection_days" in change.settles]
        for change in settled:
            for owner in change.of:
                assert owner in region.collection, region_id
                assert region.collection[owner].days == ("thu",), region_id  # type: ignore[index]
                assert region.collection[owner].sources == change.sources  # type: ignore[index]
            assert "목요일" in change.why.ko
            assert "Thursday" in change.why.en


@pytest.mark.parametrize(("text", "code"), [("중구", "ambiguous_region"), ("평양", "unknown_region")])
def test_a_region_that_is_not_clear_is_refused(recycle: Running, text: str, code: str) -> None:
    problem = recycle.refuses(recycle.call.calendar, text)

    assert (problem.code, problem.errors[0]["field"]) == (code, "region")


@pytest.mark.parametrize("bad", ["", None, 7, "x" * 51, ["seoul"]])
def test_a_bad_region_is_refused(recycle: Running, bad: object) -> None:
    assert recycle.refuses(recycle.call.calendar, bad).errors[0]["field"] == "region"


def test_items_are_listed_page_by_page(recycle: Running) -> None:
    seen: list[str] = []
    page: dict[str, Any] = {"next": 0}
    while page["next"] is not None:
        page = recycle.call.items(offset=page["next"], limit=100)
        assert page["total"] == len(KNOWLEDGE.items)
        seen += [item["item_id"] for item in page["items"]]

    assert seen == list(KNOWLEDGE.items)


def test_items_of_a_class_or_kind_are_listed(recycle: Running) -> None:
    batteries = recycle.call.items(kind="battery", limit=100)
    bulky = recycle.call.items(category="bulky", limit=1)

    assert {item["kind"] for item in batteries["items"]} == {"battery"}
    assert batteries["total"] == len(batteries["items"])
    assert batteries == recycle.call.items("recyclable", "battery", 0, 100)
    assert {item["major"] for item in bulky["items"]} == {"bulky"}
    assert (bulky["next"], len(bulky["items"])) == (1, 1)


def test_an_item_is_listed_as_it_is_found(recycle: Running) -> None:
    listed = {item["item_id"]: item for item in recycle.call.items(kind="paper", limit=100)["items"]}

    assert listed["pizza_box"] == {
        "item_id": "pizza_box",
        "name": KNOWLEDGE.items["pizza_box"].name.ko,
        "name_en": KNOWLEDGE.items["pizza_box"].name.en,
        "major": "recyclable",
        "kind": "paper",
    }


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"category": "rubbish"}, "category"),
        ({"kind": "gold"}, "kind"),
        ({"category": "food", "kind": "paper"}, "kind"),
        ({"offset": -1}, "offset"),
        ({"offset": "1"}, "offset"),
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
    ],
)
def test_a_wrong_listing_is_refused(recycle: Running, arguments: dict[str, Any], field: str) -> None:
    assert recycle.refuses(lambda: recycle.call.items(**arguments)).errors[0]["field"] == field


def test_a_page_behind_the_end_is_empty(recycle: Running) -> None:
    assert recycle.call.items(offset=100_000) == {"items": [], "total": len(KNOWLEDGE.items), "next": None}
