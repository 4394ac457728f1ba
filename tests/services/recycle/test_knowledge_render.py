"""The answer in words says only what the rules say, in at most four sentences."""

import json
import re

import pytest

from services.recycle.knowledge import Lang, as_dict, knowledge, render, rules_for

LANGS: tuple[Lang, ...] = ("ko", "en")


def sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.!?])\s+", text) if part]


@pytest.mark.parametrize("lang", LANGS)
def test_no_answer_is_longer_than_four_sentences(lang: Lang) -> None:
    for item_id in knowledge().items:
        for situation in knowledge().situations:
            answer = render(rules_for(item_id, [situation]), lang)
            assert 2 <= len(sentences(answer)) <= 4, answer
            assert answer.endswith(".")


def test_all_situations_at_once_still_fit_four_sentences() -> None:
    for item_id in knowledge().items:
        assert len(sentences(render(rules_for(item_id, knowledge().situations)))) <= 4


def test_a_dirty_pizza_box_is_told_why() -> None:
    answer = render(rules_for("pizza_box", ["dirty"]), "ko")
    assert answer.startswith("피자 상자는 일반 종량제봉투에 담아 버려요. 기름이나 음식물이 밴 종이는")


def test_the_particle_follows_the_last_consonant() -> None:
    assert render(rules_for("paper_cup")).startswith("종이컵은 ")
    assert render(rules_for("umbrella")).startswith("우산은 ")
    assert render(rules_for("book")).startswith("책은 ")
    assert render(rules_for("chair")).startswith("의자는 ")


def test_an_english_answer_holds_no_korean_but_names_it_quotes() -> None:
    answer = render(rules_for("umbrella"), "en")
    assert answer.startswith("Umbrella: put it out with the metal.")
    assert not re.search("[가-힣]", answer)


def test_the_steps_are_numbered_in_order() -> None:
    assert re.findall(r"\d\)", render(rules_for("clear_pet_bottle"), "en")) == ["1)", "2)", "3)", "4)"]


def test_every_step_of_the_rules_is_in_the_answer() -> None:
    disposal = rules_for("butane_can")
    answer = render(disposal, "ko")
    assert all(step.ko in answer for step in disposal.steps)


@pytest.mark.parametrize("lang", LANGS)
def test_the_dictionary_survives_json(lang: Lang) -> None:
    for item_id in knowledge().items:
        answer = as_dict(rules_for(item_id, ["broken", "with_contents"]), lang)
        assert json.loads(json.dumps(answer, ensure_ascii=False)) == answer


def test_the_dictionary_names_rules_and_citations() -> None:
    answer = as_dict(rules_for("pizza_box", ["dirty"]), "en")
    assert answer["major"] == "general"
    assert [rule["id"] for rule in answer["rules"]] == ["pizza_box", "paper+dirty"]
    assert "Ministry of Environment" in answer["rules"][1]["citations"][0]


def test_the_dictionary_says_what_is_still_to_do() -> None:
    answer = as_dict(rules_for("cardboard_box", ["taped"]), "ko")
    assert answer["insufficiencies"] == [{"situation": "taped", "text": "테이프와 송장이 아직 붙어 있어요"}]


@pytest.mark.parametrize("lang", LANGS)
def test_an_answer_for_a_region_has_at_most_two_sentences_more(lang: Lang) -> None:
    for region in ("seoul_gangnam", "sejong", "busan_yeongdo"):
        for item_id in knowledge().items:
            answer = render(rules_for(item_id, ["dirty", "broken"], region), lang)
            assert 2 <= len(sentences(answer)) <= 6, answer
            assert answer.endswith(".")


def test_an_answer_for_a_region_tells_the_local_rule_with_its_source_and_whom_to_ask() -> None:
    *_, local, ask = sentences(render(rules_for("clear_pet_bottle", [], "seoul_jung"), "ko"))
    assert local == (
        "서울특별시 중구 규칙: 단독주택과 빌라와 작은 상가의 비닐과 투명 페트병은 목요일에만 거둬요(서울특별시, "
        "비닐·투명페트병 분리배출 요일제, 자치구별 배출 요일, 내 손안에 서울 2022년 7월 21일, 2022년 기준)."
    )
    assert ask == (
        "여기에 적혀 있지 않은 것(배출 시간과 장소)은 서울특별시 중구에 물어봐요(https://www.junggu.seoul.kr, 02-120)."
    )


def test_an_english_answer_for_a_region_says_whom_to_ask() -> None:
    answer = render(rules_for("sofa", [], "busan_haeundae"), "en")
    assert answer.endswith(
        "Not recorded here, so ask Haeundae-gu, Busan (https://www.haeundae.go.kr, 051-120): "
        "bulky waste fees and where to report."
    )


def test_a_local_reason_is_told_once() -> None:
    answer = render(rules_for("onion_net", ["dirty"], "seoul"), "en")
    reason = "onion nets, plastic gloves and thermal bags are collected with the film"
    assert answer.lower().count(reason) == 1
    assert answer.count("Local rule of Seoul (") == 1


def test_the_dictionary_of_a_region_names_it_its_contact_and_what_is_unknown() -> None:
    answer = as_dict(rules_for("clear_pet_bottle", [], "seoul_jung"), "en")
    assert answer["region"] == {"id": "seoul_jung", "name": "Jung-gu, Seoul"}
    assert answer["contact"] == {"site": "https://www.junggu.seoul.kr", "phone": "02-120"}
    assert answer["locally_unknown"] == [{"topic": "collection_hours", "name": "collection hours and place"}]
    assert [(rule["id"], rule["region"], rule["as_of"]) for rule in answer["rules"]] == [
        ("clear_pet_bottle", None, None),
        ("seoul_jung:clear_pet", "seoul_jung", 2022),
    ]
    assert json.loads(json.dumps(answer)) == answer


def test_the_dictionary_without_a_region_has_none() -> None:
    answer = as_dict(rules_for("clear_pet_bottle"), "en")
    assert (answer["region"], answer["contact"], answer["locally_unknown"]) == (None, None, [])
