"""A region's rules override and add to the nationwide ones, by a precedence that never wavers."""

import itertools
from typing import Any

import pytest

from services.recycle.knowledge import Knowledge, UnknownRegion, knowledge, rules_for

SOURCE = "seoul_film"
TEXT = {"ko": "말", "en": "word"}


def ids(item_id: str, situations: list[str], region: str, data: Knowledge | None = None) -> list[str]:
    return [rule.rule_id for rule in rules_for(item_id, situations, region, data).fired]


def with_rules(**regions: list[dict[str, Any]]) -> Knowledge:
    """The shipped knowledge, in which these regions have these rules and no others."""
    whole = knowledge()
    parsed = {}
    for region_id, region in whole.regions.items():
        rules = [{"why": TEXT, "sources": [SOURCE], "as_of": 2024, **rule} for rule in regions.get(region_id, [])]
        parsed[region_id] = type(region).model_validate({**region.model_dump(exclude={"changes"}), "changes": rules})
    return whole.model_copy(update={"regions": parsed})


def test_without_a_region_nothing_local_is_said() -> None:
    disposal = rules_for("snack_bag", ["dirty"])
    assert disposal.locality is None
    assert all(rule.local is None for rule in disposal.fired)


def test_an_unknown_region_is_a_typed_error() -> None:
    with pytest.raises(UnknownRegion) as caught:
        rules_for("book", region="atlantis")
    assert (caught.value.code, caught.value.region) == ("unknown_region", "atlantis")


def test_a_local_rule_adds_its_steps_after_the_others() -> None:
    here, nationwide = rules_for("clear_pet_bottle", region="seoul_jung"), rules_for("clear_pet_bottle")
    assert here.steps[:-1] == nationwide.steps
    assert "Thursday" in here.steps[-1].en
    assert "Thursday" in here.do_nots[0].en
    assert here.insufficiencies == ()


def test_a_district_inherits_the_rules_of_its_city() -> None:
    assert ids("pills", [], "seoul_jongno") == ["pills", "seoul:pills"]


def test_the_district_beats_its_city() -> None:
    assert ids("snack_bag", [], "seoul_jongno")[-1] == "seoul:film"
    assert ids("snack_bag", [], "seoul_jung")[-1] == "seoul_jung:film"


def test_another_city_does_not_hear_of_it() -> None:
    assert ids("snack_bag", [], "busan_jung") == ["snack_bag"]


def test_a_city_may_take_what_the_country_does_not() -> None:
    assert rules_for("onion_net").major == "general"
    here = rules_for("onion_net", region="seoul_nowon")
    assert (here.major, here.kind, here.moved) == ("recyclable", "film", True)
    assert [rule.rule_id for rule in here.fired] == ["onion_net", "seoul:onion_net", "seoul_nowon:film"]


def test_a_city_may_keep_what_the_country_sends_away() -> None:
    assert rules_for("snack_bag", ["dirty"]).major == "general"
    here = rules_for("snack_bag", ["dirty"], "seoul")
    assert (here.major, here.kind) == ("recyclable", "film")
    assert [gap.situation for gap in here.insufficiencies] == ["dirty"]


def test_what_counts_as_film_there_is_judged_as_film() -> None:
    assert ids("onion_net", ["dirty"], "seoul")[1:] == ["seoul:onion_net", "seoul:film+dirty", "seoul:film"]
    assert rules_for("onion_net", ["mixed_material"], "seoul").major == "general"


def test_the_rule_of_the_place_where_it_ends_up_counts() -> None:
    assert ids("pizza_box", ["dirty"], "sejong") == ["pizza_box", "paper+dirty", "sejong:general"]
    assert ids("clear_pet_bottle", ["dirty"], "seoul_jung") == ["clear_pet_bottle", "clear_pet+dirty"]


