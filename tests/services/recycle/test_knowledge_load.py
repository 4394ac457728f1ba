"""A fault in the data is told by file, line and field."""

import shutil
from pathlib import Path

import pytest

from services.recycle.knowledge import DATA, KnowledgeError, Problem, load


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def edit(file: Path, old: str, new: str) -> int:
    """Replaces the first ``old`` and returns its line."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def problem_of(data: Path) -> Problem:
    with pytest.raises(KnowledgeError) as caught:
        load(data)
    return caught.value.problems[0]


def test_an_unknown_field_is_named_with_its_line(data: Path) -> None:
    line = edit(data / "items/film.yaml", "first:", "frist:")
    assert problem_of(data) == Problem(
        "items/film.yaml", line, "items.snack_bag.frist", "Extra inputs are not permitted"
    )


def test_a_missing_translation_points_at_its_text(data: Path) -> None:
    line = edit(data / "items/lamp.yaml", "{ko: 형광등, en: fluorescent tube}", "{ko: 형광등}")
    problem = problem_of(data)
    assert (problem.line, problem.field) == (line, "items.fluorescent_tube.name.en")


def test_an_unquoted_comma_in_a_text_is_noticed(data: Path) -> None:
    line = edit(data / "items/food.yaml", "{ko: 잘게 썰어요,", "{ko: 잘게, 썰어요,")
    problem = problem_of(data)
    assert (problem.file, problem.line) == ("items/food.yaml", line)


def test_a_full_stop_inside_a_text_is_refused(data: Path) -> None:
    edit(data / "items/film.yaml", "en: Let out the air}", "en: Let out the air.}")
    assert "one phrase without a full stop" in problem_of(data).message


def test_broken_yaml_is_named_with_its_line(data: Path) -> None:
    line = edit(data / "items/eps.yaml", "{ko: 스티로폼 상자,", "{ko: [스티로폼 상자,")
    problem = problem_of(data)
    assert problem.file == "items/eps.yaml"
    assert problem.line >= line
    assert problem.message.startswith("is not YAML")


def test_an_item_said_twice_in_a_file_is_refused(data: Path) -> None:
    edit(data / "items/eps.yaml", "  styrofoam_tray:", "  styrofoam_box:")
    problem = problem_of(data)
    assert (problem.field, problem.message) == ("items.styrofoam_box", "is said twice")


def test_an_item_said_in_two_files_is_refused(data: Path) -> None:
    edit(data / "items/lamp.yaml", "  led_tube:", "  dry_cell:")
    problem = problem_of(data)
    assert (problem.file, problem.field) == ("items/lamp.yaml", "items.dry_cell")
    assert problem.message == "is also in items/battery.yaml"


def test_an_instead_that_does_not_exist_is_named(data: Path) -> None:
    line = edit(data / "items/food.yaml", "instead: fruit_stone", "instead: fruit_stoen")
    problem = problem_of(data)
    assert (problem.line, problem.message) == (line, "'fruit_stoen' is no item, kind or class")


def test_an_unknown_situation_is_named(data: Path) -> None:
    line = edit(data / "items/metal.yaml", "      coated:", "      coatde:")
    problem = problem_of(data)
    assert (problem.line, problem.field) == (line, "items.frying_pan.situations.coatde")


def test_an_unknown_source_is_named(data: Path) -> None:
    edit(data / "items/glass_bottle.yaml", "sources: [deposit,", "sources: [deposti,")
    problem = problem_of(data)
    assert problem.field == "items.soju_bottle.sources.0"
    assert problem.message == "there is no source 'deposti'"


def test_a_word_of_another_item_is_refused_unless_it_is_shared(data: Path) -> None:
    edit(data / "items/lamp.yaml", "[폐형광등,", "[페트병,")
    assert problem_of(data).message == "the word '페트병' already belongs to 'clear_pet_bottle'"


def test_a_missing_class_is_named(data: Path) -> None:
    edit(data / "categories.yaml", "  bulky:", "  bulk:")
    assert problem_of(data).file == "categories.yaml"


def test_a_kind_outside_the_recyclables_is_refused(data: Path) -> None:
    edit(data / "items/food.yaml", "class: food", "class: food\nkind: paper")
    assert problem_of(data) == Problem("items/food.yaml", 2, "kind", "is needed by recyclables and by nothing else")


def test_a_missing_file_is_named(data: Path) -> None:
    (data / "sources.yaml").unlink()
    assert problem_of(data).file == "sources.yaml"


def test_every_fault_of_shape_is_told_at_once(data: Path) -> None:
    edit(data / "items/film.yaml", "first:", "frist:")
    edit(data / "items/eps.yaml", "first:", "frist:")
    with pytest.raises(KnowledgeError) as caught:
        load(data)
    assert {problem.file for problem in caught.value.problems} == {"items/film.yaml", "items/eps.yaml"}


def test_the_error_reads_as_file_line_field_and_message() -> None:
    error = KnowledgeError([Problem("items/film.yaml", 7, "items.a.name", "is wrong")])
    assert str(error) == "items/film.yaml:7: items.a.name: is wrong"
