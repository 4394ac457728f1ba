"""Every answer of the recycle service is exactly what the gateway declares."""

import pytest

from services.gateway.api import recycle as api
from services.gateway.api.disposal import Disposal
from services.recycle.knowledge import KINDS, MAJORS, as_dict, knowledge, rules_for
from tests.services.contract import answer_of, fits
from tests.services.running import Running

KNOWLEDGE = knowledge()
PLACES = (None, "seoul", "seoul_jung", "seoul_gangseo", "sejong", "busan_yeongdo")


def test_categories(recycle: Running) -> None:
    fits(api.Categories, answer_of(recycle, "categories"))


@pytest.mark.parametrize("arguments", [{}, {"offset": 390}, {"offset": 9999}, {"category": "food"}, {"kind": "film"}])
def test_items(recycle: Running, arguments: dict[str, object]) -> None:
    fits(api.Items, answer_of(recycle, "items", **arguments))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_items_one_by_one(recycle: Running, lang: str, place: str | None) -> None:
    for item_id in ("pizza_box", "clear_pet_bottle", "pills", "sofa", "onion_net", "broken_glass"):
        if item_id in KNOWLEDGE.items:
            fits(api.Item, answer_of(recycle, "item", item_id, lang, place))


def test_rules(recycle: Running) -> None:
    fits(Disposal, answer_of(recycle, "rules", "pizza_box", ["dirty"], "en", "서울 강남구"))


@pytest.mark.parametrize("place", PLACES)
def test_every_disposal_that_there_can_be(place: str | None) -> None:
    """The rules as the scans and the items carry them: every item, in every situation alone and in all at once."""
    every = tuple(KNOWLEDGE.situations)
    for item_id in KNOWLEDGE.items:
        for situations in [(), every, *((situation,) for situation in every[:: len(every) // 3])]:
            fits(Disposal, as_dict(rules_for(item_id, situations, place), "en" if place else "ko"))


@pytest.mark.parametrize("query", ["기름 묻은 피자 박스", "병", "ㅍㅈㅂㅅ", "battery", "nothing like it"])
def test_search(recycle: Running, query: str) -> None:
    fits(api.Hits, answer_of(recycle, "search", query, 50))


@pytest.mark.parametrize("text", ["피", "bat", "없는말"])
def test_suggest(recycle: Running, text: str) -> None:
    fits(api.Suggestions, answer_of(recycle, "suggest", text, 20))


@pytest.mark.parametrize("place", PLACES)
def test_faq(recycle: Running, place: str | None) -> None:
    fits(api.Questions, answer_of(recycle, "faq", "ko", place))


def test_regions(recycle: Running) -> None:
    fits(api.Regions, answer_of(recycle, "regions"))
    fits(api.Region, answer_of(recycle, "region", "서울 강남구"))


def test_calendars(recycle: Running) -> None:
    for region in KNOWLEDGE.regions:
        fits(api.Collections, answer_of(recycle, "calendar", region, "en"))


def test_the_gateway_knows_the_classes_and_kinds() -> None:
    assert set(MAJORS) == set(api.Major.__args__)  # type: ignore[attr-defined]
    assert set(KINDS) == set(api.Kind.__args__)  # type: ignore[attr-defined]