def test_a_local_rule_names_its_place_its_year_and_its_source() -> None:
    rule = rules_for("clear_pet_bottle", region="seoul_gangnam").fired[-1]
    assert rule.local is not None
    assert (rule.local.region, rule.local.name.ko, rule.local.as_of) == ("seoul_gangnam", "서울특별시 강남구", 2022)
    assert rule.sources == ("gangnam_sorting_day", "seoul_sorting_day")
    assert len(rule.citations) == 2


def test_item_beats_kind_beats_class_within_a_place() -> None:
    rules = [{"of": [owner], "then": [TEXT]} for owner in ("recyclable", "film", "snack_bag")]
    for left in (1, 2, 3):
        for order in itertools.permutations(rules[:left]):
            fired = ids("snack_bag", [], "seoul", with_rules(seoul=list(order)))
            assert fired[1:] == [f"seoul:{rules[left - 1]['of'][0]}"]


def test_the_nearer_place_beats_the_closer_fit() -> None:
    data = with_rules(seoul=[{"of": ["snack_bag"]}], seoul_jung=[{"of": ["recyclable"]}])
    assert ids("snack_bag", [], "seoul_jung", data)[1:] == ["seoul_jung:recyclable"]


def test_any_local_rule_beats_the_items_own_nationwide_one() -> None:
    assert rules_for("paper_cup", ["coated"]).kind == "paper"
    data = with_rules(seoul=[{"of": ["paper"], "situation": "coated", "to": "general"}])
    assert ids("paper_cup", ["coated"], "seoul_jung", data)[1:] == ["seoul:paper+coated"]
    assert rules_for("paper_cup", ["coated"], "seoul_jung", data).major == "general"


def test_the_order_of_situations_stays_their_precedence() -> None:
    data = with_rules(seoul=[{"of": ["glass_bottle"], "situation": "dirty", "to": "general"}])
    assert rules_for("wine_bottle", ["dirty", "broken"], "seoul", data).major == "non_combustible"
    assert rules_for("wine_bottle", ["dirty"], "seoul", data).major == "general"


def test_a_local_rule_that_carries_keeps_its_steps_elsewhere() -> None:
    step = {"ko": "따로 부어요", "en": "Pour it off apart"}
    data = with_rules(seoul=[{"of": ["glass_bottle"], "situation": "with_contents", "steps": [step]}])
    disposal = rules_for("wine_bottle", ["broken", "with_contents"], "seoul", data)
    assert disposal.major == "non_combustible"
    assert disposal.steps[0].en == step["en"]


def test_the_steps_of_a_place_elsewhere_follow_when_the_local_rule_has_none() -> None:
    data = with_rules(seoul=[{"of": ["onion_net"], "to": "film"}])
    assert rules_for("onion_net", region="seoul", data=data).steps == knowledge().kinds["film"].steps


def test_the_same_question_has_one_answer_whatever_the_order() -> None:
    answers = {
        rules_for("snack_bag", order, "seoul_gangnam").fired
        for order in itertools.permutations(["dirty", "labelled", "with_contents"])
    }
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("item_id", "region", "topics"),
    [
        ("sofa", "busan_haeundae", ["bulky_fees"]),
        ("tissue", "daegu", ["collection_days", "collection_hours", "bag_prices"]),
        ("pills", "seoul", ["collection_points", "hazardous_points"]),
        ("clear_pet_bottle", "seoul_jongno", ["collection_days", "collection_hours"]),
        ("clear_pet_bottle", "seoul_jung", ["collection_hours"]),
        ("styrofoam_box", "incheon", ["collection_days", "collection_hours", "coloured_foam"]),
    ],
)
def test_what_is_not_recorded_is_to_be_asked(item_id: str, region: str, topics: list[str]) -> None:
    here = rules_for(item_id, region=region).locality
    assert here is not None
    assert [entry.topic for entry in here.unknown] == topics


def test_a_district_without_a_number_of_its_own_gives_its_citys() -> None:
    here = rules_for("sofa", region="seoul_gangnam").locality
    assert here is not None
    assert (here.site, here.phone) == ("https://www.gangnam.go.kr", "02-120")
