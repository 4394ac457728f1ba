"""The regions are complete, every local rule can take part in an answer, and nothing is claimed without a source."""

from itertools import product

import pytest

from services.recycle.knowledge import KINDS, MAJORS, Disposal, find_region, knowledge, rules_for
from services.recycle.knowledge.regions import contact, full_name, unknown_topics

KNOWLEDGE = knowledge()
REGIONS = KNOWLEDGE.regions
SEOUL = [
    "종로구", "중구", "용산구", "성동구", "광진구", "동대문구", "중랑구", "성북구", "강북구", "도봉구",
    "노원구", "은평구", "서대문구", "마포구", "양천구", "강서구", "구로구", "금천구", "영등포구", "동작구",
    "관악구", "서초구", "강남구", "송파구", "강동구",
]  # fmt: skip
CITIES = {
    "서울특별시",
    "부산광역시",
    "대구광역시",
    "인천광역시",
    "광주광역시",
    "대전광역시",
    "울산광역시",
    "세종특별자치시",
}
CHANGES = [(region_id, change) for region_id, region in REGIONS.items() for change in region.changes]


def districts(city: str) -> list[str]:
    return [region.name.ko for region in REGIONS.values() if region.parent == city]


def test_the_cities_are_seoul_and_the_seven_others() -> None:
    assert {region.name.ko for region in REGIONS.values() if region.parent is None} == CITIES


def test_seoul_has_its_25_districts() -> None:
    assert len(SEOUL) == 25
    assert sorted(districts("seoul")) == sorted(SEOUL)


@pytest.mark.parametrize(
    ("city", "count"), [("busan", 16), ("daegu", 9), ("gwangju", 5), ("daejeon", 5), ("ulsan", 5), ("sejong", 0)]
)
def test_a_city_has_all_its_districts(city: str, count: int) -> None:
    assert len(set(districts(city))) == len(districts(city)) == count


def test_every_region_names_a_site_and_a_telephone_number() -> None:
    for region_id in REGIONS:
        assert all(contact(KNOWLEDGE, region_id)), region_id


def test_no_two_regions_share_a_site() -> None:
    sites = [region.site for region in REGIONS.values()]
    assert len(set(sites)) == len(sites)


def test_every_region_says_what_is_not_recorded() -> None:
    for region_id in REGIONS:
        assert unknown_topics(KNOWLEDGE, region_id), region_id


def test_every_topic_is_asked_for_somewhere() -> None:
    asked = {
        entry.topic
        for item_id in KNOWLEDGE.items
        if (here := rules_for(item_id, region="seoul").locality)
        for entry in here.unknown
    }
    assert asked == set(KNOWLEDGE.topics)


def test_every_local_rule_has_a_source_and_a_year_that_has_been() -> None:
    for region_id, change in CHANGES:
        assert change.sources, region_id
        assert 2015 <= change.as_of <= 2026, region_id


def test_every_local_rule_tells_people_something_to_do_or_not_to_do() -> None:
    for region_id, change in CHANGES:
        assert change.steps or change.then or change.do_nots or change.to, region_id


def test_every_local_rule_fires_for_what_it_speaks_of() -> None:
    for region_id, change in CHANGES:
        for owner in change.of:
            asked = [change.situation] if change.situation else []
            subjects = [item.id for item in KNOWLEDGE.items.values() if owner in (item.id, item.major, item.kind)]
            name = f"{region_id}:{owner}" + (f"+{change.situation}" if change.situation else "")
            fired = {rule.rule_id for item in subjects for rule in rules_for(item, asked, region_id).fired}
            assert name in fired


def answers() -> list[tuple[str, str, Disposal]]:
    # the regions with rules of their own, and of those with the same rules the first: the others answer as these
    own = {region.changes: region_id for region_id, region in reversed(REGIONS.items()) if region.changes}
    asked = [(), *((situation,) for situation in KNOWLEDGE.situations)]
    return [
        (f"{item_id} {' '.join(situations)}", region_id, rules_for(item_id, situations, region_id))
        for region_id, item_id, situations in product(own.values(), KNOWLEDGE.items, asked)
    ]


def test_every_item_has_steps_and_citations_in_every_situation_and_region() -> None:
    reached = set()
    known = {*KNOWLEDGE.items, *MAJORS, *KINDS}
    for question, region_id, disposal in answers():
        assert disposal.steps, (question, region_id)
        assert all(rule.citations for rule in disposal.fired), (question, region_id)
        assert {wrong.instead for wrong in disposal.not_here} <= known, (question, region_id)
        assert disposal.locality is not None
        reached |= {disposal.major, disposal.kind}
    assert reached == {*MAJORS, *KINDS, None}


def test_a_district_without_rules_of_its_own_answers_as_its_city() -> None:
    for region_id, region in REGIONS.items():
        if region.parent is None or region.changes:
            continue
        for item_id in ("clear_pet_bottle", "snack_bag", "pills", "onion_net", "sofa"):
            assert rules_for(item_id, region=region_id).steps == rules_for(item_id, region=region.parent).steps


def test_every_region_is_found_by_its_full_name_in_both_languages() -> None:
    for region_id in REGIONS:
        name = full_name(KNOWLEDGE, region_id)
        assert find_region(name.ko) == find_region(name.en) == (region_id,)
