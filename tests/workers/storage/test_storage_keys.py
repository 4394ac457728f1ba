"""Keys of pictures: a task's own, and the only ones that may be deleted."""

import uuid

import pytest

from workers.storage.images import image_key, is_upload, may_be_deleted

TASK = "01920000-0000-7000-8000-000000000001.store"


def test_the_same_task_has_the_same_key() -> None:
    assert image_key(TASK, b"photo", "image/jpeg") == image_key(TASK, b"photo", "image/jpeg")


def test_two_tasks_of_one_photo_share_no_object() -> None:
    other = "01920000-0000-7000-8000-000000000002.store"

    assert image_key(TASK, b"photo", "image/jpeg") != image_key(other, b"photo", "image/jpeg")


def test_where_the_id_ends_and_the_photo_begins_counts() -> None:
    assert image_key("ab", b"c", "image/jpeg") != image_key("a", b"bc", "image/jpeg")


def test_a_users_picture_stands_elsewhere() -> None:
    assert image_key(TASK, b"photo", "image/png").startswith("scans/")
    assert image_key(f"{uuid.uuid4()}.{uuid.uuid4()}.avatar", b"photo", "image/png").startswith("avatars/")


def test_another_type_has_no_key() -> None:
    with pytest.raises(ValueError, match="text/html"):
        image_key(TASK, b"<b>", "text/html")


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "image/webp"])
@pytest.mark.parametrize("task_id", [TASK, f"{uuid.uuid4()}.{uuid.uuid4()}.avatar"])
def test_every_key_that_is_given_may_be_deleted(task_id: str, content_type: str) -> None:
    assert may_be_deleted(image_key(task_id, b"photo", content_type))


def test_an_upload_may_be_deleted() -> None:
    assert may_be_deleted(key := f"uploads/{uuid.uuid4()}")
    assert is_upload(key)


@pytest.mark.parametrize(
    "key",
    [
        None,
        7,
        "",
        "scans/",
        "scans/ab/cd.jpg",
        f"scans/ab/cd{'0' * 62}.jpg",  # not in the folder of its first digits
        f"scans/ab/ab{'0' * 62}.gif",
        f"scans/ab/ab{'0' * 62}.jpg\n",
        f"scans/../scans/ab/ab{'0' * 62}.jpg",
        f"private/ab/ab{'0' * 62}.jpg",
        f"scans/AB/AB{'0' * 62}.jpg",
        "uploads/1",
        f"uploads/{uuid.uuid4()}/x",
        f"uploads/{uuid.uuid4()}".upper(),
        ".ready",
    ],
)
def test_nothing_else_may_be_deleted(key: object) -> None:
    assert not may_be_deleted(key)
