"""A fault in the topics or regions is told by file, line and field."""

import shutil
from pathlib import Path

import pytest

from services.recycle.knowledge import DATA, KnowledgeError, Problem, load

SEOUL = "regions/seoul.yaml"
GANGSEO = "film: &gangseo_slot\n        "


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


FAULTS = [
    # file, what stands there, what is put there instead, field, message
    (SEOUL, "    phone: 02-120", "    fone: 02-120", "regions.seoul.fone", "Extra inputs are not permitted"),
    (SEOUL, "phone: 02-120", "phone: call us", "regions.seoul.phone", "should match pattern"),
    (SEOUL, "site: https://www.seoul", "site: www.seoul", "regions.seoul.site", "should match pattern"),
    (SEOUL, "days: [thu]", "days: [thursday]", "regions.seoul_jung.collection.film.days.0", "Input should be 'mon'"),
    (SEOUL, f"{GANGSEO}days: [thu, fri]", f"{GANGSEO}days: [fri, thu]",
     "regions.seoul_gangseo.collection.film", "order of the week"),
    (SEOUL, f"{GANGSEO}days: [thu, fri]", f"{GANGSEO}from: '20:00'",
     "regions.seoul_gangseo.collection.film", "need both from and until"),
    (SEOUL, "days: [thu, fri]", "from: '25:00'", "regions.seoul_gangseo.collection.film.from", "match pattern"),
    (SEOUL, "        days: [thu, fri]\n", "", "regions.seoul_gangseo.collection.film", "neither when nor where"),
    (SEOUL, "film: &thursday_slot", "flim: &thursday_slot", "regions.seoul_jung.collection.flim", "'recyclable'"),
    ("regions/sejong.yaml", "sources: [sejong_ordinance]", "sources: [gossip]",
     "regions.sejong.collection.general.sources.0", "no source 'gossip'"),
    (SEOUL, "{ko: 종로구, en: Jongno-gu}", "{ko: 종로구}", "regions.seoul_jongno.name.en", "Field required"),
    (SEOUL, "  seoul_jongno:", "  Jongno-gu:", "regions.Jongno-gu", "should match pattern"),
    (SEOUL, "  seoul_jongno:", "  seoul:", "regions.seoul", "is said twice"),
    (SEOUL, "parent: seoul", "parent: seoull", "regions.seoul_jongno.parent", "there is no region 'seoull'"),
    (SEOUL, "as_of: 2024", "as_of: soon", "regions.seoul.changes.1.as_of", "valid integer"),
    (SEOUL, "as_of: 2024", "as_of: 1066", "regions.seoul.changes.1.as_of", "greater than or equal to 1995"),
    (SEOUL, "        as_of: 2022\n", "", "regions.seoul.changes.0.as_of", "Field required"),
    (SEOUL, "sources: [seoul_film]", "sources: []", "regions.seoul.changes.1.sources", "at least 1 item"),
    (SEOUL, "        sources: [seoul_film]\n", "", "regions.seoul.changes.1.sources", "Field required"),
    (SEOUL, "sources: [seoul_film]", "sources: [gossip]", "regions.seoul.changes.1.sources.0", "no source 'gossip'"),
    (SEOUL, "of: [onion_net,", "of: [onoin_net,", "regions.seoul.changes.1.of.0", "no item, kind or class"),
    (SEOUL, "of: [clear_pet, film]", "of: []", "regions.seoul.changes.0.of", "at least 1 item"),
    (SEOUL, "to: film", "to: flim", "regions.seoul.changes.1.to", "'flim' is no kind or class"),
    (SEOUL, "to: film", "to: recyclable", "regions.seoul.changes.1.to", "'recyclable' is no kind or class"),
    (SEOUL, "situation: dirty", "situation: drity", "regions.seoul.changes.3.situation", "no situation 'drity'"),
    (SEOUL, "of: [clear_pet, film]", "of: [film, film]", "regions.seoul.changes.0.of", "'film' has this rule already"),
    (SEOUL, "settles: [collection_days]", "settles: [days]", "regions.seoul_jung.changes.0.settles.0",
     "there is no topic 'days'"),
    (SEOUL, "unknown: [collection_days,", "unknown: [days,", "regions.seoul.unknown.0", "there is no topic 'days'"),
    (SEOUL, "name: {ko: 중구, en: Jung-gu}", "name: {ko: 종로구, en: Jung-gu}", "regions.seoul_jung.name",
     "the name '종로구' already belongs to 'seoul_jongno'"),
    (SEOUL, "거둬요, en:", "거둬요., en:", "regions.seoul.changes.0.why.ko", "one phrase without a full stop"),
    ("regions/ulsan.yaml", "  ulsan_jung:", "  daegu_jung:", "regions.daegu_jung", "is also in regions/daegu.yaml"),
    ("regions/sejong.yaml", "regions:", "region:", "region", "Extra inputs are not permitted"),
    ("topics.yaml", "of: [bulky]", "of: [bulk]", "topics.bulky_fees.of.0", "'bulk' is no item, kind or class"),
    ("topics.yaml", "    of: [bulky]\n", "", "topics.bulky_fees.of", "Field required"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "field", "message"), FAULTS)
def test_a_fault_is_told_by_file_line_and_field(
    data: Path, file: str, old: str, new: str, field: str, message: str
) -> None:
    text = (data / file).read_text(encoding="utf-8")
    assert old in text
    (data / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(KnowledgeError) as caught:
        load(data)
    problem = next(problem for problem in caught.value.problems if problem.field == field)
    assert problem.file == file
    assert message in problem.message
    line = text[: text.index(old)].count("\n") + 1
    # what is missing is told where its parent stands
    assert problem.line == line if new else problem.line < line


def test_a_district_of_a_district_is_refused(data: Path) -> None:
    file = data / "regions/seoul.yaml"
    text = file.read_text(encoding="utf-8")
    jung = text.index("  seoul_jung:")
    file.write_text(text[:jung] + text[jung:].replace("parent: seoul", "parent: seoul_jongno", 1), encoding="utf-8")
    with pytest.raises(KnowledgeError) as caught:
        load(data)
    message = "'seoul_jongno' is itself a part of 'seoul'"
    line = text[:jung].count("\n") + 2
    assert Problem("regions/seoul.yaml", line, "regions.seoul_jung.parent", message) in caught.value.problems


def test_a_city_with_nobody_to_ask_is_refused(data: Path) -> None:
    file = data / "regions/sejong.yaml"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if "site:" not in line and "phone:" not in line), encoding="utf-8")
    with pytest.raises(KnowledgeError) as caught:
        load(data)
    assert caught.value.problems[0].field == "regions.sejong"
    assert caught.value.problems[0].message == "names nobody to ask: give a site or a phone"


def test_a_city_that_hides_what_it_does_not_know_is_refused(data: Path) -> None:
    file = data / "regions/sejong.yaml"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if "unknown:" not in line), encoding="utf-8")
    with pytest.raises(KnowledgeError) as caught:
        load(data)
    assert [problem.message for problem in caught.value.problems] == ["does not say what is unknown"]


def test_missing_topics_are_named(data: Path) -> None:
    (data / "topics.yaml").unlink()
    with pytest.raises(KnowledgeError) as caught:
        load(data)
    assert caught.value.problems[0].file == "topics.yaml"
