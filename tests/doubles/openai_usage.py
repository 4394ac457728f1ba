"""Token counts, approximately: four characters a token, images by `ImageInput.tokens`. Not for billing.

Korean text really costs more than a token for four characters; what is right here is that counts grow with the
request, add up, and stay the same for the same request.
"""

import json
import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from .openai_models import reasons
from .openai_requests import ModelRequest

CHARACTERS_PER_TOKEN = 4
_CACHE_FROM_TOKENS, _CACHE_STEP_TOKENS = 1024, 128
_REASONING_TOKENS = {"none": 0, "minimal": 0, "low": 64, "medium": 192, "high": 512, "xhigh": 1024, "max": 2048}


def text_tokens(text: str) -> int:
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


@dataclass(frozen=True)
class Usage:
    """Tokens of one request; `cached` is part of `input`, `reasoning` part of `output`."""

    input: int
    cached: int
    output: int
    reasoning: int

    def as_responses(self) -> dict[str, Any]:
        return {
            "input_tokens": self.input,
            "input_tokens_details": {"cached_tokens": self.cached, "cache_write_tokens": 0},
            "output_tokens": self.output,
            "output_tokens_details": {"reasoning_tokens": self.reasoning},
            "total_tokens": self.input + self.output,
        }

    def as_chat(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.input,
            "prompt_tokens_details": {"cached_tokens": self.cached, "audio_tokens": 0},
            "completion_tokens": self.output,
            "completion_tokens_details": {
                "reasoning_tokens": self.reasoning,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
            "total_tokens": self.input + self.output,
        }


def reasoning_tokens(request: ModelRequest) -> int:
    return _REASONING_TOKENS[request.effort or "medium"] if reasons(request.model) else 0


class PromptCache:
    """Remembers the last prompts of each model: what begins as one of them did, counts as cached."""

    def __init__(self, size: int = 16) -> None:
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._size = size

    def count(self, request: ModelRequest) -> tuple[int, int]:
        """Input tokens of the request, and how many of them were cached."""
        # The format stands before the text, as in the real prompt: it is the part that seldom changes.
        prompt = json.dumps(request.format, ensure_ascii=False) + request.text
        tokens = text_tokens(prompt) + sum(image.tokens for image in request.images)
        longest = max((_common(prompt, seen) for model, seen in self._seen if model == request.model), default=0)
        self._seen[request.model, prompt] = None
        self._seen.move_to_end((request.model, prompt))
        if len(self._seen) > self._size:
            self._seen.popitem(last=False)
        cached = longest // CHARACTERS_PER_TOKEN // _CACHE_STEP_TOKENS * _CACHE_STEP_TOKENS
        return tokens, cached if cached >= _CACHE_FROM_TOKENS else 0


def _common(one: str, other: str) -> int:
    """Length in characters of what two texts begin with alike."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one.startswith(other[:middle]) else (low, middle - 1)
    return low
