"""The main job: a photo in, an answer out, through RabbitMQ, PostgreSQL, Redis, S3 and both workers."""

import io

import httpx
import pytest
from PIL import Image

from tests.e2e.scans import SCANS, answer, follow, send
from tests.stack import TestStack, eventually


def test_a_photo_of_a_cup_is_recognised_and_its_disposal_explained(client: httpx.Client, coffee: bytes) -> None:
    scan = answer(client, coffee)

    assert scan["status"] == "completed"
    assert scan["result"]["item_id"] == "ceramic_cup"
    assert scan["result"]["confidence"] > 0.8
    assert (scan["result"]["provider"], scan["result"]["model"]) == ("local", "efficientnet-lite0")
    assert scan["result"]["major"] == "non_combustible"
    assert scan["result"]["disposal"]["steps"]
    assert "도자기" in scan["result"]["answer"]


def test_the_stages_are_told_in_order_and_once(client: httpx.Client, coffee: bytes) -> None:
    scan_id = send(client, coffee).json()["scan_id"]

    events = follow(client, scan_id)

    told = [(event.event, event.json()["stage"], event.json()["percent"]) for event in events]
    assert told == [
        ("stage", "queued", 0),
        ("stage", "stored", 10),
        ("stage", "vision", 40),
        ("stage", "rules", 55),
        ("stage", "answer", 90),
        ("completed", "done", 100),
    ]
    assert [event.id for event in events] == ["0-1", "10-0", "40-0", "55-0", "90-0", "100-0"]


def test_a_listener_that_was_cut_off_resumes_after_its_last_event(client: httpx.Client, coffee: bytes) -> None:
    scan_id = answer(client, coffee)["scan_id"]

    events = follow(client, scan_id, last_id="40-0")

    assert [event.id for event in events] == ["55-0", "90-0", "100-0"]


def test_the_stored_picture_comes_back_upright_and_without_its_metadata(client: httpx.Client, coffee: bytes) -> None:
    sideways = Image.open(io.BytesIO(coffee))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    exif[0x010F] = "Secret Camera"
    upload = io.BytesIO()
    sideways.save(upload, "JPEG", exif=exif)

    scan = answer(client, upload.getvalue())
    picture = client.get(scan["image"]["url"])

    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.headers["cache-control"] == "public, max-age=604800, immutable"
    stored = Image.open(io.BytesIO(picture.content))
    assert stored.size == (sideways.height, sideways.width) == (scan["image"]["width"], scan["image"]["height"])
    assert not stored.getexif()
    assert b"Secret Camera" not in picture.content


def test_a_large_photo_is_scaled_down(client: httpx.Client, coffee: bytes) -> None:
    large = Image.open(io.BytesIO(coffee)).resize((4500, 3000))
    upload = io.BytesIO()
    large.save(upload, "JPEG", quality=60)

    scan = answer(client, upload.getvalue())

    assert (scan["image"]["width"], scan["image"]["height"]) == (2048, 1365)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_other_kinds_of_pictures_are_taken_too(client: httpx.Client, coffee: bytes, form: str) -> None:
    upload = io.BytesIO()
    Image.open(io.BytesIO(coffee)).convert("RGBA").save(upload, form)

    accepted = send(client, upload.getvalue(), f"image/{form.lower()}")
    scan = follow(client, accepted.json()["scan_id"])[-1].json()

    assert scan["result"]["item_id"] == "ceramic_cup"


def test_what_the_model_does_not_know_is_an_honest_dont_know(client: httpx.Client) -> None:
    upload = io.BytesIO()
    Image.effect_noise((400, 300), 90).convert("RGB").save(upload, "JPEG")

    scan = answer(client, upload.getvalue())

    assert scan["status"] == "completed"
    assert scan["result"]["item_id"] is None
    assert scan["result"]["disposal"] is None
    assert len(scan["result"]["guesses"]) == 3


def test_a_scan_is_read_while_it_runs_and_when_it_is_done(client: httpx.Client, coffee: bytes) -> None:
    accepted = send(client, coffee)
    at = accepted.headers["location"]

    first = client.get(at)
    assert first.status_code in (200, 202)
    if first.status_code == 202:
        assert first.headers["retry-after"] == "1"
    done = eventually(lambda: (again := client.get(at)).status_code == 200 and again)

    assert done.json()["status"] == "completed"


def test_the_same_idempotency_key_opens_one_scan(client: httpx.Client, stack: TestStack, coffee: bytes) -> None:
    first = send(client, coffee, **{"Idempotency-Key": "once-only"})
    again = send(client, coffee, **{"Idempotency-Key": "once-only"})

    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    assert stack.sql("SELECT count(*) FROM waste.scans WHERE idempotency_key = 'once-only'") == [(1,)]


def test_a_key_that_comes_with_another_photo_is_refused(client: httpx.Client, coffee: bytes) -> None:
    send(client, coffee, **{"Idempotency-Key": "mine"})
    other = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(other, "PNG")

    refused = send(client, other.getvalue(), "image/png", **{"Idempotency-Key": "mine"})

    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")


def test_both_tasks_of_a_scan_reach_postgresql(client: httpx.Client, stack: TestStack, coffee: bytes) -> None:
    scan_id = answer(client, coffee)["scan_id"]

    rows = eventually(
        lambda: (
            len(
                found := stack.sql(
                    "SELECT task_type, state, attempt, worker FROM tasks.task_results WHERE task_id LIKE %s ORDER BY 1",
                    f"{scan_id}.%",
                )
            )
            == 2
            and found
        )
    )

    assert rows == [("image.store", "completed", 1, "storage"), ("scan.classify", "completed", 1, "ai")]


def test_a_signed_in_users_scan_is_theirs_alone_and_earns_its_points_once(client: httpx.Client, coffee: bytes) -> None:
    def sign_in(email: str) -> dict[str, str]:
        client.post("/api/auth/register", json={"email": email, "password": "long enough 1", "name": "Eco"})
        tokens = client.post("/api/auth/login", json={"email": email, "password": "long enough 1"}).json()
        return {"Authorization": f"Bearer {tokens['access_token']}"}

    mine, theirs = sign_in("mine@example.org"), sign_in("theirs@example.org")
    at = send(client, coffee, **mine).headers["location"]
    eventually(lambda: client.get(at, headers=mine).status_code == 200)

    assert client.get(at, headers=theirs).status_code == 404
    assert client.get(at).status_code == 404
    assert client.get(f"{at}/events", headers=theirs).status_code == 404
    history = eventually(lambda: client.get("/api/user/me/history", headers=mine).json()["activities"])
    assert [entry["scan_id"] for entry in history] == [at.rpartition("/")[2]]


def test_an_unknown_scan_is_not_found(client: httpx.Client) -> None:
    for scan_id in ("01a204d0-ba3f-71bd-b5da-28804123131d", "nonsense", "%00", "..%2f.."):
        refused = client.get(f"{SCANS}/{scan_id}")
        assert refused.status_code == 404, scan_id
        assert refused.headers["content-type"] == "application/problem+json"
