"""The same item in the same situations always gets the same answer, and the situations matter."""

import itertools

import pytest

from services.recycle.knowledge import RuleError, UnknownItem, UnknownSituation, knowledge, rules_for


@pytest.mark.parametrize(
    ("item_id", "situations", "major", "kind"),
    [
        ("pizza_box", [], "recyclable", "paper"),
        ("pizza_box", ["dirty"], "general", None),
        ("glass_drink_bottle", ["broken"], "non_combustible", None),
        ("soju_bottle", ["broken", "with_contents"], "non_combustible", None),
        ("fluorescent_tube", ["broken"], "non_combustible", None),
        ("clear_pet_bottle", ["labelled"], "recyclable", "clear_pet"),
        ("clear_pet_bottle", ["coloured"], "recyclable", "plastic"),
        ("coloured_pet_bottle", ["coloured"], "recyclable", "plastic"),
        ("clear_pet_bottle", ["dirty"], "general", None),
        ("cup_noodle_container", ["dirty"], "general", None),
        ("styrofoam_box", ["coloured"], "general", None),
        ("paper_cup", ["coated"], "recyclable", "paper"),
        ("printer_paper", ["coated"], "general", None),
        ("frying_pan", ["coated"], "recyclable", "metal"),
        ("paint_can", [], "non_combustible", None),
        ("paint_can", ["with_contents"], "hazardous", None),
        ("plastic_toy", ["battery_inside"], "recyclable", "electronics"),
        ("clothes", ["worn_out"], "general", None),
        ("wallpaper_scrap", ["in_quantity"], "construction", None),
        ("plastic_storage_box", ["large"], "bulky", None),
        ("television", ["broken"], "recyclable", "electronics"),
        ("mercury_thermometer", ["broken"], "hazardous", None),
    ],
)
def test_the_situation_decides_where_it_goes(item_id: str, situations: list[str], major: str, kind: str | None) -> None:
    disposal = rules_for(item_id, situations)
    assert (disposal.major, disposal.kind) == (major, kind)


def test_the_worst_situation_wins_whatever_the_order() -> None:
    answers = {
        rules_for("glass_drink_bottle", order).fired
        for order in itertools.permutations(["dirty", "broken", "with_contents"])
    }
    assert len(answers) == 1
    assert next(iter(answers))[1].rule_id == "glass_bottle+broken"


def test_contents_are_emptied_even_when_it_goes_elsewhere() -> None:
    disposal = rules_for("soju_bottle", ["broken", "with_contents"])
    assert disposal.steps[0].en == "Empty what is left"


def test_a_label_does_not_matter_when_it_goes_elsewhere() -> None:
    assert rules_for("clear_pet_bottle", ["dirty", "labelled"]).insufficiencies == ()


def test_a_label_still_on_is_insufficient() -> None:
    disposal = rules_for("clear_pet_bottle", ["labelled"])
    assert [missing.situation for missing in disposal.insufficiencies] == ["labelled"]


def test_a_coated_paper_cup_lacks_nothing() -> None:
    assert rules_for("paper_cup", ["coated"]).insufficiencies == ()


def test_a_situation_without_a_rule_is_reported() -> None:
    assert rules_for("banana_peel", ["labelled"]).unruled == ("labelled",)


def test_the_item_rule_beats_the_rule_of_its_kind() -> None:
    assert rules_for("paper_cup", ["coated"]).fired[-1].rule_id == "paper_cup+coated"


def test_each_fired_rule_says_why_and_cites_its_source() -> None:
    base, move = rules_for("pizza_box", ["dirty"]).fired
    assert (base.rule_id, move.rule_id) == ("pizza_box", "paper+dirty")
    assert "재활용가능자원의 분리수거 등에 관한 지침" in move.citations[0].ko


def test_the_own_steps_of_an_item_stand_around_those_of_its_kind() -> None:
    own = rules_for("pizza_box").steps
    assert own[1:] == knowledge().kinds["paper"].steps


def test_no_step_is_said_twice() -> None:
    for item_id in knowledge().items:
        steps = rules_for(item_id, ["large", "with_contents", "labelled"]).steps
        assert len(steps) == len(set(steps))


def test_what_does_not_belong_says_where_it_goes() -> None:
    wrong = {entry.instead: entry.put.en for entry in rules_for("newspaper").not_here}
    assert wrong["receipt"] == "put it in the pay-per-use waste bag"


def test_an_unknown_item_is_a_typed_error() -> None:
    with pytest.raises(UnknownItem) as caught:
        rules_for("unicorn")
    assert (caught.value.code, caught.value.item_id) == ("unknown_item", "unicorn")


def test_an_unknown_situation_is_a_typed_error() -> None:
    with pytest.raises(UnknownSituation) as caught:
        rules_for("book", ["haunted"])
    assert (caught.value.code, caught.value.situation) == ("unknown_situation", "haunted")


def test_both_errors_are_rule_errors() -> None:
    assert issubclass(UnknownItem, RuleError)
    assert issubclass(UnknownSituation, RuleError)


@pytest.mark.parametrize("item_id", ["dry_cell", "power_bank", "mobile_phone"])
def test_a_swollen_battery_never_goes_the_usual_way(item_id: str) -> None:
    """The usual steps, such as to run it empty or to drop it into the box, may start a fire."""
    usual, swollen = rules_for(item_id), rules_for(item_id, ["swollen"])

    assert swollen.exceptional
    assert swollen.put != usual.put
    assert not set(usual.steps) & set(swollen.steps)
    assert swollen.major == usual.major
