"""The fear: a slip in the labels that makes a good provider look bad, or a bad one good."""

from pathlib import Path

import pytest

from tests.workers.ai.evaluation.scripted import Write
from workers.ai.evaluation.labels import LABELS, EvaluationError, read_labels

ITEMS, SITUATIONS = {"ball", "scissors"}, {"dirty", "broken"}


def read(folder: Path) -> tuple[str | None, ...]:
    return tuple(photo.item_id for photo in read_labels(folder, ITEMS, SITUATIONS))


def test_a_line_is_a_photo_with_its_truth(write: Write) -> None:
    folder = write("a.jpg,ball,dirty broken,a ball", 'b.jpg,,,"a field, no item"')
    ball, field = read_labels(folder, ITEMS, SITUATIONS)
    assert (ball.path, ball.item_id, ball.situations) == (folder / "a.jpg", "ball", ("dirty", "broken"))
    assert (field.item_id, field.situations, field.note) == (None, (), "a field, no item")


def test_spaces_around_a_value_and_a_byte_order_mark_do_no_harm(write: Write) -> None:
    folder = write("a.jpg , ball ,,")
    (folder / LABELS).write_bytes(b"\xef\xbb\xbf" + (folder / LABELS).read_bytes())
    assert read(folder) == ("ball",)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("c.jpg,ball,,", r"labels\.csv:2: there is no file c\.jpg"),
        (",ball,,", r"labels\.csv:2: no file is named"),
        ("../a.jpg,ball,,", r"labels\.csv:2: \.\./a\.jpg must lie in the folder"),
        ("/etc/hosts,ball,,", r"labels\.csv:2: /etc/hosts must lie in the folder"),
        ("a.jpg,bal,,", r"labels\.csv:2: the knowledge has no item 'bal'"),
        ("a.jpg,ball,dusty,", r"labels\.csv:2: the knowledge has no situation 'dusty'"),
        ("a.jpg,ball,", r"labels\.csv:2: a line has 4 fields"),
        ("a.jpg,ball,,red, round", r"labels\.csv:2: a line has 4 fields"),
        ('a.jpg,ball,,"red', r"labels\.csv:\d: unexpected end of data"),
    ],
)
def test_a_fault_is_named_with_its_line(write: Write, line: str, fault: str) -> None:
    with pytest.raises(EvaluationError, match=fault):
        read(write(line))


def test_all_faults_are_named_at_once(write: Write) -> None:
    with pytest.raises(EvaluationError) as caught:
        read(write("a.jpg,bal,,", "b.jpg,ball,,", "c.jpg,ball,dusty,"))
    first, second, third, advice = str(caught.value).splitlines()
    assert (":2:" in first, ":4:" in second, ":4:" in third) == (True, True, True)
    assert advice.startswith("Correct ")


def test_a_photo_with_two_lines_would_count_twice(write: Write) -> None:
    with pytest.raises(EvaluationError, match=r":3: a\.jpg has a line already"):
        read(write("a.jpg,ball,,", "a.jpg,,,"))


@pytest.mark.parametrize("head", ["file,item,situations,note", "item_id,file,situations,note", "a.jpg,ball,,"])
def test_another_head_is_refused(write: Write, head: str) -> None:
    with pytest.raises(EvaluationError, match=r":1: the head must be file,item_id,situations,note"):
        read(write("a.jpg,ball,,", head=head))


def test_a_file_without_a_photo_is_refused(write: Write) -> None:
    with pytest.raises(EvaluationError, match="names no photo"):
        read(write())


def test_a_file_that_is_not_text_is_refused(write: Write) -> None:
    folder = write()
    (folder / LABELS).write_bytes("file,item_id,situations,note\na.jpg,,,컵\n".encode("euc-kr"))
    with pytest.raises(EvaluationError, match="UTF-8"):
        read(folder)


def test_a_folder_without_labels_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"has no labels\.csv.*file,item_id,situations,note"):
        read(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="none is no folder"):
        read(tmp_path / "none")
