"""The recycle service: the knowledge as others get it, and what becomes of the searches."""

import time
from typing import Any

import pytest
from uuid6 import uuid7

from services.kernel.errors import NotFound, Unprocessable
from services.recycle import searches
from services.recycle.service import WAITING_AT_MOST, RecycleService, SearchLog
from services.recycle.tables import Search
from tests.services.running import Running, eventually, free_port, running


def test_categories_are_seven_classes_and_twelve_kinds(recycle: Running) -> None:
    categories = recycle.call.categories()["categories"]

    assert len(categories) == 7
    assert [len(category["kinds"]) for category in categories if category["id"] == "recyclable"] == [12]
    assert sum(category["item_count"] for category in categories) == recycle.call.stats()["items"]


def test_a_search_finds_the_item_and_the_situation(recycle: Running) -> None:
    best = recycle.call.search("기름 묻은 피자 박스")["hits"][0]

    assert (best["item_id"], best["situations"]) == ("pizza_box", ["dirty"])
    assert set(best) == {"item_id", "name", "name_en", "major", "kind", "score", "reason", "situations"}


def test_a_search_brings_no_more_than_the_limit(recycle: Running) -> None:
    assert len(recycle.call.search("병", 2)["hits"]) == 2


@pytest.mark.parametrize("bad", ["", "  ", "x" * 101, "pizza\x00", "a\nb", "\ud800", None, 7, ["pizza"]])
def test_a_bad_query_is_refused(recycle: Running, bad: object) -> None:
    problem = recycle.refuses(recycle.call.search, bad)

    assert isinstance(problem, Unprocessable)
    assert problem.errors[0]["field"] == "query"


@pytest.mark.parametrize("bad", [0, 51, "10", None, 1.5])
def test_a_limit_out_of_bounds_is_refused(recycle: Running, bad: object) -> None:
    assert recycle.refuses(recycle.call.search, "pizza", bad).errors[0]["field"] == "limit"


def test_an_item_tells_its_rules_and_what_would_change_them(recycle: Running) -> None:
    item = recycle.call.item("pizza_box")

    assert item["item_id"] == "pizza_box"
    assert item["steps"]
    assert item["answer"]
    assert "dirty" in [situation["id"] for situation in item["situations"]]


def test_an_item_speaks_english_when_asked(recycle: Running) -> None:
    assert recycle.call.item("pizza_box", "en")["name"].isascii()


def test_the_rules_follow_the_situation(recycle: Running) -> None:
    assert recycle.call.rules("pizza_box")["major"] == "recyclable"
    assert recycle.call.rules("pizza_box", ["dirty"])["major"] == "general"


@pytest.mark.parametrize("nothing", ["", "unknown", "../../etc/passwd", "pizza_box\x00", "x" * 100_000])
@pytest.mark.parametrize("method", ["item", "rules"])
def test_an_unknown_item_is_not_found(recycle: Running, method: str, nothing: str) -> None:
    problem = recycle.refuses(getattr(recycle.call, method), nothing)

    assert isinstance(problem, NotFound)
    assert problem.code == "item_not_found"


@pytest.mark.parametrize("bad", [["haunted"], ["dirty"] * 21, "dirty", [None], [["dirty"]], ["x" * 51]])
def test_bad_situations_are_refused(recycle: Running, bad: object) -> None:
    assert isinstance(recycle.refuses(recycle.call.rules, "pizza_box", bad), Unprocessable)


def test_the_rules_follow_the_region(recycle: Running) -> None:
    here = recycle.call.rules("snack_bag", ["dirty"], region="seoul_jung")

    assert (recycle.call.rules("snack_bag", ["dirty"])["major"], here["major"]) == ("general", "recyclable")
    assert here["region"]["id"] == "seoul_jung"
    assert here["rules"][-1]["id"] == "seoul_jung:film"


def test_an_item_tells_what_changes_it_in_a_region(recycle: Running) -> None:
    item = recycle.call.item("onion_net", "en", "seoul")

    assert item["kind"] == "film"
    assert "dirty" in [situation["id"] for situation in item["situations"]]
    assert "dirty" not in [situation["id"] for situation in recycle.call.item("onion_net", "en")["situations"]]


@pytest.mark.parametrize("method", ["item", "rules"])
def test_an_unknown_region_is_refused(recycle: Running, method: str) -> None:
    problem = recycle.refuses(getattr(recycle.call, method), "pizza_box", region="atlantis")

    assert isinstance(problem, Unprocessable)
    assert (problem.code, problem.errors[0]["field"]) == ("unknown_region", "region")


@pytest.mark.parametrize("bad", ["", "x" * 51, "seoul\x00", 7, ["seoul"]])
@pytest.mark.parametrize("method", ["item", "rules"])
def test_a_bad_region_is_refused(recycle: Running, method: str, bad: object) -> None:
    problem = recycle.refuses(getattr(recycle.call, method), "pizza_box", region=bad)

    assert isinstance(problem, Unprocessable)
    assert problem.errors[0]["field"] == "region"


