"""What is asked of a vision model, and what of its reply is believed."""

import base64
import io
import json
from typing import Any

import pytest
from PIL import Image

from services.recycle.knowledge import knowledge
from tests.doubles.openai_server import OpenAIServer
from tests.workers.ai.remote.conftest import Far
from tests.workers.ai.remote.replies import sees, thing
from workers.ai.local.photo import PhotoUnreadable
from workers.ai.openai.vision import SYSTEM, schema


def test_an_item_with_its_situations_and_confidence_is_taken(server: OpenAIServer, far: Far, photo: bytes) -> None:
    sees(server, thing(situations=["dirty"], confidence=0.87))

    seen = far().vision.recognise(photo)

    assert (seen.item_id, seen.situations, seen.confidence) == ("pizza_box", ("dirty",), 0.87)


def test_several_objects_are_told_in_the_order_of_the_model(server: OpenAIServer, far: Far, photo: bytes) -> None:
    sees(server, thing(), thing("clear_pet_bottle", name_ko="페트병", situations=["labelled"]))

    seen = far().vision.recognise(photo)

    assert seen.item_id == "pizza_box"
    assert [(other.item_id, other.situations) for other in seen.others] == [("clear_pet_bottle", ("labelled",))]


def test_the_request_asks_for_the_strict_schema_and_keeps_nothing(server: OpenAIServer, far: Far, photo: bytes) -> None:
    sees(server, thing())

    far().vision.recognise(photo)

    (request,) = server.requests
    assert request.body["text"]["format"]["strict"] is True
    assert request.body["text"]["format"]["schema"] == schema(knowledge())
    assert request.body["store"] is False
    assert request.body["instructions"] == SYSTEM
    assert request.body["model"] == "gpt-5-mini"


def test_the_picture_is_sent_small(server: OpenAIServer, far: Far) -> None:
    sees(server, thing())
    out = io.BytesIO()
    Image.effect_noise((1600, 1200), 60).convert("RGB").save(out, "JPEG", quality=95)

    far(image_side_px=512).vision.recognise(out.getvalue())

    (image,) = server.requests[0].images
    assert (image.width, image.height) == (512, 384)
    assert image.detail == "low"


@pytest.mark.parametrize("api", ["responses", "chat"])
def test_both_protocols_are_spoken(server: OpenAIServer, far: Far, photo: bytes, api: str) -> None:
    sees(server, thing())

    seen = far(api=api).vision.recognise(photo)

    assert seen.item_id == "pizza_box"
    assert seen.usage is not None
    assert seen.usage.input > 0
    assert server.requests[0].path.endswith("responses" if api == "responses" else "chat/completions")


def test_the_organisation_is_told(server: OpenAIServer, far: Far, photo: bytes) -> None:
    sees(server, thing())

    far(organization="org-eco2").vision.recognise(photo)

    assert {k.lower(): v for k, v in server.requests[0].headers.items()}["openai-organization"] == "org-eco2"


def test_a_thing_that_is_no_item_of_ours_is_looked_up_by_its_name(server: OpenAIServer, far: Far, photo: bytes) -> None:
    sees(server, thing("other", name_ko="건전지", kind="battery"))

    assert far().vision.recognise(photo).item_id == "dry_cell"


def test_a_thing_with_no_item_and_no_name_of_ours_is_unknown(server: OpenAIServer, far: Far, photo: bytes) -> None:
    sees(server, thing("other", name_ko="우주왕복선", kind="general"))

    seen = far().vision.recognise(photo)

    assert seen.item_id is None
    assert [guess.label for guess in seen.guesses] == ["우주왕복선"]


@pytest.mark.parametrize("name", ["피자\x00 상자", "\u202e피자 상자\x1b"])
def test_a_name_loses_what_no_database_and_no_screen_can_take(
    server: OpenAIServer, far: Far, photo: bytes, name: str
) -> None:
    server.reply(json.dumps({"objects": [thing(name_ko=name)]}))

    assert far().vision.recognise(photo).guesses[0].label == "피자 상자"


def test_an_empty_list_is_an_honest_dont_know(server: OpenAIServer, far: Far, photo: bytes) -> None:
    sees(server)

    seen = far().vision.recognise(photo)

    assert (seen.item_id, seen.confidence, seen.guesses) == (None, 0.0, ())


def test_what_the_model_is_not_sure_of_is_not_named(server: OpenAIServer, far: Far, photo: bytes) -> None:
    sees(server, thing(confidence=0.3))

    seen = far().vision.recognise(photo)

    assert (seen.item_id, seen.confidence) == (None, 0.3)


def test_a_model_that_contradicts_itself_is_not_sure(server: OpenAIServer, far: Far, photo: bytes) -> None:
    """A pizza box that is a glass bottle: one of the two is wrong."""
    sees(server, thing(kind="glass_bottle", confidence=0.99))

    assert far().vision.recognise(photo).confidence == 0.5


def test_at_most_five_things_are_taken(server: OpenAIServer, far: Far, photo: bytes) -> None:
    sees(server, *[thing() for _ in range(9)])

    assert len(far().vision.recognise(photo).others) == 4


def test_what_was_used_and_its_price_are_counted(server: OpenAIServer, far: Far, photo: bytes) -> None:
    prices: dict[str, Any] = {}
    sees(server, thing())

    usage = far(**prices).vision.recognise(photo).usage

    assert usage is not None
    expected = ((usage.input - usage.cached) * 0.25 + usage.cached * 0.025 + usage.output * 2) / 1e6 * 1450
    assert usage.won == pytest.approx(expected)
    assert usage.won > 0


def test_what_is_no_photo_is_not_sent(server: OpenAIServer, far: Far) -> None:
    with pytest.raises(PhotoUnreadable):
        far().vision.recognise(b"no photo")

    assert server.requests == []


def test_the_picture_in_the_data_url_is_a_jpeg(photo: bytes) -> None:
    from workers.ai.openai.photo import data_url

    head, _, body = data_url(photo, side_px=256).partition(",")

    assert head == "data:image/jpeg;base64"
    assert max(Image.open(io.BytesIO(base64.b64decode(body))).size) == 256
