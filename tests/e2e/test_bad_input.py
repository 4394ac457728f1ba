"""What is no photo, or comes in a wrong way, is refused with a clear problem, and nothing is queued or stored."""

import io
import sqlite3
import struct
import zlib
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image

from tests.e2e.scans import SCANS, send
from tests.stack import TestStack


def png(width: int, height: int) -> bytes:
    """A PNG whose header claims these sides, with next to no data behind it."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def picture(form: str, size: tuple[int, int] = (64, 64)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "green").save(file, form)
    return file.getvalue()


def kept(stack: TestStack) -> tuple[int, int]:
    """How many scans the database has, and how many tasks the storage worker ever got."""
    ((scans,),) = stack.sql("SELECT count(*) FROM waste.scans")
    with sqlite3.connect(f"file:{stack.home}/state/storage.db?mode=ro", uri=True) as journal:
        ((tasks,),) = journal.execute("SELECT count(*) FROM task").fetchall()
    return scans, tasks


@pytest.fixture(autouse=True)
def nothing_is_kept(stack: TestStack) -> Iterator[None]:
    """Each of these tests must leave no scan and no task behind."""
    before = kept(stack)
    yield
    assert kept(stack) == before


def refused(response: httpx.Response, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["code"] == code
    assert problem["status"] == status
    assert set(problem) >= {"type", "title", "status", "detail", "instance", "code", "trace_id"}


@pytest.mark.parametrize(
    ("upload", "content_type", "status", "code"),
    [
        (b"this is no image", "image/jpeg", 415, "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", 415, "not_an_image"),
        (b"%PDF-1.7\n", "image/png", 415, "not_an_image"),
        (b"", "image/jpeg", 400, "image_empty"),
        (picture("PNG"), "image/jpeg", 415, "image_type_mismatch"),
        (picture("GIF"), "image/gif", 415, "image_type_unsupported"),
        (picture("GIF"), "image/jpeg", 415, "image_type_unsupported"),
        (picture("PNG", (1, 1)), "image/png", 422, "image_too_small"),
        (picture("PNG", (5000, 2)), "image/png", 422, "image_too_small"),
        (png(50_000, 50_000), "image/png", 422, "image_too_many_pixels"),
        (png(2_000_000_000, 2_000_000_000), "image/png", 422, "image_too_many_pixels"),
        (png(4000, 4000), "image/png", 422, "image_damaged"),
    ],
)
def test_what_is_no_photo_is_refused(
    client: httpx.Client, upload: bytes, content_type: str, status: int, code: str
) -> None:
    refused(send(client, upload, content_type), status, code)


def test_a_photo_that_was_cut_off_is_refused(client: httpx.Client, coffee: bytes) -> None:
    refused(send(client, coffee[: len(coffee) // 2]), 422, "image_damaged")
    refused(send(client, picture("PNG", (800, 600))[:60], "image/png"), 422, "image_damaged")


def test_a_photo_of_over_ten_megabytes_is_refused(client: httpx.Client, coffee: bytes) -> None:
    limit = 10 * 1024 * 1024

    refused(send(client, coffee + bytes(limit + 1 - len(coffee))), 413, "image_too_large")
    refused(send(client, coffee + bytes(2 * limit)), 413, "image_too_large")


def test_a_body_that_is_no_form_is_refused(client: httpx.Client, coffee: bytes) -> None:
    raw = client.post(SCANS, content=coffee, headers={"Content-Type": "image/jpeg"})
    json = client.post(SCANS, json={"image": "…"})

    refused(raw, 415, "content_type_unsupported")
    refused(json, 422, "invalid_arguments")


def test_a_form_without_the_file_is_refused(client: httpx.Client, coffee: bytes) -> None:
    refused(client.post(SCANS, files={"photo": ("x.jpg", coffee, "image/jpeg")}), 400, "field_missing")
    refused(client.post(SCANS, data={"image": "text"}, files={"other": b"x"}), 400, "field_missing")


def test_a_form_that_ends_early_is_refused(client: httpx.Client) -> None:
    broken = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\nhalf'
    sent = client.post(SCANS, content=broken, headers={"Content-Type": "multipart/form-data; boundary=x"})

    assert 400 <= sent.status_code < 500
    assert sent.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("key", ["", "a" * 256, "tab\tinside", "two words"])
def test_a_broken_idempotency_key_is_refused(client: httpx.Client, coffee: bytes, key: str) -> None:
    refused(send(client, coffee, **{"Idempotency-Key": key}), 400, "idempotency_key_invalid")


def test_an_unknown_language_is_refused(client: httpx.Client, coffee: bytes) -> None:
    sent = client.post(SCANS, files={"image": ("x.jpg", coffee, "image/jpeg")}, data={"language": "xx"})

    refused(sent, 422, "invalid_arguments")


@pytest.mark.parametrize("header", ["nonsense", "Bearer", "Bearer a.b.c", "Basic dTpw"])
def test_a_forged_token_is_refused(client: httpx.Client, coffee: bytes, header: str) -> None:
    sent = send(client, coffee, Authorization=header)

    refused(sent, 401, "token_invalid")
    assert sent.headers["www-authenticate"] == "Bearer"


def test_an_unknown_address_or_method_is_refused(client: httpx.Client) -> None:
    refused(client.get("/api/nowhere"), 404, "route_not_found")
    wrong_method = client.delete(SCANS)
    refused(wrong_method, 405, "method_not_allowed")
    assert wrong_method.headers["allow"] == "GET, HEAD, POST"
