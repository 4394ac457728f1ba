"""The shipped data is complete and agrees with itself."""

import pytest

from services.recycle.knowledge import KINDS, MAJORS, knowledge, rules_for
from services.recycle.knowledge.hangul import normalise

KNOWLEDGE = knowledge()
ITEMS = list(KNOWLEDGE.items.values())
EVERYDAY = [
    "clear_pet_bottle", "paper_cup", "pizza_box", "ceramic_cup", "coffee_grounds", "light_bulb_incandescent",
    "mobile_phone", "umbrella", "laptop", "shoes", "chair", "remote_control", "computer_mouse", "keyboard",
    "banana_peel", "citrus_peel", "teddy_bear", "pillow", "backpack", "ceramic_plate", "newspaper", "envelope",
    "milk_carton", "television", "washing_machine", "refrigerator", "sofa", "vase", "frying_pan", "wok",
    "tissue", "diaper", "syringe", "sunglasses", "lighter", "hair_dryer", "iron", "electric_fan", "face_mask",
    "bucket", "plastic_tray", "aluminium_can", "wine_bottle",
]  # fmt: skip


def test_there_are_at_least_200_items() -> None:
    assert len(ITEMS) >= 200


@pytest.mark.parametrize("item_id", EVERYDAY)
def test_an_everyday_thing_that_a_classifier_sees_is_an_item(item_id: str) -> None:
    assert item_id in KNOWLEDGE.items


@pytest.mark.parametrize("major", MAJORS)
def test_every_class_is_reached_by_some_item(major: str) -> None:
    assert any(item.major == major for item in ITEMS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_reached_by_at_least_five_items(kind: str) -> None:
    assert sum(item.kind == kind for item in ITEMS) >= 5


def test_every_item_has_steps_and_a_cited_source() -> None:
    for item in ITEMS:
        disposal = rules_for(item.id)
        assert disposal.steps, item.id
        assert disposal.fired[0].citations, item.id


def test_every_item_answers_in_every_situation() -> None:
    for item in ITEMS:
        for situation in KNOWLEDGE.situations:
            disposal = rules_for(item.id, [situation])
            assert disposal.steps, (item.id, situation)
            assert all(rule.citations for rule in disposal.fired), (item.id, situation)


def test_every_item_has_synonyms_in_both_languages() -> None:
    for item in ITEMS:
        assert item.synonyms.ko, item.id
        assert item.synonyms.en, item.id


def test_every_instead_is_another_item_or_a_class_or_kind() -> None:
    known = {*KNOWLEDGE.items, *MAJORS, *KINDS}
    for item in ITEMS:
        for wrong in rules_for(item.id).not_here:
            assert wrong.instead in known - {item.id}, item.id


def test_a_word_said_to_be_shared_is_the_word_of_two_items() -> None:
    for item in ITEMS:
        for word in item.shares:
            owners = [
                other.id
                for other in ITEMS
                if normalise(word) in {normalise(w) for w in (*other.words("ko"), *other.words("en"))}
            ]
            assert len(owners) > 1, (item.id, word)


def test_only_recyclables_have_a_kind() -> None:
    assert all((item.kind is not None) == (item.major == "recyclable") for item in ITEMS)


def test_every_source_is_cited_by_some_rule() -> None:
    nationwide = {
        source
        for item in ITEMS
        for situation in ([], *([s] for s in KNOWLEDGE.situations))
        for rule in rules_for(item.id, situation).fired
        for source in rule.sources
    }
    local = {source for region in KNOWLEDGE.regions.values() for rule in region.changes for source in rule.sources}
    assert nationwide | local == set(KNOWLEDGE.sources)


def test_no_local_source_backs_a_nationwide_rule() -> None:
    local = {source for region in KNOWLEDGE.regions.values() for rule in region.changes for source in rule.sources}
    owners = [*ITEMS, *KNOWLEDGE.classes.values(), *KNOWLEDGE.kinds.values()]
    changes = [change for owner in owners for change in owner.situations.values()]
    assert not local & {source for owner in (*owners, *changes) for source in owner.sources}


def test_the_shipped_knowledge_is_loaded_once() -> None:
    assert knowledge() is knowledge()