def test_the_regions_are_listed_with_names_and_parent(recycle: Running) -> None:
    regions = recycle.call.regions()["regions"]

    assert len(regions) == recycle.call.stats()["regions"]
    assert sum(region["parent"] == "seoul" for region in regions) == 25
    assert {"id": "seoul_gangnam", "name": "강남구", "name_en": "Gangnam-gu", "parent": "seoul"} in regions


def test_a_city_is_listed_before_its_districts(recycle: Running) -> None:
    seen = set()
    for region in recycle.call.regions()["regions"]:
        assert region["parent"] is None or region["parent"] in seen
        seen.add(region["id"])


@pytest.mark.parametrize("bad", ["fr", "", None, "KO"])
def test_a_language_that_we_do_not_speak_is_refused(recycle: Running, bad: object) -> None:
    assert recycle.refuses(recycle.call.item, "pizza_box", bad).errors[0]["field"] == "lang"


def stored(recycle: Running, query: str) -> list[tuple[Any, ...]]:
    return recycle.sql("SELECT hits, top_item FROM recycle.searches WHERE query = %s", query)


def test_a_search_is_recorded_with_what_it_found(recycle: Running) -> None:
    recycle.call.search(f"  PIZZA   box {(mark := str(uuid7())[-12:])}", 1)

    assert eventually(lambda: stored(recycle, f"pizza box {mark}")) == [(1, "pizza_box")]


def test_a_search_in_vain_is_recorded_as_such(recycle: Running) -> None:
    before = recycle.call.stats()["searches"]

    recycle.call.search(query := "".join(chr(0xAC00 + int(digit, 16) * 997 % 11172) for digit in uuid7().hex))

    assert eventually(lambda: stored(recycle, query)) == [(0, None)]
    after = recycle.call.stats()["searches"]
    assert after["in_vain"] == before["in_vain"] + 1


def test_a_search_answers_at_once_without_a_database(stack: Any, recycle: Running) -> None:
    away = stack.config.model_copy(update={"database_url": f"postgresql://nobody@127.0.0.1:{free_port()}/none"})
    with Search.bind_ctx(Search._meta.database), running(LonelyRecycleService, away) as lonely:
        started = time.monotonic()

        hits = lonely.call.search("pizza box")["hits"]
        elapsed_s = time.monotonic() - started

    assert hits[0]["item_id"] == "pizza_box"
    assert elapsed_s < 0.5


class LonelyRecycleService(RecycleService):
    """Beside the other, with a name of its own."""

    name = "lonely_recycle"


def test_searches_that_cannot_be_recorded_are_logged(
    recycle: Running, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise ConnectionError("the database is away")

    monkeypatch.setattr(searches, "record", fail)
    recycle.call.search("pizza box")

    assert eventually(lambda: "1 searches are left out" in caplog.text)
    assert "the database is away" in caplog.text


def test_more_searches_than_can_wait_are_left_out_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    full = SearchLog()
    full.setup()
    for _ in range(WAITING_AT_MOST):
        full.add(searches.made("pizza box", []))
    assert not caplog.text

    full.add(searches.made("pizza box", []))

    assert "a search is left out" in caplog.text


def test_a_flood_of_searches_is_recorded_whole(recycle: Running) -> None:
    mark = str(uuid7())[-12:]
    for number in range(50):
        recycle.call.search(f"pizza box {mark} {number}")

    statement = "SELECT count(*) FROM recycle.searches WHERE query LIKE %s"
    assert eventually(lambda: recycle.sql(statement, f"%{mark}%") == [(50,)])


def test_what_waits_is_recorded_when_the_service_stops(stack: Any, recycle: Running) -> None:
    mark = str(uuid7())[-12:]
    with Search.bind_ctx(Search._meta.database), running(LonelyRecycleService, stack.config) as lonely:
        log = next(part for part in lonely.container.dependencies if isinstance(part, SearchLog))
        for number in range(250):
            log.add(searches.made(f"{mark} {number}", []))

    assert recycle.sql("SELECT count(*) FROM recycle.searches WHERE query LIKE %s", f"{mark}%") == [(250,)]


def test_old_searches_are_forgotten(recycle: Running) -> None:
    recycle.sql("INSERT INTO recycle.searches (query, hits, created_at) VALUES ('old', 0, now() - interval '181 days')")

    assert searches.forget_old() >= 1
    assert not stored(recycle, "old")


@pytest.mark.parametrize("text", ["seoul_gangnam", "강남구", "서울 강남구 역삼동", "Gangnam-gu, Seoul"])
def test_a_region_is_found_by_id_name_or_address(recycle: Running, text: str) -> None:
    assert recycle.call.region(text)["id"] == "seoul_gangnam"
    assert recycle.call.rules("plastic_bag", region=text)["region"]["id"] == "seoul_gangnam"


@pytest.mark.parametrize(("text", "code"), [("중구", "ambiguous_region"), ("평양", "unknown_region")])
def test_a_region_that_is_not_clear_is_refused_with_what_it_may_be(recycle: Running, text: str, code: str) -> None:
    problem = recycle.refuses(recycle.call.region, text)

    assert (problem.code, problem.errors[0]["field"]) == (code, "region")
    assert code != "ambiguous_region" or "seoul_jung" in problem.detail
