"""The endpoints under /v1: from a request to its answer, or to what goes wrong with it."""

import asyncio
import json
from dataclasses import replace
from typing import Any

from .openai_answers import Completion, answer
from .openai_errors import ApiError, ScriptError, no_key, unknown_model, unknown_route, wrong_key
from .openai_faults import Fault, describe
from .openai_http import Exchange
from .openai_models import check_model_rules
from .openai_outputs import example, faults_in, unknown_enum, wrong_types
from .openai_requests import Endpoint, ModelRequest, read_request
from .openai_sending import Sender
from .openai_state import Outcome, RecordedRequest, State, without_image_data
from .openai_tools import Calls, check_calls
from .openai_types import check_types
from .openai_usage import CHARACTERS_PER_TOKEN, Usage, reasoning_tokens, text_tokens

_ENDPOINTS: dict[str, Endpoint] = {"/v1/responses": "responses", "/v1/chat/completions": "chat"}


class Api:
    """Answers requests as the service does, by what `state` has programmed, and records them there."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def handle(self, exchange: Exchange) -> None:
        came = exchange.request
        record = self._state.begin(came.method, came.path, came.headers)
        send = Sender(exchange, record)
        try:
            record.outcome = await self._answer(exchange, record, send)
        except ApiError as error:
            record.outcome, record.error = "refused", error.body()["error"]
            await send.error(error)
        except ScriptError as error:
            told = ApiError(str(error), status=500, type="double_script_error", headers={"x-should-retry": "false"})
            record.outcome, record.error = "script_error", told.body()["error"]
            await send.error(told)
        except asyncio.CancelledError:
            record.outcome = "client_gone"
            raise
        except Exception as error:
            record.outcome = "script_error"
            record.error = {"message": f"the double itself broke: {type(error).__name__}: {error}"}
            raise
        finally:
            self._state.end(record)

    async def _answer(self, exchange: Exchange, record: RecordedRequest, send: Sender) -> Outcome:
        came = exchange.request
        scheme, _, key = came.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise no_key()
        if key != self._state.api_key:
            raise wrong_key(key)
        if came.method == "POST" and came.path in _ENDPOINTS:
            request = self._read(_ENDPOINTS[came.path], exchange.take_body(), record)
            return await self._complete(request, exchange, record, send)
        name = came.path.removeprefix("/v1/models/")
        if came.method == "GET" and came.path == "/v1/models":
            await send.json({"object": "list", "data": [_model(name) for name in self._state.models]})
        elif came.method == "GET" and name in self._state.models:
            await send.json(_model(name))
        elif came.method == "GET" and name != came.path:
            raise unknown_model(name)
        else:
            raise unknown_route(came.method, came.path)
        return "answered"

    def _read(self, endpoint: Endpoint, content: bytes, record: RecordedRequest) -> ModelRequest:
        body = check_types(endpoint, content)
        record.body = without_image_data(body)
        if body["model"] not in self._state.models:
            raise unknown_model(body["model"])
        request = replace(read_request(endpoint, body), body=record.body)
        check_model_rules(request)
        record.kind, record.images = request.kind, request.images
        return request

    async def _complete(
        self, request: ModelRequest, exchange: Exchange, record: RecordedRequest, send: Sender
    ) -> Outcome:
        more_s, fault = self._state.next_fault(request)
        record.fault = describe(fault)
        await asyncio.sleep(more_s + (fault.after_s if fault else 0))
        match _as_played(fault, request):
            case Fault(kind="hang"):
                await asyncio.Event().wait()
            case Fault(kind="connection_closed"):
                exchange.abort()
                return "fault"
            case Fault(kind="http_error") as failing:
                await send.error(failing.as_error())
                return "fault"
        completion = self._completion(request, fault)
        record.output = completion.text
        wait_s = self._state.vision_s if request.kind == "vision" else self._state.answer_s
        said = answer(request, completion)
        if request.stream:
            await send.stream(said, request, fault, wait_s)
        else:
            await asyncio.sleep(wait_s)
            await send.json(said.object(), fault)
        return "fault" if fault else "answered"

    def _completion(self, request: ModelRequest, fault: Fault | None) -> Completion:
        """What the model says: the programmed reply or a made-up one, spoilt by the fault, cut at the token limit."""
        text = self._state.next_output(request)
        if isinstance(text, Calls):
            check_calls(text, request.tools, request.body.get("tool_choice"))
            return self._calling(request, text, fault)
        if text is None:
            text = _made_up(request)
        if request.strict and request.schema and (wrong := faults_in(text, request.schema)):
            raise ScriptError(f"the programmed reply does not keep the request's strict schema: {wrong}")
        prompt_tokens, cached = self._state.prompts.count(request)
        thinking = reasoning_tokens(request)

        def used(said: str) -> Usage:
            return Usage(prompt_tokens, cached, thinking + text_tokens(said), thinking)

        match fault:
            case Fault(kind="refusal", text=refusal):
                return Completion(None, used(refusal), refusal=refusal)
            case Fault(kind="incomplete", reason=reason):
                half = text[: len(text) // 2]
                return Completion(half, used(half), incomplete=reason)
            case Fault(kind="response_failed"):
                return Completion(None, used(""), failed=True)
            case Fault(kind="stream_error") if not request.stream:
                return Completion(None, used(""), failed=True)
        text = _spoilt(text, request, fault)
        usage, limit = used(text), request.max_output_tokens
        if limit is None or usage.output <= limit:
            return Completion(text, usage)
        # Thinking counts against the limit and comes first: it may leave nothing for the text.
        said = text[: max(0, limit - thinking) * CHARACTERS_PER_TOKEN] or None
        usage = replace(usage, output=limit, reasoning=min(thinking, limit))
        return Completion(said, usage, incomplete="max_output_tokens")

    def _calling(self, request: ModelRequest, output: Calls, fault: Fault | None) -> Completion:
        """What the model says and calls; faults of the text do not spoil it."""
        prompt_tokens, cached = self._state.prompts.count(request)
        thinking = reasoning_tokens(request)
        said = text_tokens(output.text + "".join(call.name + call.text for call in output.calls))
        usage = Usage(prompt_tokens, cached, thinking + said, thinking)
        if fault and fault.kind == "refusal":
            return Completion(None, usage, refusal=fault.text)
        if fault and fault.kind == "response_failed":
            return Completion(None, usage, failed=True)
        return Completion(output.text or None, usage, calls=output.calls)


def _as_played(fault: Fault | None, request: ModelRequest) -> Fault | None:
    """Chat Completions has no failed responses: what would be one is an error of the server."""
    if fault is None or request.endpoint == "responses":
        return fault
    failed = fault.kind == "response_failed" or (fault.kind == "stream_error" and not request.stream)
    return Fault.server_error(500) if failed else fault


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "system"}


def _made_up(request: ModelRequest) -> str:
    if request.schema is not None:
        return example(request.schema)
    if request.format.get("type") == "json_object":
        return json.dumps({"echo": request.text[-80:]}, ensure_ascii=False)
    return f"Echo: {request.text[-80:]}"


def _spoilt(text: str, request: ModelRequest, fault: Fault | None) -> str:
    """The output that the fault asks for in place of `text`."""
    match fault:
        case Fault(kind="output_text", text=wanted):
            return wanted
        case Fault(kind="output_malformed"):
            return text[: len(text) * 2 // 3]
        case Fault(kind="output_wrong_types" | "output_unknown_enum") if request.schema is None:
            raise ScriptError("this fault needs a request with a JSON schema")
        case Fault(kind="output_wrong_types"):
            return wrong_types(text, request.schema or {})
        case Fault(kind="output_unknown_enum"):
            return unknown_enum(text, request.schema or {})
    return text
