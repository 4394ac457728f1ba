"""Which parameters a family of models takes. The service refuses what is refused here, and more."""

import re

from .openai_errors import ApiError
from .openai_requests import ModelRequest

_REASONING = re.compile(r"(o\d|gpt-5|gpt-[6-9])(?!.*-chat)")
_SECOND_GPT5 = re.compile(r"gpt-5\.\d|gpt-[6-9]")


def reasons(model: str) -> bool:
    """Whether the model thinks before it answers: the o series and GPT-5 on, but not their chat variants."""
    return _REASONING.match(model) is not None


def _efforts(model: str) -> tuple[str, ...]:
    if _SECOND_GPT5.match(model):
        return ("none", "low", "medium", "high", "xhigh", "max")
    return ("minimal", "low", "medium", "high") if model.startswith("gpt-5") else ("low", "medium", "high")


def _unsupported(param: str, instead: str = "") -> ApiError:
    # Seen from the Responses endpoint with `code` null; Chat Completions gives the code.
    return ApiError(f"Unsupported parameter: '{param}' is not supported with this model.{instead}", param)


def _unsupported_value(param: str, value: object, supported: str) -> ApiError:
    message = f"Unsupported value: '{param}' does not support {value!r} with this model. Supported: {supported}."
    return ApiError(message, param, "unsupported_value")


def check_model_rules(request: ModelRequest) -> None:
    """Raise ApiError for a parameter that the request's model does not take."""
    body, chat = request.body, request.endpoint == "chat"
    effort_param = "reasoning_effort" if chat else "reasoning.effort"
    if not reasons(request.model):
        if request.effort is not None:
            raise _unsupported(effort_param)
        if request.verbosity not in (None, "medium"):
            raise _unsupported_value("verbosity" if chat else "text.verbosity", request.verbosity, "'medium'")
        return
    if request.effort is not None and request.effort not in _efforts(request.model):
        raise _unsupported_value(effort_param, request.effort, ", ".join(map(repr, _efforts(request.model))))
    if chat and body.get("max_tokens") is not None:
        error = _unsupported("max_tokens", " Use 'max_completion_tokens' instead.")
        error.code = "unsupported_parameter"
        raise error
    if request.effort == "none":
        return  # from GPT-5.1 on, a model that does not reason may be sampled
    for param in ("temperature", "top_p", "presence_penalty", "frequency_penalty"):
        value = body.get(param)
        if value is None:
            continue
        if not chat:
            raise _unsupported(param)
        default = 1 if param in ("temperature", "top_p") else 0
        if value != default:
            raise _unsupported_value(param, value, f"only the default ({default})")
