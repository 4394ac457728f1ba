"""The fears: a slip in the mapping file, and a mapped item that the knowledge base does not have."""

from pathlib import Path

import pytest

from services.recycle.knowledge import knowledge
from workers.ai.local.mapping import MappingInvalid, read_mapping

KNOWN = {"ceramic_cup", "banana_peel"}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "items.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_mapped_item_is_in_the_knowledge_base() -> None:
    items = read_mapping(knowledge().items)
    assert set(items.values()) <= set(knowledge().items)
    assert len(items) > 100


def test_animals_are_no_items() -> None:
    """ImageNet's classes 0 to 397 are animals."""
    assert min(read_mapping(knowledge().items)) >= 398


def test_classes_lead_to_items(tmp_path: Path) -> None:
    path = written(tmp_path, "ceramic_cup: {967: espresso, 968: cup}\nbanana_peel: {954: banana}\n")
    assert read_mapping(KNOWN, path) == {967: "ceramic_cup", 968: "ceramic_cup", 954: "banana_peel"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ceramic_cup: {967: cup}", "ceramic_cup: class 967 is called 'espresso', not 'cup'"),
        ("ceramic_cup: {1000: cup}", r"ceramic_cup: 1000 is no class index \(0 to 999\)"),
        ("ceramic_cup: {-1: toilet tissue}", "-1 is no class index"),
        ("ceramic_cup: {true: goldfish}", "True is no class index"),
        ("ceramic_cup: {cup: 968}", "'cup' is no class index"),
        ("gold_cup: {968: cup}", "gold_cup: the knowledge base has no such item"),
        (
            "ceramic_cup: {968: cup}\nbanana_peel: {968: cup}",
            r"class 968 \(cup\) is mapped to ceramic_cup already",
        ),
        ("ceramic_cup: {968: cup, 968: cup}", "given twice.*968"),
        ("ceramic_cup: {968: cup}\nceramic_cup: {967: espresso}", "given twice.*ceramic_cup"),
        ("ceramic_cup: [968]", "must say"),
        ("just words", "must say"),
        ("", "must say"),
        ("ceramic_cup: {968: cup", "is not YAML"),
        ("ceramic_cup: !!python/object/apply:os.getcwd []", "is not YAML"),
    ],
)
def test_a_slip_is_named(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(MappingInvalid, match=reason):
        read_mapping(KNOWN, written(tmp_path, text))


def test_all_slips_are_named_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, "gold_cup: {968: cup}\nbanana_peel: {954: bananas, 1000: peel}")
    with pytest.raises(MappingInvalid) as caught:
        read_mapping(KNOWN, path)
    assert all(word in str(caught.value) for word in ("gold_cup", "bananas", "1000"))


def test_the_mapping_cannot_be_changed() -> None:
    items = read_mapping(knowledge().items)
    with pytest.raises(TypeError):
        items[0] = "tench"  # type: ignore[index]
