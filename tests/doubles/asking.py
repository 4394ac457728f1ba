"""What the double's tests ask, and the real client that asks it."""

from typing import Any

from openai import OpenAI

from .openai_server import OpenAIServer

VERDICT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "item": {"type": "string", "enum": ["mug", "bottle", "unknown"]},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "marks": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["item", "confidence", "marks"],
    "additionalProperties": False,
}


def strict(schema: dict[str, Any], name: str = "verdict") -> dict[str, Any]:
    """The `text` parameter that asks for this schema."""
    return {"format": {"type": "json_schema", "name": name, "schema": schema, "strict": True}}


def connect(server: OpenAIServer, **options: Any) -> OpenAI:
    return OpenAI(base_url=server.base_url, **{"api_key": server.api_key, "max_retries": 0, "timeout": 10, **options})


def looking_at(url: str, detail: str = "low") -> list[dict[str, Any]]:
    """An input for the Responses endpoint: a question and an image."""
    parts = [
        {"type": "input_text", "text": "what is this?"},
        {"type": "input_image", "image_url": url, "detail": detail},
    ]
    return [{"role": "user", "content": parts}]
