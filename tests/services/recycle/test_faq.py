"""Frequent questions are answered by the rules, and by nothing else."""

import shutil
from pathlib import Path

import pytest

from services.kernel.errors import Unprocessable
from services.recycle.knowledge import DATA, KnowledgeError, Lang, Problem, knowledge, load, render, rules_for
from tests.services.running import Running

LANGS: tuple[Lang, ...] = ("ko", "en")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def test_there_are_twelve_to_twenty_questions() -> None:
    assert 12 <= len(knowledge().faq) <= 20


def test_every_class_of_waste_that_has_steps_of_its_own_is_asked_about() -> None:
    asked = {rules_for(entry.item, entry.situations).major for entry in knowledge().faq.values()}

    assert asked >= {"recyclable", "general", "non_combustible", "hazardous"}


@pytest.mark.parametrize("lang", LANGS)
def test_the_answers_are_those_of_the_rules(recycle: Running, lang: Lang) -> None:
    questions = recycle.call.faq(lang)["questions"]

    assert [question["id"] for question in questions] == list(knowledge().faq)
    for question in questions:
        entry = knowledge().faq[question.pop("id")]
        assert question.pop("question") == entry.question.in_(lang)
        assert (question["item_id"], tuple(question.pop("situations"))) == (entry.item, entry.situations)
        ruled = recycle.call.rules(entry.item, list(entry.situations), lang)
        assert question == {key: ruled[key] for key in question}
        assert question["answer"] == render(rules_for(entry.item, entry.situations), lang)


def test_every_situation_that_is_asked_about_is_answered() -> None:
    for entry in knowledge().faq.values():
        assert rules_for(entry.item, entry.situations).unruled == ()


def test_the_answers_follow_the_region(recycle: Running) -> None:
    questions = recycle.call.faq(region="서울 강남구")["questions"]

    assert {question["region"]["id"] for question in questions} == {"seoul_gangnam"}
    for question in questions:
        ruled = rules_for(question["item_id"], question["situations"], "seoul_gangnam")
        assert question["answer"] == render(ruled, "ko")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [(("fr",), "lang"), ((None,), "lang"), (("ko", "atlantis"), "region"), (("ko", ""), "region")],
)
def test_a_language_or_region_that_is_none_is_refused(
    recycle: Running, arguments: tuple[object, ...], field: str
) -> None:
    problem = recycle.refuses(recycle.call.faq, *arguments)

    assert isinstance(problem, Unprocessable)
    assert problem.errors[0]["field"] == field


FAULTS = [
    # what stands there, what is put there instead, field, message
    ("    item: pizza_box", "    item: piza_box", "greasy_pizza_box.item", "there is no item 'piza_box'"),
    ("situations: [dirty]", "situations: [drity]", "greasy_pizza_box.situations.0", "there is no situation 'drity'"),
    ("situations: [dirty]", "situations: [dirty, dirty]", "greasy_pizza_box.situations.1", "'dirty' is said twice"),
    ("situations: [dirty]", "situations: [swollen]", "greasy_pizza_box.situations.0",
     "no rule of 'pizza_box' speaks about 'swollen'"),
    ("situations: [dirty]", "situatoins: [dirty]", "greasy_pizza_box.situatoins", "Extra inputs are not permitted"),
    ("go with the paper?}", "go with the paper}", "greasy_pizza_box.question.en", "should match pattern"),
    ("go with the paper?}", "go? With the paper?}", "greasy_pizza_box.question.en", "should match pattern"),
    (", en: Can a greasy pizza box go with the paper?", "", "greasy_pizza_box.question.en", "Field required"),
    ("    item: pizza_box\n", "", "greasy_pizza_box.item", "Field required"),
    ("  greasy_pizza_box:", "  Greasy-Box:", "Greasy-Box", "should match pattern"),
    ("  coloured_bottle:", "  greasy_pizza_box:", "greasy_pizza_box", "is said twice"),
    ("Are eggshells food waste?", "Are chicken bones food waste?", "eggshells.question.en",
     "is asked by 'chicken_bones' already"),
    ("    item: eggshell", "    item: animal_bone", "eggshells.item", "is asked by 'chicken_bones' already"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "field", "message"), FAULTS)
def test_a_fault_is_told_by_file_line_and_field(data: Path, old: str, new: str, field: str, message: str) -> None:
    file = data / "faq.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(changed := text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(KnowledgeError) as caught:
        load(data)

    problem: Problem = caught.value.problems[0]
    assert (problem.file, problem.field) == ("faq.yaml", f"questions.{field}")
    assert message in problem.message
    pairs = zip(text.splitlines(), changed.splitlines(), strict=False)
    line = next(number for number, (before, after) in enumerate(pairs, 1) if before != after)
    missing_line = field.endswith(".item") and message == "Field required"  # told of the entry, two lines above
    assert problem.line == (line - 2 if missing_line else line)


def test_a_missing_file_is_told(data: Path) -> None:
    (data / "faq.yaml").unlink()

    with pytest.raises(KnowledgeError) as caught:
        load(data)

    assert caught.value.problems[0].file == "faq.yaml"
