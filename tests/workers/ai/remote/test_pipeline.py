"""The three stages with a model, without one, and with one that fails or says too much."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageEnhance

from services.recycle.knowledge import knowledge, render, rules_for
from tests.doubles.openai_server import Fault, OpenAIServer, has_image
from tests.workers.ai.remote.conftest import Far
from tests.workers.ai.remote.replies import no_image, says, sees, thing
from workers.ai import pipeline as stages
from workers.ai.pipeline import Language, Pipeline
from workers.ai.providers import Remote

Piped = Callable[[Remote | None], Pipeline]

GOOD = "피자 박스는 일반 종량제봉투에 담아 버려요. 깨끗한 부분은 잘라서 종이류로 내놓아요."


def scan(pipeline: Pipeline, photo: bytes, language: Language = "ko", region: str | None = None) -> dict[str, Any]:
    seen = pipeline.see(photo)
    ruled = stages.rule(seen, language, region)
    return stages.result(seen, ruled, pipeline.answer(seen, language, region), language)


@pytest.fixture
def dirty_box(server: OpenAIServer) -> None:
    sees(server, thing(situations=["dirty"]))


@pytest.mark.usefixtures("dirty_box")
def test_a_photo_is_seen_ruled_and_answered(server: OpenAIServer, far: Far, pipeline: Piped, photo: bytes) -> None:
    says(server, "general", GOOD)

    result = scan(pipeline(far()), photo)

    assert (result["item_id"], result["major"], result["situations"]) == ("pizza_box", "general", ["dirty"])
    assert (result["provider"], result["model"]) == ("openai", "gpt-5-mini")
    assert result["answered_by"]["model"] == "gpt-4o-mini"
    assert result["answer"] == GOOD
    assert result["degraded"] is False
    assert result["cost_won"] > 0
    assert all(rule["citations"] for rule in result["disposal"]["rules"])


@pytest.mark.usefixtures("dirty_box")
def test_the_answer_is_asked_for_with_the_fired_rules_only(
    server: OpenAIServer, far: Far, pipeline: Piped, photo: bytes
) -> None:
    says(server, "general", GOOD)

    scan(pipeline(far()), photo)

    asked = server.requests[1].body["input"][0]["content"][0]["text"]
    ruled = rules_for("pizza_box", ["dirty"])
    assert all(step.ko in asked for step in ruled.steps)
    assert "input_image" not in str(server.requests[1].body)


UNGROUNDED = {
    "another place": ("general", "피자 박스는 종이류로 분리배출해요."),
    "another place first": ("general", "피자 박스는 종이류로 내놓거나 종량제봉투에 담아요."),
    "an added place": ("general", "종량제봉투에 담거나 음식물 쓰레기로 버려요."),
    "the wrong verdict": ("paper", GOOD),
    "a number": ("general", "종량제봉투에 담아 버려요. 봉투는 490원이에요."),
    "a telephone": ("general", "종량제봉투에 담아 버려요. 02-120에 물어봐요."),
    "a link": ("general", "종량제봉투에 담아 버려요. www.example.com 을 봐요."),
    "markup": ("general", "종량제봉투에 담아 버려요. <script>alert(일)</script>"),
    "a NUL": ("general", "종량제봉투에 담아 버려요.\x00"),
    "another language": ("general", "Put it in the waste bag."),
    "nothing": ("general", ""),
    "a flood": ("general", "종량제봉투에 담아 버려요. " * 100),
}


@pytest.mark.usefixtures("dirty_box")
@pytest.mark.parametrize("case", UNGROUNDED)
def test_an_answer_that_the_rules_do_not_give_is_replaced_by_them(
    server: OpenAIServer, far: Far, pipeline: Piped, photo: bytes, case: str
) -> None:
    says(server, *UNGROUNDED[case])

    result = scan(pipeline(far(max_attempts=1)), photo)

    assert result["answer"] == render(rules_for("pizza_box", ["dirty"]), "ko")
    assert result["answered_by"]["provider"] == "rules"
    assert result["degraded_because"] == "malformed"
    assert result["provider"] == "openai"


@pytest.mark.parametrize("language", ["ko", "en"])
def test_what_the_rules_say_themselves_is_always_grounded(language: Language) -> None:
    """For every item in every situation that changes it: the check refuses no right answer of this form."""
    whole = knowledge()
    for item in whole.items.values():
        for situation in (None, *item.situations, *whole.group(item.group_id).situations):
            disposal = rules_for(item.id, [situation] if situation else [])
            if disposal.exceptional:
                continue
            facts = stages._facts(disposal, language)
            text = (
                f"{disposal.item.name.in_(language)}: {disposal.put.in_(language)}. "
                f"{'. '.join(facts['steps'])}. {'. '.join(facts['avoid'])}. {disposal.why.in_(language)}. "
                f"{'. '.join(facts['goes_elsewhere'])}"
            )
            stages._grounding(disposal, facts, language).check(text)


def test_an_english_answer_is_given_on_request(server: OpenAIServer, far: Far, pipeline: Piped, photo: bytes) -> None:
    sees(server, thing(situations=["dirty"]))
    text = "Put the pizza box in the pay-per-use waste bag. Cut off the clean part and put it out with the paper."
    says(server, "general", text)

    assert scan(pipeline(far()), photo, "en")["answer"] == text


def test_other_things_on_the_photo_are_answered_too(
    server: OpenAIServer, far: Far, pipeline: Piped, photo: bytes
) -> None:
    sees(server, thing(situations=["dirty"]), thing("clear_pet_bottle", name_ko="페트병"))
    says(server, "general", GOOD)

    answer = scan(pipeline(far()), photo)["answer"]

    bottle = rules_for("clear_pet_bottle")
    assert answer.startswith(GOOD)
    assert f"{bottle.item.name.ko} – {bottle.put.ko}" in answer


def test_the_region_reaches_the_rules(server: OpenAIServer, far: Far, pipeline: Piped, photo: bytes) -> None:
    sees(server, thing("clear_pet_bottle", name_ko="페트병"))
    says(server, "clear_pet", "페트병은 무색 페트병으로 따로 분리배출해요.")

    result = scan(pipeline(far()), photo, region="seoul_gangnam")

    assert any(rule["region"] for rule in result["disposal"]["rules"])


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.server_error(500), "server_error"),
        (Fault.too_many_requests(60), "rate_limited"),
        (Fault.insufficient_quota(), "quota"),
        (Fault.refusal(), "refused"),
        (Fault.malformed_json(), "malformed"),
        (Fault.hang(), "timeout"),
    ],
)
def test_without_the_vision_model_the_local_one_answers_and_says_so(
    server: OpenAIServer, far: Far, pipeline: Piped, photo: bytes, fault: Fault, reason: str
) -> None:
    server.fail(fault, times=20, when=has_image)
    says(server, "general", GOOD)

    result = scan(pipeline(far(max_attempts=1, read_timeout_s=1.5 if reason == "timeout" else 30)), photo)

    assert (result["provider"], result["model"]) == ("local", "efficientnet-lite0")
    assert result["degraded"] is True
    assert result["degraded_because"] == reason
    assert result["answer"]


@pytest.mark.usefixtures("dirty_box")
def test_without_the_answer_model_the_rules_speak_for_themselves(
    server: OpenAIServer, far: Far, pipeline: Piped, photo: bytes
) -> None:
    server.fail(Fault.stream_cut(), times=20, when=no_image)

    result = scan(pipeline(far(max_attempts=2)), photo)

    assert result["answer"] == render(rules_for("pizza_box", ["dirty"]), "ko")
    assert (result["provider"], result["degraded_because"]) == ("openai", "cut")


def test_without_a_key_nothing_is_degraded(pipeline: Piped, photo: bytes) -> None:
    result = scan(pipeline(None), photo)

    assert (result["provider"], result["degraded"], result["cost_won"]) == ("local", False, 0)


def test_a_photo_of_nothing_is_a_dont_know_that_costs_no_answer(
    server: OpenAIServer, far: Far, pipeline: Piped, photo: bytes
) -> None:
    sees(server)

    result = scan(pipeline(far()), photo)

    assert (result["item_id"], result["disposal"]) == (None, None)
    assert result["answer"] == stages.UNKNOWN["ko"]
    assert len(server.requests) == 1


# The memory


def near_duplicate(photo: bytes) -> bytes:
    """Half the size, a little brighter, at another quality."""
    picture = Image.open(io.BytesIO(photo)).convert("RGB")
    out = io.BytesIO()
    small = picture.resize((picture.width // 2, picture.height // 2))
    ImageEnhance.Brightness(small).enhance(1.1).save(out, "JPEG", quality=60)
    return out.getvalue()


@pytest.mark.usefixtures("dirty_box")
def test_a_near_duplicate_is_answered_at_once_and_says_so(
    server: OpenAIServer, far: Far, pipeline: Piped, photo: bytes
) -> None:
    says(server, "general", GOOD)
    first = scan(pipeline(far()), photo)

    second = scan(pipeline(far()), near_duplicate(photo))

    assert len(server.requests) == 2
    assert second["seen_before_at"] is not None
    assert first["seen_before_at"] is None
    assert second["answered_by"]["reused"] is True
    assert (second["item_id"], second["answer"]) == (first["item_id"], first["answer"])
    assert second["cost_won"] == 0


@pytest.mark.usefixtures("dirty_box")
def test_another_photo_is_asked_about(server: OpenAIServer, far: Far, pipeline: Piped, photo: bytes) -> None:
    says(server, "general", GOOD)
    pipe = pipeline(far())
    scan(pipe, photo)
    other = io.BytesIO()
    Image.open(io.BytesIO(photo)).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(other, "JPEG")

    assert pipe.see(other.getvalue())["seen_before_at"] is None


def test_what_was_degraded_is_not_remembered(server: OpenAIServer, far: Far, pipeline: Piped, photo: bytes) -> None:
    server.fail(Fault.server_error(500), times=1, when=has_image)
    pipe = pipeline(far(max_attempts=1))
    assert pipe.see(photo)["degraded"]
    sees(server, thing())

    assert pipe.see(photo)["provider"] == "openai"


def test_a_photo_of_darkness_is_like_no_other(server: OpenAIServer, far: Far, pipeline: Piped) -> None:
    sees(server)
    pipe = pipeline(far())
    dark = io.BytesIO()
    Image.new("RGB", (600, 400), (3, 3, 3)).save(dark, "JPEG")
    pipe.see(dark.getvalue())

    assert pipe.see(dark.getvalue())["seen_before_at"] is None
    assert len(server.requests) == 2
