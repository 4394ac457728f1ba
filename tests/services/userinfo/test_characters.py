"""Characters: one of each, for the first clean recyclable of its kind, from whatever scans and in whatever order."""

from pathlib import Path
from typing import Any

import psycopg2
import pytest
import yaml
from nameko.standalone.rpc import ClusterRpcProxy
from uuid6 import uuid7

from services.kernel.errors import NotFound
from services.kernel.settings import nameko_config
from services.userinfo import activities, characters
from services.userinfo.data_files import FOLDER, DataError, load
from services.userinfo.savings import FACTORS
from tests.services.running import Running, eventually
from tests.services.userinfo.conftest import WITHIN_S, Tell, deleted, finished


def owned(userinfo: Running, user_id: str) -> list[str]:
    return [one["code"] for one in userinfo.call.characters(user_id)["characters"] if one["owned"]]


def test_eco_comes_with_the_account(userinfo: Running, user_id: str) -> None:
    told = userinfo.call.characters(user_id)

    assert (told["owned"], told["total"]) == (1, 13)
    [eco] = [one for one in told["characters"] if one["owned"]]
    assert (eco["code"], eco["name"], eco["kind"], eco["scans"]) == ("eco", "이코", None, 0)
    assert eco["awarded_at"] == userinfo.call.profile(user_id)["created_at"]


def test_every_kind_of_recyclables_has_its_character_and_its_word_on_savings(userinfo: Running) -> None:
    with ClusterRpcProxy(nameko_config(userinfo.config), timeout=20) as cluster:
        classes = cluster["recycle"].categories()["categories"]
    kinds = {kind["id"] for group in classes for kind in group["kinds"]}

    assert set(characters.OF_KIND) == kinds
    assert {factor.kind for factor in FACTORS.factors} | {one.kind for one in FACTORS.unknown} == kinds


def test_the_first_clean_recyclable_of_a_kind_brings_its_character(userinfo: Running, user_id: str, tell: Tell) -> None:
    scan = finished(user_id, kind="glass_bottle", item_id="soju_bottle")

    tell("waste", "scan_completed", scan)
    eventually(lambda: "glassy" in owned(userinfo, user_id), WITHIN_S)
    tell("waste", "scan_completed", finished(user_id, kind="glass_bottle", item_id="soju_bottle"))
    eventually(lambda: userinfo.call.points(user_id)["scans"] == 2, WITHIN_S)

    glassy = userinfo.call.character(user_id, "glassy")
    assert (glassy["owned"], glassy["scans"], glassy["kind"]) == (True, 2, "glass_bottle")
    assert glassy["awarded_at"] == scan["completed_at"]
    assert owned(userinfo, user_id) == ["eco", "glassy"]


@pytest.mark.parametrize(
    "fields",
    [
        {"insufficiencies": ["labelled"]},
        {"major": "general", "kind": None},
        {"item_id": None, "major": None, "kind": None, "confidence": None},
        {"kind": "of_a_later_version"},
    ],
)
def test_nothing_else_brings_one(userinfo: Running, user_id: str, database: Any, fields: dict[str, Any]) -> None:
    activities.record(finished(user_id, **fields))

    assert owned(userinfo, user_id) == ["eco"]


def test_a_scan_that_is_not_clean_is_counted_but_brings_nothing(userinfo: Running, user_id: str, database: Any) -> None:
    activities.record(finished(user_id, kind="metal", item_id="steel_can", insufficiencies=["dirty"]))

    canny = userinfo.call.character(user_id, "canny")
    assert (canny["owned"], canny["awarded_at"], canny["scans"]) == (False, None, 1)


def test_a_character_stays_when_its_scan_is_deleted(userinfo: Running, user_id: str, database: Any) -> None:
    scan = finished(user_id)
    activities.record(scan)

    activities.forget(deleted(scan))

    petty = userinfo.call.character(user_id, "petty")
    assert (petty["owned"], petty["scans"]) == (True, 0)


def test_the_characters_are_told_in_both_languages_and_in_one_order(userinfo: Running, user_id: str) -> None:
    told = userinfo.call.characters(user_id)["characters"]

    assert [one["code"] for one in told] == [one.code for one in characters.ROSTER]
    assert all(one["name"] and one["name_en"] and one["dialog"]["ko"] and one["dialog"]["en"] for one in told)


@pytest.mark.parametrize("code", ["", "nobody", "ECO", "eco ", "\x00", "x" * 1000])
def test_an_unknown_character_is_not_found(userinfo: Running, user_id: str, code: str) -> None:
    problem = userinfo.refuses(userinfo.call.character, user_id, code)

    assert isinstance(problem, NotFound)
    assert problem.code == "character_not_found"


def test_the_database_gives_none_without_points_and_no_two_for_one_scan(
    userinfo: Running, user_id: str, database: Any
) -> None:
    scan = finished(user_id)
    activities.record(scan)
    insert = "INSERT INTO userinfo.characters (user_id, character, scan_id, awarded_at) VALUES (%s, %s, %s, %s)"

    with pytest.raises(psycopg2.errors.ForeignKeyViolation):
        userinfo.sql(insert, user_id, "canny", str(uuid7()), scan["completed_at"])
    with pytest.raises(psycopg2.errors.UniqueViolation):
        userinfo.sql(insert, user_id, "canny", scan["scan_id"], scan["completed_at"])
    with pytest.raises(psycopg2.errors.UniqueViolation):
        userinfo.sql(insert, user_id, "petty", str(uuid7()), scan["completed_at"])
    with pytest.raises(psycopg2.errors.CheckViolation):
        userinfo.sql(insert, user_id, "canny", None, scan["completed_at"])


def test_a_roster_that_is_wrong_is_not_loaded(tmp_path: Path) -> None:
    right = yaml.safe_load((FOLDER / "characters.yaml").read_text(encoding="utf-8"))["characters"]
    wrong: dict[str, list[dict[str, Any]]] = {
        "a code twice": [*right, {**right[1], "kind": "new", "name": "x", "name_en": "y"}],
        "a kind twice": [*right, {**right[1], "code": "new", "name": "x", "name_en": "y"}],
        "two without a kind": [*right, {**right[1], "code": "new", "kind": None, "name": "x", "name_en": "y"}],
        "no first": right[1:],
        "an unknown field": [{**right[0], "power": 9}, *right[1:]],
        "a text in one language": [{**right[0], "dialog": {"ko": "안녕"}}, *right[1:]],
        "none": [],
    }
    file = tmp_path / "characters.yaml"
    for content in wrong.values():
        file.write_text(yaml.safe_dump({"characters": content}, allow_unicode=True), encoding="utf-8")
        with pytest.raises(DataError, match=r"characters\.yaml"):
            load(file, characters.Roster)
