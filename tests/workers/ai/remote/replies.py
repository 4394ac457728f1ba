"""What a well-behaved model replies."""

from typing import Any

from tests.doubles.openai_server import ModelRequest, OpenAIServer, has_image


def thing(item: str = "pizza_box", **more: Any) -> dict[str, Any]:
    kind = {"pizza_box": "paper", "clear_pet_bottle": "clear_pet"}.get(item, "paper")
    return {"item": item, "name_ko": "피자 박스", "kind": kind, "situations": [], "confidence": 0.9, **more}


def sees(server: OpenAIServer, *things: dict[str, Any], times: int | None = None) -> None:
    server.reply({"objects": list(things)}, when=has_image, times=times)


def no_image(request: ModelRequest) -> bool:
    return not has_image(request)


def says(server: OpenAIServer, place: str, text: str, times: int | None = None) -> None:
    server.reply({"place": place, "text": text}, when=no_image, times=times)
