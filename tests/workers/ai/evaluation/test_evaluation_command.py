"""The command as a whole: on the photos that the repository ships, and with every fault that a person can make."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.workers.ai.evaluation.scripted import EVALUATION, Scripted, Write, said
from workers.ai.evaluation.command import CONFUSION, RELIABILITY, RESULT, evaluate

Captured = pytest.CaptureFixture[str]


def test_the_local_provider_on_the_shipped_photos(tmp_path: Path, capsys: Captured) -> None:
    """The floors are the figures of 23 November 2026 less two photos: 16/28, 18/28, 16/19 and 10/11."""
    assert evaluate(EVALUATION, json_=True, output=tmp_path / "made") == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((tmp_path / "made" / RESULT).read_text(encoding="utf-8"))
    assert (told["top1"]["of"], told["refused"]["of"]) == (28, 11)
    assert told["top1"]["right"] >= 14
    assert told["same_class"]["right"] >= 16
    assert told["right_when_answered"]["share"] >= 14 / 19
    assert told["refused"]["right"] >= 8
    assert 0 < told["latency_s"]["p50"] <= told["latency_s"]["p95"]
    assert told["cost"] == {"tokens": None, "won": None}


def test_the_report_agrees_with_its_own_answers(capsys: Captured) -> None:
    evaluate(EVALUATION, json_=True)
    told = json.loads(capsys.readouterr().out)
    answers = told["answers"]
    named = [answer for answer in answers if answer["answer"]]
    empty = [answer for answer in answers if answer["truth"] is None]
    assert told["photos"] == len(answers) == sum(cell["photos"] for cell in told["confusion"])
    assert told["refused"]["right"] == sum(answer["answer"] is None for answer in empty)
    assert told["right_when_answered"]["right"] == sum(answer["right"] for answer in named)
    assert told["top1"]["right"] <= told["top3"]["right"]
    assert sum(found["top1"]["of"] for found in told["classes"].values()) == told["top1"]["of"]
    assert sum(bin_["of"] for bin_ in told["calibration"]["bins"]) == len(named)
    assert all(answer["confidence"] >= 0.5 for answer in named)


def test_the_tables_and_the_pictures(write: Write, tmp_path: Path, capsys: Captured) -> None:
    folder = write("a.jpg,ball,,", "b.jpg,,,")
    vision = Scripted(said("ball", 0.8), said("ball", 0.8), said(None, 0.1))
    assert evaluate(folder, output=tmp_path / "made", named=lambda name: vision) == 0
    out = capsys.readouterr().out
    for words in ("scripted/by-hand on 2 photos", "1/1 = 100% [21-100]", "not told by the provider", "general"):
        assert words in out
    for name in (CONFUSION, RELIABILITY):
        with Image.open(tmp_path / "made" / name) as picture:
            assert min(picture.size) > 300


def test_without_an_output_nothing_is_written(write: Write, capsys: Captured) -> None:
    folder = write("a.jpg,ball,,")
    before = sorted(folder.iterdir())
    assert evaluate(folder, named=lambda name: Scripted(said("ball"), said("ball"))) == 0
    assert sorted(folder.iterdir()) == before
    assert "written" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a.jpg,bal,,", "no item 'bal'"),
        ("c.jpg,ball,,", "there is no file c.jpg"),
        ("a.jpg,ball,dusty,", "no situation 'dusty'"),
    ],
)
def test_a_fault_in_the_labels_ends_with_2_and_its_line_on_stderr(
    write: Write, line: str, words: str, capsys: Captured
) -> None:
    assert evaluate(write(line)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "labels.csv:2: " in err
    assert words in err


def test_a_folder_that_is_none_ends_with_2(tmp_path: Path, capsys: Captured) -> None:
    assert evaluate(tmp_path / "[none]") == 2
    assert f"{tmp_path}/[none] is no folder" in capsys.readouterr().err


def test_a_photo_that_is_none_ends_with_2(write: Write, capsys: Captured) -> None:
    folder = write("a.jpg,ball,,")
    (folder / "a.jpg").write_bytes(b"no photo")
    assert evaluate(folder) == 2
    assert "a.jpg: the photo cannot be decoded" in capsys.readouterr().err


def test_an_unknown_provider_ends_with_2(write: Write, capsys: Captured) -> None:
    assert evaluate(write("a.jpg,ball,,"), provider="oracle") == 2
    assert "there is no provider 'oracle'" in capsys.readouterr().err


def test_an_output_that_cannot_be_made_ends_with_2_before_any_work(write: Write, capsys: Captured) -> None:
    folder = write("a.jpg,ball,,")
    vision = Scripted()
    assert evaluate(folder, output=folder / "a.jpg" / "made", named=lambda name: vision) == 2
    assert vision.asked == 0
    assert "--output" in capsys.readouterr().err
